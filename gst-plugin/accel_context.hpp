// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include <accel/accel.hpp>
#include <memory>
#include <mutex>
#include <string>

namespace accelgst {

using DevicePtr = std::shared_ptr<const accel::Device>;

/// The device of an element, shared by the elements of a pipeline through contexts of the type
/// "gst.accel.device". The contexts are not persistent: after NULL nobody holds the device, so that
/// a pipeline that is restarted after the device was lost finds the new one.
class SharedDevice {
 public:
    explicit SharedDevice(GstElement* element) : element_(element) {}

    /// The device, from the neighbours, from the application, or opened here.
    /// @param path the node wanted; empty for any
    /// @throws accel::Error as accel::Device::open() does
    DevicePtr ensure(const std::string& path);

    void release();

    DevicePtr get() const;

    /// From GstElement's set_context: takes a device that fits, when there is none yet.
    void set_context(GstContext* context);

    /// Answers a query for the context; false when it asks for another one, or there is none.
    bool answer(GstQuery* query) const;

 private:
    bool ask_peers(GstPadDirection direction);
    void announce(const DevicePtr& device);

    GstElement* element_;
    mutable std::mutex mutex_;
    std::string path_;  // of ensure(); guarded by mutex_ as device_ is
    DevicePtr device_;
};

}  // namespace accelgst
