// SPDX-License-Identifier: MIT
#pragma once

#include <gst/base/gstbasetransform.h>

#include <accel/accel.hpp>
#include <span>
#include <stdexcept>

#include "accel_caps.hpp"

namespace accelgst {
struct BaseState;

/// From make_command: the element cannot do this to the frame. what() is for the user to read.
class FrameRefused : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};
}  // namespace accelgst

/// What accel elements with one input and one output have in common: the device, the ring, memory
/// both ways, statistics, errors. A subclass says which operations it needs, how caps change, and
/// which command turns one frame into another.
struct GstAccelBaseTransform {
    GstBaseTransform parent;
    accelgst::BaseState* state;
};

struct GstAccelBaseTransformClass {
    GstBaseTransformClass parent_class;

    /// What the ring's engine must have.
    std::span<const accel::Operation> operations;

    /// May be null. False refuses the caps; says why in the log.
    bool (*set_formats)(GstAccelBaseTransform* self, const accelgst::FrameCaps& in,
                        const accelgst::FrameCaps& out);

    /// Called for each frame, on the streaming thread. May throw FrameRefused.
    accel::Command (*make_command)(GstAccelBaseTransform* self, const accel::Slot& dst,
                                   const accel::Slot& src);
};

GType gst_accel_base_transform_get_type();

#define GST_ACCEL_BASE_TRANSFORM(object) (reinterpret_cast<GstAccelBaseTransform*>(object))
#define GST_ACCEL_BASE_TRANSFORM_CLASS(klass) (reinterpret_cast<GstAccelBaseTransformClass*>(klass))

namespace accelgst {

/// Adds both pad templates, made of all @p formats.
void add_templates(GstElementClass* klass, const FormatList& formats);

/// What is left of @p other when the peer of the other pad takes anything: system memory, which
/// everybody can use. All of it otherwise, and where there is no system memory or no peer.
GstPtr<GstCaps> usable_caps(GstBaseTransform* trans, GstPadDirection direction,
                            GstPtr<GstCaps> other);

}  // namespace accelgst
