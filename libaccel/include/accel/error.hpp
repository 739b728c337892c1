// SPDX-License-Identifier: MIT
#pragma once

#include <accel/export.hpp>
#include <stdexcept>
#include <string>
#include <system_error>

namespace accel {

/// What can go wrong, in the library's own terms. Numbers never change; new ones are added at the
/// end. Each compares equal to the std::errc of its meaning where there is one, so that
/// `code == std::errc::timed_out` works.
enum class Errc {
    device_lost = 1,   ///< The device was unplugged or its driver unbound (ENODEV, ENXIO).
    timed_out,         ///< A deadline passed: the caller's, or the device's own for a batch.
    ring_full,         ///< No room for the whole batch; reap and try again.
    no_completion,     ///< Nothing to reap now, or nothing outstanding to wait for.
    not_a_dmabuf,      ///< The file descriptor is of another kind.
    not_a_fence,       ///< The file descriptor is no sync_file.
    bad_descriptor,    ///< The file descriptor is closed, or there is none (EBADF).
    constraint_unmet,  ///< Memory the device cannot use: alignment, kind, placement.
    not_found,         ///< No such device, engine, ring or handle (ENOENT).
    invalid_argument,  ///< An argument that is never right (EINVAL).
    out_of_range,      ///< Bytes or pixels outside their buffer or slot (ERANGE).
    bad_slot,          ///< A command's slot is empty or holds the wrong kind (EBADSLT).
    too_large,         ///< More than the device's limit for one object (E2BIG).
    access_denied,     ///< Permission, or a write to something read-only (EACCES, EPERM).
    out_of_memory,     ///< (ENOMEM)
    quota_exceeded,    ///< No more rings, slots, descriptors (ENOSPC, EMFILE, ENFILE, EDQUOT).
    not_supported,     ///< Unknown operation, format, modifier or call (EOPNOTSUPP, ENOTTY).
    canceled,          ///< Not run: an earlier command of its batch failed, or ring or device went.
    interrupted,       ///< A signal came (EINTR); seen only where a call cannot be restarted.
    busy,              ///< In use by somebody else (EBUSY, EAGAIN).
    io_error,          ///< The device failed to do it (EIO).
};

/// The category of Errc values; its name is "accel".
ACCEL_API const std::error_category& category() noexcept;

/// Makes std::error_code constructible from Errc.
inline std::error_code make_error_code(Errc errc) noexcept {
    return {static_cast<int>(errc), category()};
}

/// The one way from an errno (positive, as a system call leaves it) to an error_code: one of Errc
/// where it is listed there, otherwise the number itself in std::system_category(). 0 is success.
ACCEL_API std::error_code error_from_errno(int number) noexcept;

/// What every throwing function of the library throws.
///
/// what() names the thing, the meaning and, where the system said so, the errno:
/// "import of fd 7: not a dma-buf (EINVAL)".
class ACCEL_API Error : public std::system_error {
 public:
    /// @param code what happened
    /// @param thing what it happened to, such as "import of fd 7"; may be empty
    /// @param number the errno behind it, positive; 0 for none
    explicit Error(std::error_code code, const std::string& thing = {}, int number = 0);

    const char* what() const noexcept override;

    /// The errno behind it; 0 when there is none, or when the error came as an Expected, which
    /// carries the code only.
    int os_error() const noexcept { return number_; }

 private:
    std::runtime_error text_;
    int number_;
};

}  // namespace accel

template <>
struct std::is_error_code_enum<accel::Errc> : std::true_type {};
