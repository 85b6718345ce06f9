// Opening things in another network namespace.
#pragma once

#include <string>

#include "napi_util.h"

namespace pio {

// Moves the calling thread into the namespace of a file for the lifetime of the guard and always back again.
class NetnsGuard {
 public:
  NetnsGuard() = default;
  NetnsGuard(const NetnsGuard&) = delete;
  NetnsGuard& operator=(const NetnsGuard&) = delete;
  ~NetnsGuard();
  // An empty path stays where the thread is.
  Failure enter(const std::string& path);

 private:
  int home_ = -1;
};

}  // namespace pio
