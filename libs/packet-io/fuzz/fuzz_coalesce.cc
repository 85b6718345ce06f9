// Any packets as a batch: what is written, split again, is the batch; packets of one flow keep their order.
//
// Input: records of (length u16 LE, bytes). To get past the checksums, half of the inputs have them repaired first.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "coalesce.h"
#include "split.h"

using namespace pio;
using Packet = std::vector<uint8_t>;

namespace {

void require(bool condition) {
  if (!condition) abort();
}

void repair_checksum(Packet& packet) {
  TransportView view;
  const uint32_t length = static_cast<uint32_t>(packet.size());
  if (!view_transport(packet.data(), length, view)) return;
  if (view.v4) store_ip4_checksum(packet.data());
  uint8_t* transport = packet.data() + view.ip_header;
  uint8_t* check = transport + (view.protocol == kTcp ? kTcpChecksumOffset : kUdpChecksumOffset);
  store16(check, 0);
  const uint32_t bytes = length - view.ip_header;
  store_checksum(check, pseudo_header_sum(packet.data(), view.protocol, bytes) + checksum_add(transport, bytes));
}

// Takes frames apart again, as the kernel would.
class Splitter final : public FrameSink {
 public:
  bool write(const iovec* parts, int count, uint32_t packets, uint32_t bytes) override {
    Packet frame;
    for (int i = 0; i < count; i++) {
      const auto* start = static_cast<const uint8_t*>(parts[i].iov_base);
      frame.insert(frame.end(), start, start + parts[i].iov_len);
    }
    VirtioHeader header;
    memcpy(&header, frame.data(), sizeof header);
    const uint8_t* packet = frame.data() + sizeof header;
    const uint32_t length = static_cast<uint32_t>(frame.size() - sizeof header);
    uint32_t seen = 0;
    if (packets == 1) {
      require(header.gso_type == kGsoNone && length == bytes);
      out.emplace_back(packet, packet + length);
      return true;
    }
    require(length <= 65'535 + 40);
    SuperPacket super;
    require(super.begin(header, packet, length) == FrameKind::kSuper && super.segments() == packets);
    while (super.pending()) {
      Packet slot(kPacketRoom);
      slot.resize(super.next(slot.data()));
      seen += static_cast<uint32_t>(slot.size());
      out.push_back(std::move(slot));
    }
    require(seen == bytes);
    return true;
  }
  void bad_checksum() override {}
  std::vector<Packet> out;
};

// What a split may write differently: the identification where DF makes it meaningless, and so the header checksum,
// which the kernel corrects; and zero sums, which have two spellings.
Packet comparable(Packet packet) {
  TransportView view;
  if (!view_transport(packet.data(), static_cast<uint32_t>(packet.size()), view)) return packet;
  if (view.v4) {
    if (packet[6] & 0x40) packet[4] = packet[5] = 0;
    packet[10] = packet[11] = 0;
  }
  uint8_t* check = packet.data() + view.ip_header + (view.protocol == kTcp ? kTcpChecksumOffset : kUdpChecksumOffset);
  if (view.protocol == kTcp && load16(check) == 0xffff) store16(check, 0);
  return packet;
}

// Packets of one flow have equal keys.
std::string flow_of(const Packet& packet) {
  TransportView view;
  if (!view_transport(packet.data(), static_cast<uint32_t>(packet.size()), view)) return "other";
  const auto* bytes = reinterpret_cast<const char*>(packet.data());
  std::string key(1, static_cast<char>(view.protocol));
  key.append(bytes + (view.v4 ? 12 : 8), view.v4 ? 8 : 32).append(bytes + view.ip_header, 4);
  return key;
}

std::vector<std::pair<std::string, Packet>> by_flow(const std::vector<Packet>& packets) {
  std::vector<std::pair<std::string, Packet>> keyed;
  for (const Packet& packet : packets) keyed.emplace_back(flow_of(packet), comparable(packet));
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return keyed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const bool repair = data[0] & 1;
  std::vector<Packet> batch;
  for (size_t at = 1; at + 2 <= size && batch.size() < 200;) {
    const size_t length = std::min<size_t>(data[at] | (data[at + 1] & 7) << 8, size - at - 2);
    if (length > kPacketRoom) break;
    batch.emplace_back(data + at + 2, data + at + 2 + length);
    if (repair) repair_checksum(batch.back());
    at += 2 + length;
  }
  Coalescer coalescer;
  coalescer.enable(true, true);
  Splitter splitter;
  for (const Packet& packet : batch) coalescer.add(packet.data(), static_cast<uint32_t>(packet.size()), splitter);
  coalescer.flush(splitter);
  require(by_flow(batch) == by_flow(splitter.out));
  return 0;
}
