// SPDX-License-Identifier: MIT
#include "accel_error.hpp"

namespace accelgst {
namespace {

struct Report {
    accel::Errc errc;
    gint code;  // of GST_RESOURCE_ERROR
    const char* advice;
};

constexpr Report reports[] = {
    {accel::Errc::not_found, GST_RESOURCE_ERROR_NOT_FOUND,
     "Load the accelerator's driver (modprobe zaccel), or set the property device to a node under "
     "/dev/accel."},
    {accel::Errc::access_denied, GST_RESOURCE_ERROR_OPEN_READ_WRITE,
     "The nodes under /dev/accel are for members of the group render."},
    {accel::Errc::device_lost, GST_RESOURCE_ERROR_NOT_FOUND,
     "The accelerator was unplugged or its driver unbound. Restart the pipeline when it is back."},
    {accel::Errc::timed_out, GST_RESOURCE_ERROR_BUSY, "The accelerator did not finish in time."},
    {accel::Errc::out_of_memory, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "There is not enough memory."},
    {accel::Errc::quota_exceeded, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
     "A limit was reached: open files, rings or slots."},
    {accel::Errc::not_supported, GST_RESOURCE_ERROR_SETTINGS,
     "The accelerator cannot do this: is it a zaccel device with this operation?"},
};

const Report& report_of(const std::error_code& code) {
    static constexpr Report other{accel::Errc::io_error, GST_RESOURCE_ERROR_FAILED, ""};
    for (const Report& report : reports)
        if (code == make_error_code(report.errc)) return report;
    return other;
}

void post(GstElement* element, gint code, const std::string& text, const char* debug) {
    gst_element_message_full(element, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, code,
                             g_strdup(text.c_str()), g_strdup(debug), __FILE__, GST_FUNCTION,
                             __LINE__);
}

}  // namespace

void post_error(GstElement* element, const std::string& doing, const accel::Error& error) {
    const Report& report = report_of(error.code());
    std::string text = "Could not " + doing + ": " + error.code().message() + ".";
    if (*report.advice) text.append(" ").append(report.advice);
    post(element, report.code, text, error.what());
}

void post_error(GstElement* element, const std::string& doing, const std::exception& error) {
    if (const auto* known = dynamic_cast<const accel::Error*>(&error))
        return post_error(element, doing, *known);
    post(element, GST_RESOURCE_ERROR_FAILED, "Could not " + doing + ".", error.what());
}

}  // namespace accelgst
