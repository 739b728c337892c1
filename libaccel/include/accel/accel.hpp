// SPDX-License-Identifier: MIT
#pragma once

/// @file
/// Everything of the library.

#include <accel/accelerator.hpp>
#include <accel/buffer.hpp>
#include <accel/command.hpp>
#include <accel/device.hpp>
#include <accel/error.hpp>
#include <accel/expected.hpp>
#include <accel/export.hpp>
#include <accel/fence.hpp>
#include <accel/image.hpp>
#include <accel/ring.hpp>
#include <accel/unique_fd.hpp>
