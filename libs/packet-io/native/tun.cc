// TUN devices: batches of packets in and out, super-packets split and merged.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "addon.h"
#include "coalesce.h"
#include "netns.h"
#include "pollable.h"
#include "prefetch.h"
#include "split.h"

namespace pio {
namespace {

// Linux 6.2; older headers lack them.
constexpr unsigned kOffloadUso4 = 0x20;
constexpr unsigned kOffloadUso6 = 0x40;

// Order of TUN_COUNTERS in counters.ts.
enum Counter {
  kReadCalls,
  kReadPackets,
  kReadBytes,
  kReadSuperPackets,
  kReadMalformed,
  kReadOversize,
  kWriteCalls,
  kWrittenPackets,
  kWrittenBytes,
  kWrittenMerged,
  kWriteBadChecksum,
  kWriteDropped,
};

struct Opened {
  int fd = -1;
  std::string name;
  const char* offloads = "none";
};

// RTM_NEWLINK with two attributes: MTU and queue length. By netlink and not by ioctl, as SIOCSIFTXQLEN wants the
// capability in the initial user namespace.
struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
  rtattr mtu_header;
  uint32_t mtu;
  rtattr queue_header;
  uint32_t queue_length;
};

Failure set_link(const std::string& device, int mtu, int queue_length) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return {errno, "socket", "cannot open a netlink socket to configure " + device};
  LinkRequest request{};
  request.header = {sizeof request, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0};
  request.link.ifi_index = static_cast<int>(if_nametoindex(device.c_str()));
  request.mtu_header = {RTA_LENGTH(sizeof request.mtu), IFLA_MTU};
  request.mtu = static_cast<uint32_t>(mtu);
  request.queue_header = {RTA_LENGTH(sizeof request.queue_length), IFLA_TXQLEN};
  request.queue_length = static_cast<uint32_t>(queue_length);
  struct {
    nlmsghdr header;
    nlmsgerr error;
    uint8_t rest[1024];
  } answer{};
  int error = 0;
  if (::send(fd, &request, sizeof request, 0) < 0 || ::recv(fd, &answer, sizeof answer, 0) < 0) {
    error = errno;
  } else if (answer.header.nlmsg_type == NLMSG_ERROR) {
    error = -answer.error.error;
  }
  ::close(fd);
  if (error == 0) return {};
  return {error, "netlink(RTM_NEWLINK)",
          "cannot set MTU " + std::to_string(mtu) + " and queue length " + std::to_string(queue_length) + " of " + device};
}

const char* negotiate_offloads(int fd) {
  const unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (ioctl(fd, TUNSETOFFLOAD, tcp | kOffloadUso4 | kOffloadUso6) == 0) return "tcp+udp";
  if (ioctl(fd, TUNSETOFFLOAD, tcp) == 0) return "tcp";
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0) return "checksum";
  return "none";
}

Failure open_device(const std::string& name, int mtu, bool offload, int queue_length, Opened& out) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return {errno, "open", "cannot open /dev/net/tun for " + name};
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0));
  if (ioctl(fd, TUNSETIFF, &request) != 0) {
    const int error = errno;
    ::close(fd);
    const char* hint = error == EPERM ? " (it needs CAP_NET_ADMIN)" : error == EBUSY ? " (the name is in use)" : "";
    return {error, "ioctl(TUNSETIFF)", "cannot make the TUN device " + name + hint};
  }
  out.fd = fd;
  out.name = request.ifr_name;
  if (offload) out.offloads = negotiate_offloads(fd);
  const Failure failure = set_link(out.name, mtu, queue_length);
  if (failure) ::close(fd);
  return failure;
}

class Tun final : public Pollable, FrameSink {
 public:
  Tun(std::string name, bool offload, const char* offloads)
      : name_(std::move(name)), offloads_(offloads), offload_(offload) {
    const std::string what = offloads;
    coalescer_.enable(what == "tcp" || what == "tcp+udp", what == "tcp+udp");
  }
  using Pollable::attach;
  const std::string& name() const { return name_; }
  const char* offloads() const { return offloads_; }
  bool gone() const { return gone_; }

  int32_t read(const Array<uint8_t>& slab, const int32_t* offset, int32_t* length, int32_t* group, int32_t limit);
  int32_t write(const Array<uint8_t>& slab, const int32_t* offset, const int32_t* length, int32_t count);

 private:
  static constexpr size_t kStagingBytes = kMaxIpPacket + 1;

  // One frame from the kernel; 0 when there is none. Its first kPacketRoom bytes are in `slot`, the rest in staging.
  ssize_t read_frame(VirtioHeader& header, uint8_t* slot);
  int32_t next_group() { return group_ = group_ == INT32_MAX ? 1 : group_ + 1; }
  // The device was deleted by somebody else.
  bool on_error() override {
    gone_ = true;
    return false;
  }
  bool has_rest() const override { return super_.pending(); }
  bool write(const iovec* parts, int count, uint32_t packets, uint32_t bytes) override;
  void bad_checksum() override { counters()[kWriteBadChecksum]++; }

  const std::string name_;
  const char* const offloads_;
  const bool offload_;
  SuperPacket super_;
  Coalescer coalescer_;
  int32_t group_ = 0;
  int32_t taken_ = 0;
  bool gone_ = false;
  std::unique_ptr<uint8_t[]> staging_{new uint8_t[kStagingBytes]};
};

ssize_t Tun::read_frame(VirtioHeader& header, uint8_t* slot) {
  header = {};
  iovec parts[3] = {
      {&header, sizeof header}, {slot, kPacketRoom}, {staging_.get() + kPacketRoom, kStagingBytes - kPacketRoom}};
  const ssize_t got = offload_ ? readv(fd(), parts, 3) : readv(fd(), parts + 1, 2);
  const ssize_t overhead = offload_ ? static_cast<ssize_t>(sizeof header) : 0;
  return got <= overhead ? 0 : got - overhead;
}

int32_t Tun::read(const Array<uint8_t>& slab, const int32_t* offset, int32_t* length, int32_t* group, int32_t limit) {
  double* counter = counters();
  int32_t filled = 0;
  while (filled < limit) {
    uint8_t* slot = slab.data + offset[filled];
    if (super_.pending()) {
      if (filled + 1 < limit) prefetch_for_writing(slab.data + offset[filled + 1], super_.segment_bytes());
      length[filled] = static_cast<int32_t>(super_.next(slot));
      group[filled] = super_.segments() > 1 ? group_ : 0;
      counter[kReadBytes] += length[filled++];
      continue;
    }
    VirtioHeader header;
    const ssize_t size = read_frame(header, slot);
    if (size == 0) break;
    counter[kReadCalls]++;
    const uint32_t bytes = static_cast<uint32_t>(size);
    FrameKind kind;
    if (header.gso_type == kGsoNone) {
      kind = bytes > kPacketRoom ? FrameKind::kOversize : complete_single(header, slot, bytes);
    } else {
      memcpy(staging_.get(), slot, bytes < kPacketRoom ? bytes : kPacketRoom);
      kind = super_.begin(header, staging_.get(), bytes);
    }
    if (kind == FrameKind::kSingle) {
      length[filled] = static_cast<int32_t>(bytes);
      group[filled] = 0;
      counter[kReadBytes] += length[filled++];
    } else if (kind == FrameKind::kSuper) {
      if (super_.segments() > 1) {
        counter[kReadSuperPackets]++;
        next_group();
      }
    } else {
      counter[kind == FrameKind::kOversize ? kReadOversize : kReadMalformed]++;
    }
  }
  counter[kReadPackets] += filled;
  rest_changed();
  return filled;
}

int32_t Tun::write(const Array<uint8_t>& slab, const int32_t* offset, const int32_t* length, int32_t count) {
  taken_ = 0;
  for (int32_t i = 0; i < count; i++) {
    const uint8_t* packet = slab.data + offset[i];
    if (offload_) {
      coalescer_.add(packet, static_cast<uint32_t>(length[i]), *this);
    } else {
      const iovec parts[2] = {{nullptr, 0}, {const_cast<uint8_t*>(packet), static_cast<size_t>(length[i])}};
      write(parts, 2, 1, static_cast<uint32_t>(length[i]));
    }
  }
  if (offload_) coalescer_.flush(*this);
  return taken_;
}

bool Tun::write(const iovec* parts, int count, uint32_t packets, uint32_t bytes) {
  double* counter = counters();
  ssize_t result;
  do {
    result = writev(fd(), parts, count);
  } while (result < 0 && errno == EINTR);
  counter[kWriteCalls]++;
  if (result < 0) {
    if (packets > 1 && errno == EINVAL) return false;
    counter[kWriteDropped] += packets;
    return true;
  }
  counter[kWrittenPackets] += packets;
  counter[kWrittenBytes] += bytes;
  if (packets > 1) counter[kWrittenMerged] += packets;
  taken_ += static_cast<int32_t>(packets);
  return true;
}

napi_value construct(napi_env env, napi_callback_info info) {
  Args args(env, info);
  std::string name, netns;
  int32_t mtu, queue_length;
  bool offload;
  Array<double> counters;
  if (!constructing(env, info, "Tun") || !args.text(0, name) || !args.integer(1, mtu) || !args.boolean(2, offload) ||
      !args.optional_text(3, netns) || !args.integer(4, queue_length) || !args.doubles(5, counters) ||
      !args.function(6)) {
    return nullptr;
  }
  if (name.empty() || name.size() >= IFNAMSIZ) {
    throw_misuse(env, kBadArgument, "a device name has 1 to 15 bytes, not '" + name + "'");
    return nullptr;
  }
  if (queue_length < 1 || counters.length <= kWriteDropped) {
    throw_misuse(env, kBadArgument, "the queue length must be positive");
    return nullptr;
  }
  Opened opened;
  Failure failure;
  {
    NetnsGuard guard;
    failure = guard.enter(netns);
    if (!failure) failure = open_device(name, mtu, offload, queue_length, opened);
  }
  if (failure) {
    throw_failure(env, failure);
    return nullptr;
  }
  auto* tun = new Tun(opened.name, offload, opened.offloads);
  if (!tun->attach(env, args.self(), opened.fd, args[6], args[5])) return nullptr;
  return args.self();
}

napi_value read(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<uint8_t> slab;
  Array<int32_t> offset, length, group;
  int32_t limit;
  Tun* tun = open_object<Tun>(args);
  if (!tun || !args.bytes(0, slab) || !args.ints(1, offset) || !args.ints(2, length) || !args.ints(3, group) ||
      !args.integer(4, limit)) {
    return nullptr;
  }
  const size_t most = static_cast<size_t>(limit);
  if (limit < 0 || most > offset.length || most > length.length || most > group.length) {
    throw_misuse(env, kOutOfBounds, "limit is more than the batch holds");
    return nullptr;
  }
  for (size_t i = 0; i < most; i++) {
    if (inside(slab, offset.data[i], kPacketRoom)) continue;
    throw_misuse(env, kOutOfBounds, "a lent position has no room for a packet in the slab");
    return nullptr;
  }
  return number(env, tun->read(slab, offset.data, length.data, group.data, limit));
}

napi_value write(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Array<uint8_t> slab;
  Array<int32_t> offset, length;
  int32_t count;
  Tun* tun = open_object<Tun>(args);
  if (!tun || !args.bytes(0, slab) || !args.ints(1, offset) || !args.ints(2, length) || !args.integer(3, count)) {
    return nullptr;
  }
  if (count < 0 || static_cast<size_t>(count) > offset.length || static_cast<size_t>(count) > length.length) {
    throw_misuse(env, kOutOfBounds, "count is more than the batch holds");
    return nullptr;
  }
  for (int32_t i = 0; i < count; i++) {
    if (inside(slab, offset.data[i], length.data[i])) continue;
    throw_misuse(env, kOutOfBounds, "a packet lies outside the slab");
    return nullptr;
  }
  return number(env, tun->write(slab, offset.data, length.data, count));
}

napi_value text(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value.c_str(), value.size(), &result);
  return result;
}
napi_value name(napi_env env, napi_callback_info info) {
  const Tun* tun = native<Tun>(Args(env, info));
  return tun ? text(env, tun->name()) : nullptr;
}

napi_value offloads(napi_env env, napi_callback_info info) {
  const Tun* tun = native<Tun>(Args(env, info));
  return tun ? text(env, tun->offloads()) : nullptr;
}

napi_value gone(napi_env env, napi_callback_info info) {
  const Tun* tun = native<Tun>(Args(env, info));
  napi_value result = nullptr;
  if (tun) napi_get_boolean(env, tun->gone(), &result);
  return result;
}

}  // namespace

void register_tun(napi_env env, napi_value exports) {
  napi_property_descriptor properties[Pollable::kMethods + 5] = {};
  Pollable::describe(properties);
  properties[Pollable::kMethods] = method("read", read);
  properties[Pollable::kMethods + 1] = method("write", write);
  properties[Pollable::kMethods + 2] = getter("name", name);
  properties[Pollable::kMethods + 3] = getter("offloads", offloads);
  properties[Pollable::kMethods + 4] = getter("gone", gone);
  export_class(env, exports, "Tun", construct, properties, Pollable::kMethods + 5);
}

}  // namespace pio
