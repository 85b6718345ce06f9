// What this addon must know of an IP packet: where its TCP or UDP header is. Plain functions over bytes, no state.
#pragma once

#include "checksum.h"

namespace pio {

// Room that a lent slab position must have, bytes; MAX_PACKET_BYTES of the TypeScript face.
constexpr uint32_t kPacketRoom = 1984;
// The longest IP packet, and so the longest super-packet (big TCP is never offered to a TUN device).
constexpr uint32_t kMaxIpPacket = 65'535 + 40;

constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kAck = 0x10;
constexpr uint8_t kEce = 0x40;
constexpr uint8_t kCwr = 0x80;

// virtio_net_hdr of the virtio specification 5.1.6, fields in host order as TUN devices use them.
struct VirtioHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t header_length;
  uint16_t gso_size;
  uint16_t checksum_start;
  uint16_t checksum_offset;
};
static_assert(sizeof(VirtioHeader) == 10);

constexpr uint8_t kNeedsChecksum = 1;
constexpr uint8_t kGsoNone = 0;
constexpr uint8_t kGsoTcp4 = 1;
constexpr uint8_t kGsoTcp6 = 4;
constexpr uint8_t kGsoUdp = 5;
constexpr uint8_t kGsoEcn = 0x80;

constexpr uint16_t kTcpChecksumOffset = 16;
constexpr uint16_t kUdpChecksumOffset = 6;

// A whole, unfragmented TCP or UDP packet without IP options or extension headers.
struct TransportView {
  bool v4;
  uint8_t protocol;
  uint16_t ip_header;         // bytes
  uint16_t transport_header;  // bytes
  uint32_t payload;           // bytes
};

// Answers false for everything else, also where a length field disagrees with `length`.
inline bool view_transport(const uint8_t* packet, uint32_t length, TransportView& view) {
  if (length < 28) return false;
  view.v4 = packet[0] == 0x45;
  if (view.v4) {
    if (load_be16(packet + 2) != length) return false;
    if ((load_be16(packet + 6) & 0x3fff) != 0) return false;  // more fragments, or a fragment offset
    view.protocol = packet[9];
    view.ip_header = 20;
  } else {
    if (packet[0] >> 4 != 6 || length < 48) return false;
    if (load_be16(packet + 4) + 40u != length) return false;
    view.protocol = packet[6];
    view.ip_header = 40;
  }
  const uint8_t* transport = packet + view.ip_header;
  const uint32_t rest = length - view.ip_header;
  if (view.protocol == kTcp) {
    if (rest < 20) return false;
    view.transport_header = static_cast<uint16_t>((transport[12] >> 4) * 4);
    if (view.transport_header < 20 || view.transport_header > rest) return false;
  } else if (view.protocol == kUdp) {
    view.transport_header = 8;
    if (load_be16(transport + 4) != rest) return false;
  } else {
    return false;
  }
  view.payload = rest - view.transport_header;
  return true;
}

// Whether the TCP or UDP checksum of a viewed packet is right. An absent one (UDP over IPv4) counts as wrong: such a
// packet may not be merged, as the split would give it one.
inline bool transport_checksum_ok(const uint8_t* packet, uint32_t length, const TransportView& view) {
  const uint8_t* transport = packet + view.ip_header;
  if (view.protocol == kUdp && load16(transport + kUdpChecksumOffset) == 0) return false;
  const uint32_t bytes = length - view.ip_header;
  const uint64_t sum = pseudo_header_sum(packet, view.protocol, bytes) + checksum_add(transport, bytes);
  return checksum_fold(sum) == 0xffff;
}

// Writes the header checksum of an IPv4 packet.
inline void store_ip4_checksum(uint8_t* packet) {
  store16(packet + 10, 0);
  store16(packet + 10, static_cast<uint16_t>(~checksum_fold(checksum_words(packet, packet[0] & 15))));
}

// Writes total length (IPv4) or payload length (IPv6).
inline void store_ip_length(uint8_t* packet, uint32_t length) {
  if (packet[0] >> 4 == 4) {
    store_be16(packet + 2, static_cast<uint16_t>(length));
  } else {
    store_be16(packet + 4, static_cast<uint16_t>(length - 40));
  }
}

}  // namespace pio
