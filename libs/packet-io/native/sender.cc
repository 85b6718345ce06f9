// Sending outboxes: datagrams grouped by route, runs of equal length in one GSO message, messages in one sendmmsg.
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <vector>

#include "addon.h"
#include "udp.h"

namespace pio {
namespace {

// Order of SENDER_COUNTERS in counters.ts.
enum Counter { kDatagrams, kDropNoRoute, kDropNoSocket, kCounters };

constexpr int32_t kMostRoutes = 1 << 20;
constexpr int32_t kElsewhere = INT32_MAX;  // socket id of what somebody else sends: ELSEWHERE in sender.ts
constexpr size_t kMessages = 64;
constexpr size_t kMostSegments = 64;          // UDP_MAX_SEGMENTS of older kernels
constexpr uint32_t kMostRunBytes = 65'000;    // with room for headers below 65,535
constexpr uint32_t kMostDatagram = 65'507;

struct Route {
  int32_t socket = -1;  // -1: not in use
  socklen_t name_length = 0;
  sockaddr_in6 name{};  // or a sockaddr_in
  socklen_t control_length = 0;
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  int32_t head = -1;  // entries of the outbox being sent
  int32_t tail = -1;
};

bool is_zero(const uint8_t* bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (bytes[i]) return false;
  }
  return true;
}

template <typename Info>
Info* begin_control(Route& route, int level, int type) {
  auto* part = reinterpret_cast<cmsghdr*>(route.control.data());
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof(Info));
  route.control_length = CMSG_SPACE(sizeof(Info));
  return reinterpret_cast<Info*>(CMSG_DATA(part));
}

// Takes an address record; false when it is none.
bool fill_route(Route& route, const uint8_t* record) {
  const uint16_t port = static_cast<uint16_t>(record[2] | record[3] << 8);
  const uint8_t* local = record + 24;
  if (record[0] == 4) {
    auto& name = reinterpret_cast<sockaddr_in&>(route.name);
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    memcpy(&name.sin_addr, record + 8, 4);
    route.name_length = sizeof(sockaddr_in);
    if (!is_zero(local, 4)) memcpy(&begin_control<in_pktinfo>(route, IPPROTO_IP, IP_PKTINFO)->ipi_spec_dst, local, 4);
    return true;
  }
  if (record[0] != 6) return false;
  route.name.sin6_family = AF_INET6;
  route.name.sin6_port = htons(port);
  memcpy(&route.name.sin6_addr, record + 8, 16);
  for (int i = 0; i < 4; i++) route.name.sin6_scope_id |= static_cast<uint32_t>(record[4 + i]) << (8 * i);
  route.name_length = sizeof(sockaddr_in6);
  if (!is_zero(local, 16)) {
    memcpy(&begin_control<in6_pktinfo>(route, IPPROTO_IPV6, IPV6_PKTINFO)->ipi6_addr, local, 16);
  }
  return true;
}

void count_drop(double* counter, int error, double datagrams) {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      counter[kDropFull] += datagrams;
      break;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENODEV:
    case ENXIO:
    case EADDRNOTAVAIL:
    case ECONNREFUSED:
      counter[kDropUnreachable] += datagrams;
      break;
    case EMSGSIZE:
      counter[kDropTooLong] += datagrams;
      break;
    case EPERM:
    case EACCES:
      counter[kDropDenied] += datagrams;
      break;
    default:
      counter[kDropOther] += datagrams;
  }
}

class Sender {
 public:
  explicit Sender(double* counters) : counters_(counters) {}

  void attach(std::shared_ptr<UdpEnd> end) { sockets_[end->id] = std::move(end); }
  void detach(int32_t id) { sockets_.erase(id); }
  void set(int32_t route, Route value) {
    if (static_cast<size_t>(route) >= routes_.size()) routes_.resize(static_cast<size_t>(route) + 1);
    routes_[static_cast<size_t>(route)] = value;
  }
  void remove(int32_t route) {
    if (static_cast<size_t>(route) < routes_.size()) routes_[static_cast<size_t>(route)] = Route{};
  }
  int32_t send(const uint8_t* bytes, const int32_t* offset, const int32_t* length, const int32_t* route,
               int32_t count);

 private:
  struct Control {
    alignas(cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
  };

  void group(const int32_t* route, int32_t count);
  void send_route(Route& route, const uint8_t* bytes, const int32_t* offset, const int32_t* length);
  void add_message(Route& route, size_t segments, uint32_t segment);
  void flush();
  void refused(size_t index, int error);
  void send_singly(size_t index);

  double* const counters_;
  std::unordered_map<int32_t, std::shared_ptr<UdpEnd>> sockets_;
  std::vector<Route> routes_;
  std::vector<int32_t> touched_;  // routes of this outbox, in order of appearance
  std::vector<int32_t> next_;     // next entry of the same route, by entry
  UdpEnd* end_ = nullptr;         // socket of the messages that wait
  int32_t sent_ = 0;
  size_t messages_used_ = 0;
  size_t parts_used_ = 0;
  std::array<mmsghdr, kMessages> messages_{};
  std::array<Control, kMessages> control_{};
  std::array<iovec, kMessages * kMostSegments> parts_{};
};

int32_t Sender::send(const uint8_t* bytes, const int32_t* offset, const int32_t* length, const int32_t* route,
                     int32_t count) {
  sent_ = 0;
  counters_[kDatagrams] += count;
  group(route, count);
  for (const int32_t number : touched_) {
    Route& group = routes_[static_cast<size_t>(number)];
    const auto found = sockets_.find(group.socket);
    UdpEnd* end = found == sockets_.end() || found->second->fd < 0 ? nullptr : found->second.get();
    if (end != end_) flush();
    end_ = end;
    send_route(group, bytes, offset, length);
    group.head = group.tail = -1;
  }
  flush();
  end_ = nullptr;
  return sent_;
}

// Links the entries of each route in order.
void Sender::group(const int32_t* route, int32_t count) {
  touched_.clear();
  if (next_.size() < static_cast<size_t>(count)) next_.resize(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; i++) {
    const int32_t number = route[i];
    if (number < 0 || static_cast<size_t>(number) >= routes_.size() || routes_[static_cast<size_t>(number)].socket < 0) {
      counters_[kDropNoRoute]++;
      continue;
    }
    Route& group = routes_[static_cast<size_t>(number)];
    if (group.socket == kElsewhere) {
      counters_[kDatagrams]--;
      continue;
    }
    next_[static_cast<size_t>(i)] = -1;
    if (group.head < 0) {
      group.head = i;
      touched_.push_back(number);
    } else {
      next_[static_cast<size_t>(group.tail)] = i;
    }
    group.tail = i;
  }
}

void Sender::send_route(Route& route, const uint8_t* bytes, const int32_t* offset, const int32_t* length) {
  if (!end_) {
    for (int32_t i = route.head; i >= 0; i = next_[static_cast<size_t>(i)]) counters_[kDropNoSocket]++;
    return;
  }
  for (int32_t i = route.head; i >= 0;) {
    // One run: equal lengths, the last may be shorter.
    const uint32_t segment = static_cast<uint32_t>(length[i]);
    const bool merge = end_->segmentation && segment > 0 && segment <= end_->longest_segment;
    const size_t first = parts_used_;
    uint32_t total = 0;
    for (;;) {
      const uint32_t size = static_cast<uint32_t>(length[i]);
      parts_[parts_used_++] = {const_cast<uint8_t*>(bytes) + offset[i], size};
      total += size;
      i = next_[static_cast<size_t>(i)];
      if (i < 0 || !merge || size < segment || parts_used_ - first == kMostSegments) break;
      const uint32_t following = static_cast<uint32_t>(length[i]);
      if (following == 0 || following > segment || total + following > kMostRunBytes) break;
    }
    add_message(route, parts_used_ - first, segment);
    if (messages_used_ == kMessages) flush();
  }
}

void Sender::add_message(Route& route, size_t segments, uint32_t segment) {
  const size_t index = messages_used_++;
  msghdr& message = messages_[index].msg_hdr;
  message = {};
  message.msg_name = &route.name;
  message.msg_namelen = route.name_length;
  message.msg_iov = &parts_[parts_used_ - segments];
  message.msg_iovlen = segments;
  uint8_t* control = control_[index].bytes;
  memcpy(control, route.control.data(), route.control_length);
  size_t used = route.control_length;
  if (segments > 1) {
    auto* part = reinterpret_cast<cmsghdr*>(control + used);
    part->cmsg_level = IPPROTO_UDP;
    part->cmsg_type = kUdpSegment;
    part->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const uint16_t size = static_cast<uint16_t>(segment);
    memcpy(CMSG_DATA(part), &size, sizeof size);
    used += CMSG_SPACE(sizeof(uint16_t));
  }
  message.msg_control = used ? control : nullptr;
  message.msg_controllen = used;
}

void Sender::flush() {
  size_t next = 0;
  while (next < messages_used_) {
    double* counter = end_->counters;
    const int got =
        sendmmsg(end_->fd, &messages_[next], static_cast<unsigned>(messages_used_ - next), MSG_DONTWAIT);
    counter[kSendCalls]++;
    if (got <= 0) {
      if (errno == EINTR) continue;
      refused(next++, errno);
      continue;
    }
    for (int i = 0; i < got; i++, next++) {
      const double segments = static_cast<double>(messages_[next].msg_hdr.msg_iovlen);
      counter[kSentDatagrams] += segments;
      counter[kSentBytes] += messages_[next].msg_len;
      if (segments > 1) counter[kSentMerged] += segments;
      sent_ += static_cast<int32_t>(segments);
    }
  }
  messages_used_ = parts_used_ = 0;
}

void Sender::refused(size_t index, int error) {
  const msghdr& message = messages_[index].msg_hdr;
  const bool merged = message.msg_iovlen > 1;
  if (merged && error == EIO) {
    // A device without checksum offload cannot segment (USB modems).
    end_->segmentation = false;
    end_->counters[kSegmentationOff] = 1;
    send_singly(index);
  } else if (merged && (error == EINVAL || error == EMSGSIZE)) {
    // Longer than the device's MTU: the kernel fragments a lone datagram (or, with DF, refuses it), but no segment.
    const uint32_t segment = static_cast<uint32_t>(message.msg_iov[0].iov_len);
    if (segment - 1 < end_->longest_segment) end_->longest_segment = segment - 1;
    send_singly(index);
  } else {
    count_drop(end_->counters, error, static_cast<double>(message.msg_iovlen));
  }
}

void Sender::send_singly(size_t index) {
  msghdr message = messages_[index].msg_hdr;
  double* counter = end_->counters;
  const size_t count = message.msg_iovlen;
  message.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
  if (message.msg_controllen == 0) message.msg_control = nullptr;
  message.msg_iovlen = 1;
  for (size_t i = 0; i < count; i++, message.msg_iov++) {
    const ssize_t sent = sendmsg(end_->fd, &message, MSG_DONTWAIT);
    counter[kSendCalls]++;
    if (sent < 0) {
      count_drop(counter, errno, 1);
      continue;
    }
    counter[kSentDatagrams]++;
    counter[kSentBytes] += static_cast<double>(sent);
    sent_++;
  }
}

struct Wrapped {
  napi_ref counters = nullptr;
  std::unique_ptr<Sender> sender;
};

napi_value construct(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<double> counters;
  if (!constructing(env, info, "Sender") || !args.doubles(0, counters)) return nullptr;
  if (counters.length < kCounters) {
    throw_misuse(env, kBadArgument, "the counter array is too short");
    return nullptr;
  }
  const auto finalize = [](napi_env env, void* data, void*) {
    auto* object = static_cast<Wrapped*>(data);
    napi_delete_reference(env, object->counters);
    delete object;
  };
  auto* wrapped = new Wrapped{nullptr, std::make_unique<Sender>(counters.data)};
  napi_create_reference(env, args[0], 1, &wrapped->counters);
  if (napi_wrap(env, args.self(), wrapped, finalize, nullptr, nullptr) != napi_ok) finalize(env, wrapped, nullptr);
  return args.self();
}

// Null: see Args::unwrap.
Sender* sender_of(const Args& args) {
  const auto* wrapped = args.unwrap<Wrapped>();
  return wrapped ? wrapped->sender.get() : nullptr;
}

napi_value attach(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Sender* sender = sender_of(args);
  auto end = udp_end_of(env, args[0]);
  if (sender && end) sender->attach(std::move(end));
  return nullptr;
}

napi_value detach(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Sender* sender = sender_of(args);
  int32_t id;
  if (sender && args.integer(0, id)) sender->detach(id);
  return nullptr;
}

napi_value set(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Sender* sender = sender_of(args);
  int32_t number, socket;
  Array<uint8_t> record;
  if (!sender || !args.integer(0, number) || !args.integer(1, socket) || !args.bytes(2, record)) return nullptr;
  Route route;
  route.socket = socket;
  if (number < 0 || number >= kMostRoutes || socket < 0) {
    throw_misuse(env, kBadArgument, "a route is 0 to 1048575, a socket id 0 or more");
  } else if (record.length < kAddressBytes || !fill_route(route, record.data)) {
    throw_misuse(env, kBadArgument, "an address record has 40 bytes and starts with 4 or 6");
  } else {
    sender->set(number, route);
  }
  return nullptr;
}

napi_value remove(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Sender* sender = sender_of(args);
  int32_t number;
  if (sender && args.integer(0, number) && number >= 0) sender->remove(number);
  return nullptr;
}

napi_value send(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<uint8_t> bytes;
  Array<int32_t> offset, length, route;
  int32_t count;
  Sender* sender = sender_of(args);
  if (!sender || !args.bytes(0, bytes) || !args.ints(1, offset) || !args.ints(2, length) || !args.ints(3, route) ||
      !args.integer(4, count)) {
    return nullptr;
  }
  const size_t most = static_cast<size_t>(count);
  if (count < 0 || most > offset.length || most > length.length || most > route.length) {
    throw_misuse(env, kOutOfBounds, "count is more than the outbox holds");
    return nullptr;
  }
  for (size_t i = 0; i < most; i++) {
    if (inside(bytes, offset.data[i], length.data[i]) && static_cast<uint32_t>(length.data[i]) <= kMostDatagram) {
      continue;
    }
    throw_misuse(env, kOutOfBounds, "a datagram lies outside the outbox's bytes");
    return nullptr;
  }
  return number(env, sender->send(bytes.data, offset.data, length.data, route.data, count));
}

}  // namespace

void register_sender(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {method("attach", attach), method("detach", detach),
                                                 method("set", set), method("delete", remove), method("send", send)};
  export_class(env, exports, "Sender", construct, properties, 5);
}

}  // namespace pio
