#include "udp.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "addon.h"
#include "clock.h"
#include "netns.h"
#include "pollable.h"

namespace pio {
namespace {

constexpr napi_type_tag kUdpTag = {0x9d0f6b3c54e8417aULL, 0x8c21f7e0ba6d4935ULL};

constexpr size_t kBuffers = 32;
constexpr size_t kBufferBytes = 65'536;  // the longest GRO run fits

struct UdpOptions {
  int32_t id = 0;
  int32_t family = 0;
  std::string device;
  std::string address;
  int32_t port = 0;
  std::string netns;
  int32_t receive_buffer = 0;
  int32_t send_buffer = 0;
  int32_t dscp = 0;
  bool dont_fragment = false;
};

Failure parse_local(const UdpOptions& options, sockaddr_storage& out, socklen_t& length) {
  out = {};
  const Failure failure{EINVAL, "inet_pton", "not an IPv" + std::to_string(options.family) + " address: '" +
                                                 options.address + "'"};
  if (options.family == 4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    length = sizeof v4;
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(options.port));
    if (!options.address.empty() && inet_pton(AF_INET, options.address.c_str(), &v4.sin_addr) != 1) return failure;
    return {};
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  length = sizeof v6;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(options.port));
  if (options.address.empty()) return {};
  const size_t percent = options.address.find('%');
  if (inet_pton(AF_INET6, options.address.substr(0, percent).c_str(), &v6.sin6_addr) != 1) return failure;
  if (percent == std::string::npos) return {};
  v6.sin6_scope_id = if_nametoindex(options.address.c_str() + percent + 1);
  if (v6.sin6_scope_id == 0) return {ENODEV, "if_nametoindex", "no such device in '" + options.address + "'"};
  return {};
}

void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

// The forced form needs CAP_NET_ADMIN and ignores net.core.*mem_max; the other takes what it gets.
void set_buffer(int fd, int forced, int polite, int bytes) {
  if (bytes <= 0) return;
  if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) set(fd, SOL_SOCKET, polite, bytes);
}

void set_options(int fd, bool v4, int dscp, bool dont_fragment) {
  set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  set(fd, IPPROTO_UDP, kUdpGro, 1);
  // No PMTU from ICMP either way, which anybody can forge: the tunnel finds its MTU by authenticated probes, for which
  // it wants DF, so that what is too long vanishes whole.
  const int discover = dont_fragment ? kPmtuProbe : kPmtuOmit;
  if (v4) {
    set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set(fd, IPPROTO_IP, IP_MTU_DISCOVER, discover);
    set(fd, IPPROTO_IP, IP_TOS, dscp << 2);
  } else {
    set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover);
    set(fd, IPPROTO_IPV6, IPV6_TCLASS, dscp << 2);
  }
}

Failure open_socket(const UdpOptions& options, int& out) {
  const bool v4 = options.family == 4;
  const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return {errno, "socket", "cannot open a UDP socket"};
  set_options(fd, v4, options.dscp, options.dont_fragment);
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);
  Failure failure;
  if (!options.device.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, options.device.c_str(),
                                            static_cast<socklen_t>(options.device.size() + 1)) != 0) {
    failure = {errno, "setsockopt(SO_BINDTODEVICE)", "cannot bind a UDP socket to the device " + options.device};
  }
  sockaddr_storage local;
  socklen_t length;
  if (!failure) failure = parse_local(options, local, length);
  if (!failure && ::bind(fd, reinterpret_cast<sockaddr*>(&local), length) != 0) {
    const std::string where = (options.address.empty() ? "any address" : options.address) + ", port " +
                              std::to_string(options.port) +
                              (options.device.empty() ? "" : ", device " + options.device);
    failure = {errno, "bind", "cannot bind a UDP socket to " + where};
  }
  if (failure) {
    ::close(fd);
  } else {
    out = fd;
  }
  return failure;
}

// Datagrams of one buffer that were received and not yet handed out.
struct Run {
  uint32_t at = 0;         // offset in the arena
  uint32_t remaining = 0;  // bytes
  uint32_t segment = 0;    // bytes of each but the last
  bool waiting = false;    // true also for one empty datagram
  double received_at_us = 0;
  std::array<uint8_t, kAddressBytes> address{};
};

// Where a receive puts what it finds.
struct Target {
  Array<uint8_t> bytes;
  int32_t* offset;
  int32_t* length;
  int32_t* socket;
  double* received_at_us;
  uint8_t* address;
  int32_t capacity;
};

class Udp final : public Pollable {
 public:
  explicit Udp(std::shared_ptr<UdpEnd> end) : end_(std::move(end)) {}
  bool begin(napi_env env, napi_value self, int fd, napi_value callback, napi_value counters);
  const std::shared_ptr<UdpEnd>& end() const { return end_; }
  int local_port() const;
  // Answers the number of datagrams handed out; `rest` tells that more wait in the arena.
  int32_t receive(const Target& target, bool& rest);

 private:
  bool on_error() override;
  void on_close() override;
  bool has_rest() const override { return next_run_ < runs_; }
  int32_t hand_out(const Target& target, int32_t filled);
  void read_kernel(const Target& target);
  void take(const msghdr& message, uint32_t bytes, uint32_t at);

  const std::shared_ptr<UdpEnd> end_;
  ClockPair clocks_;
  size_t next_run_ = 0;
  size_t runs_ = 0;
  size_t next_buffer_ = 0;
  bool drained_ = false;
  std::array<Run, kBuffers> run_{};
  std::array<mmsghdr, kBuffers> messages_{};
  std::array<iovec, kBuffers> parts_{};
  std::array<sockaddr_in6, kBuffers> names_{};
  struct alignas(cmsghdr) Control {
    uint8_t bytes[CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)) + 32];
  };
  std::array<Control, kBuffers> control_{};
};

bool Udp::begin(napi_env env, napi_value self, int fd, napi_value callback, napi_value counters_array) {
  if (!attach(env, self, fd, callback, counters_array)) return false;
  napi_type_tag_object(env, self, &kUdpTag);
  end_->fd = fd;
  end_->counters = counters();
  int probe = 0;
  socklen_t length = sizeof probe;
  end_->segmentation = getsockopt(fd, IPPROTO_UDP, kUdpSegment, &probe, &length) == 0;
  end_->longest_segment = UINT32_MAX;
  counters()[kSegmentationOff] = end_->segmentation ? 0 : 1;
  return true;
}

int Udp::local_port() const {
  sockaddr_in6 name{};
  socklen_t length = sizeof name;
  getsockname(fd(), reinterpret_cast<sockaddr*>(&name), &length);
  return ntohs(name.sin6_port);  // at the same place in sockaddr_in
}

bool Udp::on_error() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length);  // reading it clears it
  counters()[kReceiveErrors]++;
  return true;
}

void Udp::on_close() {
  end_->fd = -1;
  end_->counters = nullptr;
}

int32_t Udp::receive(const Target& target, bool& rest) {
  int32_t filled = 0;
  if (next_run_ < runs_) {
    // The rest of the last receive: its buffers are in use, so nothing new can be read in this call.
    filled = hand_out(target, filled);
  } else {
    next_buffer_ = 0;
    drained_ = false;
    while (filled < target.capacity && next_buffer_ < kBuffers && !drained_) {
      read_kernel(target);
      filled = hand_out(target, filled);
    }
  }
  rest = has_rest();
  rest_changed();
  counters()[kReceivedDatagrams] += filled;
  return filled;
}

int32_t Udp::hand_out(const Target& target, int32_t filled) {
  double* counter = counters();
  for (; next_run_ < runs_; next_run_++) {
    Run& run = run_[next_run_];
    while (run.waiting) {
      if (filled == target.capacity) return filled;
      const uint32_t length = run.remaining < run.segment ? run.remaining : run.segment;
      target.offset[filled] = static_cast<int32_t>(run.at);
      target.length[filled] = static_cast<int32_t>(length);
      target.socket[filled] = end_->id;
      target.received_at_us[filled] = run.received_at_us;
      memcpy(target.address + kAddressBytes * static_cast<size_t>(filled), run.address.data(), kAddressBytes);
      counter[kReceivedBytes] += length;
      run.at += length;
      run.remaining -= length;
      run.waiting = run.remaining > 0;
      filled++;
    }
  }
  return filled;
}

void Udp::read_kernel(const Target& target) {
  const size_t first = next_buffer_;
  const size_t most = kBuffers - first;
  for (size_t i = 0; i < most; i++) {
    const size_t buffer = first + i;
    parts_[i] = {target.bytes.data + buffer * kBufferBytes, kBufferBytes};
    msghdr& message = messages_[i].msg_hdr;
    message = {};
    message.msg_name = &names_[i];
    message.msg_namelen = sizeof names_[i];
    message.msg_iov = &parts_[i];
    message.msg_iovlen = 1;
    message.msg_control = control_[i].bytes;
    message.msg_controllen = sizeof control_[i].bytes;
  }
  const int got = recvmmsg(fd(), messages_.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
  double* counter = counters();
  counter[kReceiveCalls]++;
  next_run_ = runs_ = 0;
  if (got <= 0) {
    drained_ = true;
    if (got < 0 && errno != EAGAIN && errno != EINTR) counter[kReceiveErrors]++;
    return;
  }
  clocks_.sample();
  for (int i = 0; i < got; i++) {
    take(messages_[i].msg_hdr, messages_[i].msg_len, static_cast<uint32_t>((first + i) * kBufferBytes));
  }
  next_buffer_ = first + static_cast<size_t>(got);
  drained_ = static_cast<size_t>(got) < most;
}

void Udp::take(const msghdr& message, uint32_t bytes, uint32_t at) {
  double* counter = counters();
  if (message.msg_flags & MSG_TRUNC) {
    counter[kReceiveTruncated]++;
    return;
  }
  Run& run = run_[runs_++];
  run.at = at;
  run.remaining = run.segment = bytes;
  run.waiting = true;
  run.received_at_us = clocks_.now_us();
  run.address.fill(0);
  uint8_t* record = run.address.data();
  if (end_->family == AF_INET) {
    const auto* from = static_cast<const sockaddr_in*>(message.msg_name);
    record[0] = 4;
    const uint16_t port = ntohs(from->sin_port);
    record[2] = static_cast<uint8_t>(port);
    record[3] = static_cast<uint8_t>(port >> 8);
    memcpy(record + 8, &from->sin_addr, 4);
  } else {
    const auto* from = static_cast<const sockaddr_in6*>(message.msg_name);
    record[0] = 6;
    const uint16_t port = ntohs(from->sin6_port);
    record[2] = static_cast<uint8_t>(port);
    record[3] = static_cast<uint8_t>(port >> 8);
    for (int i = 0; i < 4; i++) record[4 + i] = static_cast<uint8_t>(from->sin6_scope_id >> (8 * i));
    memcpy(record + 8, &from->sin6_addr, 16);
  }
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
    const uint8_t* data = CMSG_DATA(part);
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPNS) {
      timespec stamp;
      memcpy(&stamp, data, sizeof stamp);
      run.received_at_us = clocks_.monotonic_us(stamp);
    } else if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      memcpy(record + 24, data + offsetof(in_pktinfo, ipi_spec_dst), 4);
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      memcpy(record + 24, data + offsetof(in6_pktinfo, ipi6_addr), 16);
    } else if (part->cmsg_level == IPPROTO_UDP && part->cmsg_type == kUdpGro) {
      int segment;
      memcpy(&segment, data, sizeof segment);
      if (segment > 0 && static_cast<uint32_t>(segment) < bytes) {
        run.segment = static_cast<uint32_t>(segment);
        counter[kReceivedMerged] += (bytes + run.segment - 1) / run.segment;
      }
    }
  }
}

bool read_options(const Args& args, UdpOptions& options) {
  if (!args.integer(0, options.id) || !args.integer(1, options.family) || !args.optional_text(2, options.device) ||
      !args.optional_text(3, options.address) || !args.integer(4, options.port) ||
      !args.optional_text(5, options.netns) || !args.integer(6, options.receive_buffer) ||
      !args.integer(7, options.send_buffer) || !args.integer(8, options.dscp) ||
      !args.boolean(9, options.dont_fragment)) {
    return false;
  }
  const char* wrong = nullptr;
  if (options.id < 0) wrong = "a socket id must not be negative";
  if (options.family != 4 && options.family != 6) wrong = "family must be 4 or 6";
  if (options.dscp < 0 || options.dscp > 63) wrong = "dscp is 0 to 63";
  if (options.port < 0 || options.port > 65'535) wrong = "a port is 0 to 65535";
  if (options.device.size() >= IFNAMSIZ) wrong = "a device name has at most 15 bytes";
  if (wrong) throw_misuse(args.env(), kBadArgument, wrong);
  return !wrong;
}

napi_value construct(napi_env env, napi_callback_info info) {
  Args args(env, info);
  UdpOptions options;
  Array<double> counters;
  if (!constructing(env, info, "Udp") || !read_options(args, options) || !args.doubles(10, counters) ||
      !args.function(11)) {
    return nullptr;
  }
  if (counters.length < kUdpCounters) {
    throw_misuse(env, kBadArgument, "the counter array is too short");
    return nullptr;
  }
  int fd = -1;
  Failure failure;
  {
    NetnsGuard guard;
    failure = guard.enter(options.netns);
    if (!failure) failure = open_socket(options, fd);
  }
  if (failure) {
    throw_failure(env, failure);
    return nullptr;
  }
  auto end = std::make_shared<UdpEnd>();
  end->id = options.id;
  end->family = options.family == 4 ? AF_INET : AF_INET6;
  auto* udp = new Udp(std::move(end));
  return udp->begin(env, args.self(), fd, args[11], args[10]) ? args.self() : nullptr;
}

napi_value receive(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<int32_t> offset, length, socket;
  Array<double> received_at_us;
  Array<uint8_t> address;
  Target target{};
  Udp* udp = open_object<Udp>(args);
  if (!udp || !args.bytes(0, target.bytes) || !args.ints(1, offset) || !args.ints(2, length) ||
      !args.ints(3, socket) || !args.doubles(4, received_at_us) || !args.bytes(5, address) ||
      !args.integer(6, target.capacity)) {
    return nullptr;
  }
  const size_t most = static_cast<size_t>(target.capacity);
  if (target.capacity < 1 || most > offset.length || most > length.length || most > socket.length ||
      most > received_at_us.length || most * kAddressBytes > address.length ||
      target.bytes.length < kBuffers * kBufferBytes) {
    throw_misuse(env, kOutOfBounds, "the batch is smaller than its capacity says, or its arena too small");
    return nullptr;
  }
  target.offset = offset.data;
  target.length = length.data;
  target.socket = socket.data;
  target.received_at_us = received_at_us.data;
  target.address = address.data;
  bool rest = false;
  const int32_t count = udp->receive(target, rest);
  return number(env, rest ? -1 - count : count);
}

napi_value local_port(napi_env env, napi_callback_info info) {
  Udp* udp = open_object<Udp>(Args(env, info));
  return udp ? number(env, udp->local_port()) : nullptr;
}

}  // namespace

std::shared_ptr<UdpEnd> udp_end_of(napi_env env, napi_value value) {
  bool tagged = false;
  if (napi_check_object_type_tag(env, value, &kUdpTag, &tagged) != napi_ok || !tagged) {
    throw_misuse(env, kBadArgument, "argument 1 must be a UDP socket");
    return nullptr;
  }
  void* wrapped = nullptr;
  if (napi_unwrap(env, value, &wrapped) != napi_ok) return nullptr;
  return static_cast<Udp*>(static_cast<Pollable*>(wrapped))->end();
}

void register_udp(napi_env env, napi_value exports) {
  napi_property_descriptor properties[Pollable::kMethods + 2] = {};
  Pollable::describe(properties);
  properties[Pollable::kMethods] = method("receive", receive);
  properties[Pollable::kMethods + 1] = getter("localPort", local_port);
  export_class(env, exports, "Udp", construct, properties, Pollable::kMethods + 2);
}

}  // namespace pio
