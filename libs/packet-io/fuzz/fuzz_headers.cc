// Any bytes as a packet: the view of its headers never points outside, and agrees with the length fields.
#include <cstdlib>
#include <vector>

#include "packet.h"

using namespace pio;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMaxIpPacket) return 0;
  const std::vector<uint8_t> packet(data, data + size);  // a heap copy: the sanitizer watches its ends
  const uint32_t length = static_cast<uint32_t>(size);
  TransportView view;
  if (!view_transport(packet.data(), length, view)) return 0;
  if (view.ip_header + view.transport_header + view.payload != length) abort();
  if (view.protocol != kTcp && view.protocol != kUdp) abort();
  if (view.v4 != (packet[0] >> 4 == 4)) abort();
  transport_checksum_ok(packet.data(), length, view);
  return 0;
}
