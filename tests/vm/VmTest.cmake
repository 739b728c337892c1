# SPDX-License-Identifier: MIT
#
# Tests that run in the virtual machine.
#
#   zaccel_add_vm_test(NAME name COMMAND command... TIMEOUT seconds
#                      [KERNELS 6 7] [LABELS label...] [ENVIRONMENT NAME=VALUE...])
#     One test per kernel, called vm6.name and vm7.name. A relative path of COMMAND is
#     looked up from the top of the checkout.
#
#   zaccel_discover_vm_gtests(target TIMEOUT seconds [KERNELS 6 7] [LABELS label...]
#                             [ENVIRONMENT NAME=VALUE...] [PREFIX text]
#                             [ALLOW_LOG regex...] [LATE [NOT_LATE regex...]])
#     The same for each case of a gtest program, listed when the program is built.
#     ALLOW_LOG: records of the kernel log that the cases bring about, and look at.
#     LATE: each case has a second test, vm6.late.PREFIXcase, in late mode, but
#     those whose whole name a NOT_LATE matches. They are about time or the place where
#     batches run, or run batches by the ten thousand or write a gigabyte.
#
# A machine is booted by the first of its tests and halted after the last; one test at
# a time uses it, and one machine at a time runs. TIMEOUT is the limit of the command
# in the machine; ctest's own is longer, so that a dead machine can be booted again.

set(ZACCEL_VM_PY ${CMAKE_CURRENT_LIST_DIR}/vm.py)
set(ZACCEL_VM_DISCOVER ${CMAKE_CURRENT_LIST_DIR}/discover.py)
set(ZACCEL_VM_KERNELS 6 7)
set(ZACCEL_VM_RESERVE 180)

function(_zaccel_add_machine kernel)
    # Debian has the allocators zero all memory, and who forgets to would go unnoticed.
    add_test(NAME vm${kernel}.boot
             COMMAND ${ZACCEL_VM_PY} boot --name vm${kernel} --kernel ${kernel} --display
                     --append init_on_alloc=0)
    add_test(NAME vm${kernel}.halt COMMAND ${ZACCEL_VM_PY} halt --name vm${kernel})
    set_tests_properties(vm${kernel}.boot vm${kernel}.halt PROPERTIES
        TIMEOUT 400 RESOURCE_LOCK vm LABELS kernel${kernel} SKIP_RETURN_CODE 77)
    set_tests_properties(vm${kernel}.boot PROPERTIES FIXTURES_SETUP vm${kernel})
    set_tests_properties(vm${kernel}.halt PROPERTIES FIXTURES_CLEANUP vm${kernel})
endfunction()

function(zaccel_add_vm_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT" "COMMAND;KERNELS;LABELS;ENVIRONMENT")
    if(NOT arg_NAME OR NOT arg_COMMAND OR NOT arg_TIMEOUT OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "zaccel_add_vm_test needs NAME, COMMAND and TIMEOUT: ${ARGN}")
    endif()
    if(NOT arg_KERNELS)
        set(arg_KERNELS ${ZACCEL_VM_KERNELS})
    endif()
    list(TRANSFORM arg_ENVIRONMENT PREPEND --env=)
    math(EXPR limit "${arg_TIMEOUT} + ${ZACCEL_VM_RESERVE}")
    foreach(kernel IN LISTS arg_KERNELS)
        set(name vm${kernel}.${arg_NAME})
        add_test(NAME ${name}
                 COMMAND ${ZACCEL_VM_PY} exec --name vm${kernel} --timeout ${arg_TIMEOUT}
                         --cwd ${PROJECT_SOURCE_DIR} ${arg_ENVIRONMENT} -- ${arg_COMMAND})
        set_tests_properties(${name} PROPERTIES
            TIMEOUT ${limit} FIXTURES_REQUIRED vm${kernel} RESOURCE_LOCK vm
            LABELS "kernel${kernel};${arg_LABELS}" SKIP_RETURN_CODE 77)
    endforeach()
endfunction()

function(zaccel_discover_vm_gtests target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "LATE" "TIMEOUT;PREFIX" "KERNELS;LABELS;ENVIRONMENT;ALLOW_LOG;NOT_LATE")
    if(NOT arg_TIMEOUT OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "zaccel_discover_vm_gtests needs TIMEOUT: ${ARGN}")
    endif()
    if(NOT arg_KERNELS)
        set(arg_KERNELS ${ZACCEL_VM_KERNELS})
    endif()
    list(TRANSFORM arg_KERNELS PREPEND --kernel=)
    list(TRANSFORM arg_LABELS PREPEND --label=)
    list(TRANSFORM arg_ENVIRONMENT PREPEND --env=)
    list(TRANSFORM arg_ALLOW_LOG PREPEND --allow-log=)
    list(TRANSFORM arg_NOT_LATE PREPEND --not-late=)
    set(late "")
    if(arg_LATE)
        set(late --late)
    endif()
    set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}-vm-tests.cmake)
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND ${ZACCEL_VM_DISCOVER} --program $<TARGET_FILE:${target}> --output ${list}
                --prefix=${arg_PREFIX} --timeout ${arg_TIMEOUT} --reserve ${ZACCEL_VM_RESERVE}
                ${arg_KERNELS} ${arg_LABELS} ${arg_ENVIRONMENT} ${arg_ALLOW_LOG}
                ${late} ${arg_NOT_LATE}
        BYPRODUCTS ${list} COMMENT "Listing the cases of ${target}" VERBATIM)
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list})
endfunction()

foreach(kernel IN LISTS ZACCEL_VM_KERNELS)
    _zaccel_add_machine(${kernel})
endforeach()
# Two machines would share two CPUs: the second boots when the first is gone.
set_tests_properties(vm7.boot PROPERTIES DEPENDS vm6.halt)

# What notices faults must be seen noticing them.
add_test(NAME vm6.harness COMMAND ${CMAKE_CURRENT_LIST_DIR}/harness_test.py vm6)
set_tests_properties(vm6.harness PROPERTIES
    TIMEOUT 400 FIXTURES_REQUIRED vm6 RESOURCE_LOCK vm LABELS "kernel6;harness")
