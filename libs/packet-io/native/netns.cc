#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

namespace pio {

Failure NetnsGuard::enter(const std::string& path) {
  if (path.empty()) return {};
  const int target = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (target < 0) return {errno, "open", "cannot open the network namespace " + path};
  const int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) {
    const int error = errno;
    ::close(target);
    return {error, "open", "cannot open this thread's own network namespace"};
  }
  const int result = setns(target, CLONE_NEWNET);
  const int error = errno;
  ::close(target);
  if (result != 0) {
    ::close(home);
    return {error, "setns", "cannot enter the network namespace " + path + " (it needs CAP_SYS_ADMIN)"};
  }
  home_ = home;
  return {};
}

NetnsGuard::~NetnsGuard() {
  if (home_ < 0) return;
  // A thread left in a foreign namespace would open everything else there: there is no safe way on.
  if (setns(home_, CLONE_NEWNET) != 0) {
    napi_fatal_error("packet-io", NAPI_AUTO_LENGTH, "cannot return to the thread's network namespace",
                     NAPI_AUTO_LENGTH);
  }
  ::close(home_);
}

}  // namespace pio
