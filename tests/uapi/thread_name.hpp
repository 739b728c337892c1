// SPDX-License-Identifier: MIT
#pragma once

#include <sys/prctl.h>

namespace uapi_tests {

/// The name of this thread, put back when it goes.
class ThreadName {
 public:
    explicit ThreadName(const char* name) {
        ::prctl(PR_GET_NAME, old_);
        ::prctl(PR_SET_NAME, name);
    }
    ThreadName(const ThreadName&) = delete;
    ThreadName& operator=(const ThreadName&) = delete;
    ~ThreadName() { ::prctl(PR_SET_NAME, old_); }

 private:
    char old_[16] = {};
};

}  // namespace uapi_tests
