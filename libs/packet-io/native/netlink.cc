// Changes of links, addresses and routes: that something changed, not what.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "addon.h"
#include "netns.h"
#include "pollable.h"

namespace pio {
namespace {

class LinkWatch final : public Pollable {
 public:
  using Pollable::attach;

 private:
  // Takes everything that waits, so that changes that come together make one call.
  bool on_event() override {
    std::array<uint8_t, 8192> buffer;
    while (::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0 || errno == ENOBUFS || errno == EINTR) {
      errno = 0;
    }
    return true;
  }
  // ENOBUFS: changes were lost, which is a change.
  bool on_error() override {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length);
    return on_event();
  }
};

Failure open_netlink(int& out) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return {errno, "socket", "cannot open a netlink socket"};
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) {
    const int error = errno;
    ::close(fd);
    return {error, "bind", "cannot subscribe to link changes"};
  }
  out = fd;
  return {};
}

napi_value construct(napi_env env, napi_callback_info info) {
  Args args(env, info);
  std::string netns;
  if (!constructing(env, info, "LinkWatch") || !args.optional_text(0, netns) || !args.function(1)) return nullptr;
  int fd = -1;
  Failure failure;
  {
    NetnsGuard guard;
    failure = guard.enter(netns);
    if (!failure) failure = open_netlink(fd);
  }
  if (failure) {
    throw_failure(env, failure);
    return nullptr;
  }
  auto* watch = new LinkWatch;
  return watch->attach(env, args.self(), fd, args[1], nullptr) ? args.self() : nullptr;
}

}  // namespace

void register_link_watch(napi_env env, napi_value exports) {
  napi_property_descriptor properties[Pollable::kMethods] = {};
  Pollable::describe(properties);
  export_class(env, exports, "LinkWatch", construct, properties, Pollable::kMethods);
}

}  // namespace pio
