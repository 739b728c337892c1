// SPDX-License-Identifier: MIT
#pragma once

/// @file
/// Marks what the shared library shows. Everything else in it is hidden.

#define ACCEL_API __attribute__((visibility("default")))

/// Version of the interface, major * 10000 + minor * 100 + patch.
#define ACCEL_VERSION 100
