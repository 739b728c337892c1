/* SPDX-License-Identifier: MIT */
#ifndef ZACCEL_TESTS_UAPI_LAYOUT_H
#define ZACCEL_TESTS_UAPI_LAYOUT_H

/*
 * The binary interface, written down a second time. What stands here cannot be changed any more; the
 * compiler checks it, for 64-bit programs in C++ and for 32-bit ones in C.
 */

#include <drm/zaccel_accel.h>
#include <stddef.h>

#ifdef __cplusplus
#define ALIGNMENT(type) alignof(type)
#else
#define ALIGNMENT(type) _Alignof(type)
#ifndef static_assert
#define static_assert _Static_assert
#endif
#endif

/* Size of a structure, then each field's offset and size. */
#define SIZE_IS(type, size) static_assert(sizeof(type) == (size) && ALIGNMENT(type) <= 8, #type)
#define FIELD_IS(type, field, offset, size)                                                 \
    static_assert(offsetof(type, field) == (offset) && sizeof(((type*)0)->field) == (size), \
                  #type "." #field)
#define IS_SO(...) static_assert(__VA_ARGS__, #__VA_ARGS__)

SIZE_IS(struct drm_zaccel_query, 24);
FIELD_IS(struct drm_zaccel_query, type, 0, 4);
FIELD_IS(struct drm_zaccel_query, flags, 4, 4);
FIELD_IS(struct drm_zaccel_query, stride, 8, 4);
FIELD_IS(struct drm_zaccel_query, count, 12, 4);
FIELD_IS(struct drm_zaccel_query, data, 16, 8);

SIZE_IS(struct drm_zaccel_device_info, 64);
FIELD_IS(struct drm_zaccel_device_info, min_ring_entries, 0, 4);
FIELD_IS(struct drm_zaccel_device_info, max_ring_entries, 4, 4);
FIELD_IS(struct drm_zaccel_device_info, max_slots, 8, 4);
FIELD_IS(struct drm_zaccel_device_info, max_rings, 12, 4);
FIELD_IS(struct drm_zaccel_device_info, max_buffer_size, 16, 8);
FIELD_IS(struct drm_zaccel_device_info, max_image_size, 24, 4);
FIELD_IS(struct drm_zaccel_device_info, pitch_align, 28, 4);
FIELD_IS(struct drm_zaccel_device_info, max_syncobjs, 32, 4);
FIELD_IS(struct drm_zaccel_device_info, max_exec, 36, 4);
FIELD_IS(struct drm_zaccel_device_info, max_sqe_size, 40, 4);
FIELD_IS(struct drm_zaccel_device_info, max_cqe_size, 44, 4);
FIELD_IS(struct drm_zaccel_device_info, max_batch_ms, 48, 4);
FIELD_IS(struct drm_zaccel_device_info, default_timeout_ms, 52, 4);
FIELD_IS(struct drm_zaccel_device_info, default_idle_us, 56, 4);
FIELD_IS(struct drm_zaccel_device_info, max_idle_us, 60, 4);

SIZE_IS(struct drm_zaccel_engine_info, 56);
FIELD_IS(struct drm_zaccel_engine_info, name, 0, 32);
FIELD_IS(struct drm_zaccel_engine_info, id, 32, 4);
FIELD_IS(struct drm_zaccel_engine_info, instances, 36, 4);
FIELD_IS(struct drm_zaccel_engine_info, flags, 40, 4);
FIELD_IS(struct drm_zaccel_engine_info, address_bits, 44, 4);
FIELD_IS(struct drm_zaccel_engine_info, align, 48, 4);
FIELD_IS(struct drm_zaccel_engine_info, pad, 52, 4);

SIZE_IS(struct drm_zaccel_operation_info, 24);
FIELD_IS(struct drm_zaccel_operation_info, opcode, 0, 4);
FIELD_IS(struct drm_zaccel_operation_info, engine, 4, 4);
FIELD_IS(struct drm_zaccel_operation_info, dst_kind, 8, 4);
FIELD_IS(struct drm_zaccel_operation_info, src_kind, 12, 4);
FIELD_IS(struct drm_zaccel_operation_info, args_size, 16, 4);
FIELD_IS(struct drm_zaccel_operation_info, pad, 20, 4);

SIZE_IS(struct drm_zaccel_format_info, 24);
FIELD_IS(struct drm_zaccel_format_info, fourcc, 0, 4);
FIELD_IS(struct drm_zaccel_format_info, opcode, 4, 4);
FIELD_IS(struct drm_zaccel_format_info, modifier, 8, 8);
FIELD_IS(struct drm_zaccel_format_info, flags, 16, 4);
FIELD_IS(struct drm_zaccel_format_info, engine, 20, 4);

SIZE_IS(struct drm_zaccel_region_info, 64);
FIELD_IS(struct drm_zaccel_region_info, name, 0, 32);
FIELD_IS(struct drm_zaccel_region_info, id, 32, 4);
FIELD_IS(struct drm_zaccel_region_info, pad, 36, 4);
FIELD_IS(struct drm_zaccel_region_info, size, 40, 8);
FIELD_IS(struct drm_zaccel_region_info, max_buffer_size, 48, 8);
FIELD_IS(struct drm_zaccel_region_info, used, 56, 8);

SIZE_IS(struct drm_zaccel_buffer_create, 24);
FIELD_IS(struct drm_zaccel_buffer_create, size, 0, 8);
FIELD_IS(struct drm_zaccel_buffer_create, region, 8, 4);
FIELD_IS(struct drm_zaccel_buffer_create, flags, 12, 4);
FIELD_IS(struct drm_zaccel_buffer_create, handle, 16, 4);
FIELD_IS(struct drm_zaccel_buffer_create, pad, 20, 4);

SIZE_IS(struct drm_zaccel_buffer_info, 32);
FIELD_IS(struct drm_zaccel_buffer_info, handle, 0, 4);
FIELD_IS(struct drm_zaccel_buffer_info, flags, 4, 4);
FIELD_IS(struct drm_zaccel_buffer_info, size, 8, 8);
FIELD_IS(struct drm_zaccel_buffer_info, mmap_offset, 16, 8);
FIELD_IS(struct drm_zaccel_buffer_info, region, 24, 4);
FIELD_IS(struct drm_zaccel_buffer_info, pad, 28, 4);

SIZE_IS(struct drm_zaccel_buffer_wait, 16);
FIELD_IS(struct drm_zaccel_buffer_wait, handle, 0, 4);
FIELD_IS(struct drm_zaccel_buffer_wait, flags, 4, 4);
FIELD_IS(struct drm_zaccel_buffer_wait, deadline_ns, 8, 8);

SIZE_IS(struct drm_zaccel_buffer_export, 16);
FIELD_IS(struct drm_zaccel_buffer_export, handle, 0, 4);
FIELD_IS(struct drm_zaccel_buffer_export, flags, 4, 4);
FIELD_IS(struct drm_zaccel_buffer_export, fd, 8, 4);
FIELD_IS(struct drm_zaccel_buffer_export, pad, 12, 4);

SIZE_IS(struct drm_zaccel_ring_create, 72);
FIELD_IS(struct drm_zaccel_ring_create, flags, 0, 4);
FIELD_IS(struct drm_zaccel_ring_create, engine, 4, 4);
FIELD_IS(struct drm_zaccel_ring_create, sq_entries, 8, 4);
FIELD_IS(struct drm_zaccel_ring_create, cq_entries, 12, 4);
FIELD_IS(struct drm_zaccel_ring_create, sqe_size, 16, 4);
FIELD_IS(struct drm_zaccel_ring_create, cqe_size, 20, 4);
FIELD_IS(struct drm_zaccel_ring_create, slots, 24, 4);
FIELD_IS(struct drm_zaccel_ring_create, id, 28, 4);
FIELD_IS(struct drm_zaccel_ring_create, handle, 32, 4);
FIELD_IS(struct drm_zaccel_ring_create, sq_offset, 36, 4);
FIELD_IS(struct drm_zaccel_ring_create, cq_offset, 40, 4);
FIELD_IS(struct drm_zaccel_ring_create, priority, 44, 4);
FIELD_IS(struct drm_zaccel_ring_create, size, 48, 8);
FIELD_IS(struct drm_zaccel_ring_create, timeout_ms, 56, 4);
FIELD_IS(struct drm_zaccel_ring_create, idle_us, 60, 4);
FIELD_IS(struct drm_zaccel_ring_create, poll_cpu, 64, 4);
FIELD_IS(struct drm_zaccel_ring_create, pad, 68, 4);

SIZE_IS(struct drm_zaccel_ring_destroy, 8);
FIELD_IS(struct drm_zaccel_ring_destroy, id, 0, 4);
FIELD_IS(struct drm_zaccel_ring_destroy, pad, 4, 4);

SIZE_IS(struct drm_zaccel_plane, 24);
FIELD_IS(struct drm_zaccel_plane, handle, 0, 4);
FIELD_IS(struct drm_zaccel_plane, pitch, 4, 4);
FIELD_IS(struct drm_zaccel_plane, offset, 8, 8);
FIELD_IS(struct drm_zaccel_plane, size, 16, 8);

SIZE_IS(struct drm_zaccel_ring_bind, 136);
FIELD_IS(struct drm_zaccel_ring_bind, id, 0, 4);
FIELD_IS(struct drm_zaccel_ring_bind, slot, 4, 4);
FIELD_IS(struct drm_zaccel_ring_bind, kind, 8, 4);
FIELD_IS(struct drm_zaccel_ring_bind, flags, 12, 4);
FIELD_IS(struct drm_zaccel_ring_bind, fourcc, 16, 4);
FIELD_IS(struct drm_zaccel_ring_bind, width, 20, 4);
FIELD_IS(struct drm_zaccel_ring_bind, height, 24, 4);
FIELD_IS(struct drm_zaccel_ring_bind, pad, 28, 4);
FIELD_IS(struct drm_zaccel_ring_bind, modifier, 32, 8);
FIELD_IS(struct drm_zaccel_ring_bind, planes, 40, 96);

SIZE_IS(struct drm_zaccel_sync, 16);
FIELD_IS(struct drm_zaccel_sync, handle, 0, 4);
FIELD_IS(struct drm_zaccel_sync, flags, 4, 4);
FIELD_IS(struct drm_zaccel_sync, point, 8, 8);

SIZE_IS(struct drm_zaccel_ring_submit, 40);
FIELD_IS(struct drm_zaccel_ring_submit, id, 0, 4);
FIELD_IS(struct drm_zaccel_ring_submit, flags, 4, 4);
FIELD_IS(struct drm_zaccel_ring_submit, in_syncobjs, 8, 8);
FIELD_IS(struct drm_zaccel_ring_submit, out_syncobjs, 16, 8);
FIELD_IS(struct drm_zaccel_ring_submit, in_count, 24, 4);
FIELD_IS(struct drm_zaccel_ring_submit, out_count, 28, 4);
FIELD_IS(struct drm_zaccel_ring_submit, fetched, 32, 4);
FIELD_IS(struct drm_zaccel_ring_submit, pad, 36, 4);

SIZE_IS(struct drm_zaccel_ring_wait, 24);
FIELD_IS(struct drm_zaccel_ring_wait, id, 0, 4);
FIELD_IS(struct drm_zaccel_ring_wait, index, 4, 4);
FIELD_IS(struct drm_zaccel_ring_wait, deadline_ns, 8, 8);
FIELD_IS(struct drm_zaccel_ring_wait, flags, 16, 4);
FIELD_IS(struct drm_zaccel_ring_wait, tail, 20, 4);

SIZE_IS(struct drm_zaccel_ring_eventfd, 16);
FIELD_IS(struct drm_zaccel_ring_eventfd, id, 0, 4);
FIELD_IS(struct drm_zaccel_ring_eventfd, flags, 4, 4);
FIELD_IS(struct drm_zaccel_ring_eventfd, fd, 8, 4);
FIELD_IS(struct drm_zaccel_ring_eventfd, pad, 12, 4);

SIZE_IS(struct drm_zaccel_ring_fd, 16);
FIELD_IS(struct drm_zaccel_ring_fd, id, 0, 4);
FIELD_IS(struct drm_zaccel_ring_fd, flags, 4, 4);
FIELD_IS(struct drm_zaccel_ring_fd, fd, 8, 4);
FIELD_IS(struct drm_zaccel_ring_fd, pad, 12, 4);

SIZE_IS(struct drm_zaccel_ring_header, 256);
FIELD_IS(struct drm_zaccel_ring_header, sq_tail, 0, 4);
FIELD_IS(struct drm_zaccel_ring_header, sq_head, 64, 4);
FIELD_IS(struct drm_zaccel_ring_header, flags, 68, 4);
FIELD_IS(struct drm_zaccel_ring_header, poll_status, 72, 4);
FIELD_IS(struct drm_zaccel_ring_header, cq_tail, 128, 4);
FIELD_IS(struct drm_zaccel_ring_header, cq_head, 192, 4);

SIZE_IS(struct drm_zaccel_command, 64);
FIELD_IS(struct drm_zaccel_command, opcode, 0, 2);
FIELD_IS(struct drm_zaccel_command, flags, 2, 2);
FIELD_IS(struct drm_zaccel_command, pad, 4, 4);
FIELD_IS(struct drm_zaccel_command, user_data, 8, 8);
FIELD_IS(struct drm_zaccel_command, dst, 16, 4);
FIELD_IS(struct drm_zaccel_command, src, 20, 4);
FIELD_IS(struct drm_zaccel_command, args, 24, 40);

SIZE_IS(struct drm_zaccel_completion, 32);
FIELD_IS(struct drm_zaccel_completion, user_data, 0, 8);
FIELD_IS(struct drm_zaccel_completion, result, 8, 8);
FIELD_IS(struct drm_zaccel_completion, time_ns, 16, 8);
FIELD_IS(struct drm_zaccel_completion, status, 24, 4);
FIELD_IS(struct drm_zaccel_completion, flags, 28, 4);

SIZE_IS(struct drm_zaccel_params, 16);
FIELD_IS(struct drm_zaccel_params, slot, 0, 4);
FIELD_IS(struct drm_zaccel_params, size, 4, 4);
FIELD_IS(struct drm_zaccel_params, offset, 8, 8);

SIZE_IS(struct drm_zaccel_point, 8);
FIELD_IS(struct drm_zaccel_point, point, 0, 8);

SIZE_IS(struct drm_zaccel_exec, 16);
FIELD_IS(struct drm_zaccel_exec, offset, 0, 8);
FIELD_IS(struct drm_zaccel_exec, count, 8, 4);
FIELD_IS(struct drm_zaccel_exec, pad, 12, 4);

SIZE_IS(struct drm_zaccel_fill, 24);
FIELD_IS(struct drm_zaccel_fill, offset, 0, 8);
FIELD_IS(struct drm_zaccel_fill, size, 8, 8);
FIELD_IS(struct drm_zaccel_fill, pattern, 16, 8);

SIZE_IS(struct drm_zaccel_copy, 24);
FIELD_IS(struct drm_zaccel_copy, dst_offset, 0, 8);
FIELD_IS(struct drm_zaccel_copy, src_offset, 8, 8);
FIELD_IS(struct drm_zaccel_copy, size, 16, 8);

SIZE_IS(struct drm_zaccel_crc32c, 24);
FIELD_IS(struct drm_zaccel_crc32c, offset, 0, 8);
FIELD_IS(struct drm_zaccel_crc32c, size, 8, 8);
FIELD_IS(struct drm_zaccel_crc32c, seed, 16, 4);
FIELD_IS(struct drm_zaccel_crc32c, pad, 20, 4);

SIZE_IS(struct drm_zaccel_convert, 8);
FIELD_IS(struct drm_zaccel_convert, src_matrix, 0, 1);
FIELD_IS(struct drm_zaccel_convert, src_range, 1, 1);
FIELD_IS(struct drm_zaccel_convert, dst_matrix, 2, 1);
FIELD_IS(struct drm_zaccel_convert, dst_range, 3, 1);
FIELD_IS(struct drm_zaccel_convert, filter, 4, 1);
FIELD_IS(struct drm_zaccel_convert, pad, 5, 3);

SIZE_IS(struct drm_zaccel_convolve3x3, 24);
FIELD_IS(struct drm_zaccel_convolve3x3, coefficients, 0, 18);
FIELD_IS(struct drm_zaccel_convolve3x3, bias, 18, 2);
FIELD_IS(struct drm_zaccel_convolve3x3, shift, 20, 1);
FIELD_IS(struct drm_zaccel_convolve3x3, pad, 21, 3);

IS_SO(DRM_IOCTL_ZACCEL_QUERY == 0xc0186440);
IS_SO(DRM_IOCTL_ZACCEL_BUFFER_CREATE == 0xc0186441);
IS_SO(DRM_IOCTL_ZACCEL_BUFFER_INFO == 0xc0206442);
IS_SO(DRM_IOCTL_ZACCEL_RING_CREATE == 0xc0486443);
IS_SO(DRM_IOCTL_ZACCEL_RING_DESTROY == 0x40086444);
IS_SO(DRM_IOCTL_ZACCEL_RING_BIND == 0x40886445);
IS_SO(DRM_IOCTL_ZACCEL_RING_SUBMIT == 0xc0286446);
IS_SO(DRM_IOCTL_ZACCEL_RING_WAIT == 0xc0186447);
IS_SO(DRM_IOCTL_ZACCEL_BUFFER_WAIT == 0x40106448);
IS_SO(DRM_IOCTL_ZACCEL_BUFFER_EXPORT == 0xc0106449);
IS_SO(DRM_IOCTL_ZACCEL_RING_EVENTFD == 0x4010644a);
IS_SO(DRM_IOCTL_ZACCEL_RING_FD == 0xc010644b);
IS_SO(DRM_IOCTL_ZACCEL_FD_KICK == 0x6480);
IS_SO(DRM_IOCTL_ZACCEL_FD_WAIT == 0xc0186481);

IS_SO(ZACCEL_QUERY_DEVICE == 0 && ZACCEL_QUERY_ENGINES == 1 &&
      ZACCEL_QUERY_OPERATIONS == 2 && ZACCEL_QUERY_FORMATS == 3 &&
      ZACCEL_QUERY_REGIONS == 4);
IS_SO(ZACCEL_FORMAT_SOURCE == 1 && ZACCEL_FORMAT_DESTINATION == 2);
IS_SO(ZACCEL_REGION_SYSTEM == 0 && ZACCEL_REGION_CONTIGUOUS == 1 && ZACCEL_REGION_LOCAL == 2);
IS_SO(ZACCEL_BUFFER_IMPORTED == 1 && ZACCEL_BUFFER_SHARED == 2);
IS_SO(ZACCEL_BUFFER_WAIT_READ == 1 && ZACCEL_EXPORT_READONLY == 1);
IS_SO(ZACCEL_ENGINE_CONTIGUOUS == 1);
IS_SO(ZACCEL_RING_POLL == 1 && ZACCEL_RING_POLL_CPU == 2 && ZACCEL_RING_NEED_WAKEUP == 1);
IS_SO(ZACCEL_SLOT_EMPTY == 0 && ZACCEL_SLOT_RANGE == 1 && ZACCEL_SLOT_IMAGE == 2 &&
      ZACCEL_SLOT_SYNCOBJ == 3 && ZACCEL_SLOT_TENSOR == 4);
IS_SO(ZACCEL_MAX_PLANES == 4 && ZACCEL_MAX_SYNCOBJS == 16);
IS_SO(ZACCEL_OP_NOP == 0 && ZACCEL_OP_FILL == 1 && ZACCEL_OP_COPY == 2 &&
      ZACCEL_OP_CRC32C == 3 && ZACCEL_OP_CONVERT == 4 && ZACCEL_OP_INVERT == 5 &&
      ZACCEL_OP_CONVOLVE3X3 == 6 && ZACCEL_OP_WAIT == 7 && ZACCEL_OP_SIGNAL == 8 &&
      ZACCEL_OP_EXEC == 9 && ZACCEL_OPCODE_ENGINE_BASE == 0x8000);
IS_SO(ZACCEL_CMD_END == 1 && ZACCEL_CMD_CONTINUE == 2 && ZACCEL_CMD_TIMESTAMP == 4 &&
      ZACCEL_CMD_PARAMS == 8 && ZACCEL_CMD_EXPLICIT_SYNC == 16);
IS_SO(ZACCEL_MATRIX_BT601 == 0 && ZACCEL_MATRIX_BT709 == 1);
IS_SO(ZACCEL_RANGE_LIMITED == 0 && ZACCEL_RANGE_FULL == 1);
IS_SO(ZACCEL_FILTER_NEAREST == 0 && ZACCEL_FILTER_BILINEAR == 1);

#undef IS_SO
#undef FIELD_IS
#undef SIZE_IS
#undef ALIGNMENT

#endif
