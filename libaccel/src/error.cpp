// SPDX-License-Identifier: MIT
#include <accel/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <optional>

namespace accel {

namespace {

struct Entry {
    Errc errc;
    const char* message;
    std::optional<std::errc> condition;  // the standard's name for it
};

constexpr Entry entries[] = {
    {Errc::device_lost, "device lost", std::errc::no_such_device},
    {Errc::timed_out, "timed out", std::errc::timed_out},
    {Errc::ring_full, "ring full", std::errc::resource_unavailable_try_again},
    {Errc::no_completion, "no completion", std::nullopt},
    {Errc::not_a_dmabuf, "not a dma-buf", std::nullopt},
    {Errc::not_a_fence, "not a fence", std::nullopt},
    {Errc::bad_descriptor, "bad file descriptor", std::errc::bad_file_descriptor},
    {Errc::constraint_unmet, "the device cannot use this memory", std::nullopt},
    {Errc::not_found, "not found", std::errc::no_such_file_or_directory},
    {Errc::invalid_argument, "invalid argument", std::errc::invalid_argument},
    {Errc::out_of_range, "out of range", std::errc::result_out_of_range},
    {Errc::bad_slot, "slot empty or of the wrong kind", std::nullopt},
    {Errc::too_large, "larger than the device allows", std::errc::argument_list_too_long},
    {Errc::access_denied, "access denied", std::errc::permission_denied},
    {Errc::out_of_memory, "out of memory", std::errc::not_enough_memory},
    {Errc::quota_exceeded, "no more of these allowed", std::errc::no_space_on_device},
    {Errc::not_supported, "not supported", std::errc::operation_not_supported},
    {Errc::canceled, "canceled", std::errc::operation_canceled},
    {Errc::interrupted, "interrupted", std::errc::interrupted},
    {Errc::busy, "busy", std::errc::device_or_resource_busy},
    {Errc::io_error, "the device failed", std::errc::io_error},
};

const Entry* find(int value) noexcept {
    for (const Entry& entry : entries)
        if (static_cast<int>(entry.errc) == value) return &entry;
    return nullptr;
}

class Category final : public std::error_category {
 public:
    const char* name() const noexcept override { return "accel"; }

    std::string message(int value) const override {
        const Entry* entry = find(value);
        return entry ? entry->message : "unknown error " + std::to_string(value);
    }

    std::error_condition default_error_condition(int value) const noexcept override {
        const Entry* entry = find(value);
        if (!entry || !entry->condition) return {value, *this};
        return std::make_error_condition(*entry->condition);
    }
};

std::string errno_name(int number) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
    if (const char* name = ::strerrorname_np(number)) return name;
#endif
    return "errno " + std::to_string(number);
}

std::string compose(const std::error_code& code, const std::string& thing, int number) {
    std::string text = thing.empty() ? code.message() : thing + ": " + code.message();
    if (number != 0) text += " (" + errno_name(number) + ")";
    return text;
}

}  // namespace

const std::error_category& category() noexcept {
    // Never destroyed: error codes are still looked at when a program's static objects go.
    alignas(Category) static std::byte storage[sizeof(Category)];
    static const Category* const instance = ::new (storage) Category;
    return *instance;
}

std::error_code error_from_errno(int number) noexcept {
    switch (number) {
        case 0:
            return {};
        case ENODEV:
        case ENXIO:
            return Errc::device_lost;
        case ETIME:
        case ETIMEDOUT:
            return Errc::timed_out;
        case EBADF:
            return Errc::bad_descriptor;
        case ENOENT:
            return Errc::not_found;
        case EINVAL:
            return Errc::invalid_argument;
        case ERANGE:
            return Errc::out_of_range;
        case EBADSLT:
            return Errc::bad_slot;
        case E2BIG:
            return Errc::too_large;
        case EACCES:
        case EPERM:
            return Errc::access_denied;
        case ENOMEM:
            return Errc::out_of_memory;
        case ENOSPC:
        case EMFILE:
        case ENFILE:
        case EDQUOT:
            return Errc::quota_exceeded;
        case EOPNOTSUPP:
        case ENOTTY:
            return Errc::not_supported;
        case ECANCELED:
            return Errc::canceled;
        case EINTR:
            return Errc::interrupted;
        case EBUSY:
        case EAGAIN:
            return Errc::busy;
        case EIO:
            return Errc::io_error;
        default:
            return {number, std::system_category()};
    }
}

Error::Error(std::error_code code, const std::string& thing, int number)
    : std::system_error(code), text_(compose(code, thing, number)), number_(number) {}

const char* Error::what() const noexcept { return text_.what(); }

}  // namespace accel
