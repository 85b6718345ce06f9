// TCP sockets that Node connects and drives: bound to a device before they connect, and told to keep little in the
// kernel. Everything that Node offers itself stays with Node.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "netns.h"

namespace pio {
namespace {

Failure open_bound(int32_t family, const std::string& device, int& out) {
  const int fd = ::socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return {errno, "socket", "cannot open a TCP socket"};
  if (!device.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                                    static_cast<socklen_t>(device.size() + 1)) != 0) {
    const Failure failure{errno, "setsockopt(SO_BINDTODEVICE)", "cannot bind a TCP socket to the device " + device};
    ::close(fd);
    return failure;
  }
  out = fd;
  return {};
}

// (family, device, netns) -> file descriptor, which belongs to the caller.
napi_value open_stream(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int32_t family;
  std::string device, netns;
  if (!args.integer(0, family) || !args.optional_text(1, device) || !args.optional_text(2, netns)) return nullptr;
  if (family != 4 && family != 6) {
    throw_misuse(env, kBadArgument, "family must be 4 or 6");
    return nullptr;
  }
  int fd = -1;
  Failure failure;
  {
    NetnsGuard guard;
    failure = guard.enter(netns);
    if (!failure) failure = open_bound(family, device, fd);
  }
  if (failure) {
    throw_failure(env, failure);
    return nullptr;
  }
  return number(env, fd);
}

// (fd, bytes, milliseconds) -> whether fd is a TCP socket and took both.
napi_value tune_stream(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int32_t fd, not_sent, user_timeout;
  if (!args.integer(0, fd) || !args.integer(1, not_sent) || !args.integer(2, user_timeout)) return nullptr;
  const bool taken =
      setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent, sizeof not_sent) == 0 &&
      setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout) == 0;
  napi_value result = nullptr;
  napi_get_boolean(env, taken, &result);
  return result;
}

void export_function(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

void register_stream(napi_env env, napi_value exports) {
  export_function(env, exports, "openStream", open_stream);
  export_function(env, exports, "tuneStream", tune_stream);
}

}  // namespace pio
