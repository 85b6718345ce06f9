// Any bytes as a frame from the kernel: nothing is read or written outside, every segment is a valid packet, and the
// payloads of the segments are the payload of the frame.
#include <cstdlib>
#include <vector>

#include "split.h"

using namespace pio;

namespace {

void require(bool condition) {
  if (!condition) abort();
}

void check_segments(SuperPacket& super, const VirtioHeader& header, const uint8_t* packet, uint32_t length) {
  const uint32_t ip_header = header.checksum_start;
  const bool tcp = (header.gso_type & ~kGsoEcn) != kGsoUdp;
  const uint32_t headers = ip_header + (tcp ? (packet[ip_header + 12] >> 4) * 4u : 8u);
  const uint32_t segments = super.segments();
  uint32_t payload = headers;
  uint32_t count = 0;
  while (super.pending()) {
    // Exactly the room that a lent position has: the sanitizer watches its end.
    std::vector<uint8_t> slot(kPacketRoom);
    const uint32_t size = super.next(slot.data());
    require(size > headers && size <= kPacketRoom);
    require(memcmp(slot.data() + headers, packet + payload, size - headers) == 0);
    payload += size - headers;
    count++;
    const uint32_t transport = size - ip_header;
    const uint64_t sum = pseudo_header_sum(slot.data(), tcp ? kTcp : kUdp, transport);
    require(checksum_fold(sum + checksum_add(slot.data() + ip_header, transport)) == 0xffff);
    if (slot[0] >> 4 == 4) require(checksum_fold(checksum_add(slot.data(), ip_header)) == 0xffff);
  }
  require(payload == length && count == segments);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < sizeof(VirtioHeader) || size > sizeof(VirtioHeader) + kMaxIpPacket) return 0;
  VirtioHeader header;
  memcpy(&header, data, sizeof header);
  std::vector<uint8_t> packet(data + sizeof header, data + size);
  const uint32_t length = static_cast<uint32_t>(packet.size());
  if (header.gso_type == kGsoNone) {
    complete_single(header, packet.data(), length);
    return 0;
  }
  SuperPacket super;
  if (super.begin(header, packet.data(), length) == FrameKind::kSuper) {
    check_segments(super, header, packet.data(), length);
  }
  return 0;
}
