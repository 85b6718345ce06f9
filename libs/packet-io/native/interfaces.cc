// The interfaces of a network namespace with their addresses, asked for over rtnetlink (rtnetlink(7)): two dumps in a
// fraction of a millisecond, where a process of its own would take tens of them on a busy machine.
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "addon.h"
#include "netns.h"

namespace pio {
namespace {

struct Address {
  int family;
  std::string text;
  const char* scope;
};

struct Interface {
  std::string name;
  bool up = false;
  std::vector<Address> addresses;
};

using Interfaces = std::map<int, Interface>;

class Socket {
 public:
  Socket() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    // The kernel answers at once; were it ever not to, nobody should hang.
    const timeval limit{1, 0};
    if (fd_ >= 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

const char* scope_name(uint8_t scope) {
  switch (scope) {
    case RT_SCOPE_UNIVERSE:
      return "global";
    case RT_SCOPE_SITE:
      return "site";
    case RT_SCOPE_LINK:
      return "link";
    case RT_SCOPE_HOST:
      return "host";
    default:
      return "other";
  }
}

void take_link(const nlmsghdr* message, Interfaces& out) {
  auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  int left = static_cast<int>(IFLA_PAYLOAD(message));
  Interface& entry = out[info->ifi_index];
  entry.up = (info->ifi_flags & IFF_UP) != 0 && (info->ifi_flags & IFF_RUNNING) != 0;
  for (auto* part = IFLA_RTA(info); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
    if (part->rta_type != IFLA_IFNAME) continue;
    auto* text = static_cast<const char*>(RTA_DATA(part));
    entry.name.assign(text, strnlen(text, RTA_PAYLOAD(part)));
  }
}

// An address that the kernel still checks for duplicates, or found one of, cannot be sent from.
void take_address(const nlmsghdr* message, Interfaces& out) {
  auto* info = static_cast<const ifaddrmsg*>(NLMSG_DATA(message));
  if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) return;
  const size_t bytes = info->ifa_family == AF_INET ? 4 : 16;
  uint32_t flags = info->ifa_flags;
  const void* local = nullptr;
  const void* address = nullptr;
  int left = static_cast<int>(IFA_PAYLOAD(message));
  for (auto* part = IFA_RTA(info); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
    if (part->rta_type == IFA_FLAGS && RTA_PAYLOAD(part) >= sizeof flags) std::memcpy(&flags, RTA_DATA(part), sizeof flags);
    if (RTA_PAYLOAD(part) < bytes) continue;
    if (part->rta_type == IFA_LOCAL) local = RTA_DATA(part);
    if (part->rta_type == IFA_ADDRESS) address = RTA_DATA(part);
  }
  // On a point-to-point link IFA_ADDRESS is the other end's.
  if (local == nullptr) local = address;
  const auto found = out.find(static_cast<int>(info->ifa_index));
  if (local == nullptr || found == out.end() || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0) return;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(info->ifa_family, local, text.data(), text.size()) == nullptr) return;
  found->second.addresses.push_back({info->ifa_family == AF_INET ? 4 : 6, text.data(), scope_name(info->ifa_scope)});
}

Failure dump(int fd, uint16_t type, void (*take)(const nlmsghdr*, Interfaces&), Interfaces& out) {
  struct {
    nlmsghdr header;
    rtgenmsg body;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (::send(fd, &request, request.header.nlmsg_len, 0) < 0) return {errno, "send", "cannot ask for the interfaces"};
  alignas(nlmsghdr) std::array<uint8_t, 65536> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {errno, "recv", "cannot read the interfaces"};
    int left = static_cast<int>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, static_cast<unsigned>(left));
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return {};
      if (message->nlmsg_type == NLMSG_ERROR) {
        auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
        return {-error->error, "recv", "the kernel refuses to list the interfaces"};
      }
      take(message, out);
    }
  }
}

napi_value text(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value.c_str(), value.size(), &result);
  return result;
}

napi_value to_object(napi_env env, int index, const Interface& entry) {
  napi_value addresses = nullptr;
  napi_create_array_with_length(env, entry.addresses.size(), &addresses);
  for (size_t i = 0; i < entry.addresses.size(); i++) {
    napi_value item = nullptr;
    napi_create_object(env, &item);
    napi_set_named_property(env, item, "family", number(env, entry.addresses[i].family));
    napi_set_named_property(env, item, "address", text(env, entry.addresses[i].text));
    napi_set_named_property(env, item, "scope", text(env, entry.addresses[i].scope));
    napi_set_element(env, addresses, static_cast<uint32_t>(i), item);
  }
  napi_value up = nullptr;
  napi_get_boolean(env, entry.up, &up);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "name", text(env, entry.name));
  napi_set_named_property(env, result, "ifindex", number(env, index));
  napi_set_named_property(env, result, "up", up);
  napi_set_named_property(env, result, "addresses", addresses);
  return result;
}

napi_value list(napi_env env, napi_callback_info info) {
  Args args(env, info);
  std::string netns;
  if (!args.optional_text(0, netns)) return nullptr;
  Interfaces found;
  Failure failure;
  {
    NetnsGuard guard;
    failure = guard.enter(netns);
    if (!failure) {
      const Socket socket;
      if (socket.fd() < 0) failure = {errno, "socket", "cannot open a netlink socket"};
      if (!failure) failure = dump(socket.fd(), RTM_GETLINK, take_link, found);
      if (!failure) failure = dump(socket.fd(), RTM_GETADDR, take_address, found);
    }
  }
  if (failure) {
    throw_failure(env, failure);
    return nullptr;
  }
  napi_value result = nullptr;
  napi_create_array_with_length(env, found.size(), &result);
  uint32_t at = 0;
  for (const auto& [index, entry] : found) napi_set_element(env, result, at++, to_object(env, index, entry));
  return result;
}

}  // namespace

void register_interfaces(napi_env env, napi_value exports) {
  napi_value function = nullptr;
  napi_create_function(env, "interfaces", NAPI_AUTO_LENGTH, list, nullptr, &function);
  napi_set_named_property(env, exports, "interfaces", function);
}

}  // namespace pio
