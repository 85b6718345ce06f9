#include "split.h"

namespace pio {

FrameKind complete_single(const VirtioHeader& header, uint8_t* packet, uint32_t length) {
  if (!(header.flags & kNeedsChecksum)) return FrameKind::kSingle;
  const uint32_t start = header.checksum_start;
  const uint32_t field = start + header.checksum_offset;
  if (start > length || field + 2 > length) return FrameKind::kMalformed;
  // The field holds the sum of the pseudo-header already.
  const uint64_t sum = checksum_add(packet + start, length - start);
  store_checksum(packet + field, sum);
  return FrameKind::kSingle;
}

FrameKind SuperPacket::begin(const VirtioHeader& header, const uint8_t* packet, uint32_t length) {
  drop();
  const uint8_t type = header.gso_type & static_cast<uint8_t>(~kGsoEcn);
  tcp_ = type == kGsoTcp4 || type == kGsoTcp6;
  if (!tcp_ && type != kGsoUdp) return FrameKind::kMalformed;
  if (!(header.flags & kNeedsChecksum) || header.gso_size == 0 || length < 28) return FrameKind::kMalformed;

  const uint8_t version = packet[0] >> 4;
  if (version != 4 && version != 6) return FrameKind::kMalformed;
  if ((type == kGsoTcp4 && version != 4) || (type == kGsoTcp6 && version != 6)) return FrameKind::kMalformed;
  // Extension headers may stand between; only the start of the transport header is taken from the kernel. Its
  // header_length is not used: for forwarded packets it may be the length of the first fragment of memory.
  const uint32_t ip_header = header.checksum_start;
  const uint32_t least = version == 4 ? (packet[0] & 15) * 4u : 40u;
  if (least < 20 || ip_header < least || (version == 4 && ip_header != least)) return FrameKind::kMalformed;
  if (header.checksum_offset != (tcp_ ? kTcpChecksumOffset : kUdpChecksumOffset)) return FrameKind::kMalformed;
  if (ip_header + (tcp_ ? 20u : 8u) > length) return FrameKind::kMalformed;
  const uint32_t transport_header = tcp_ ? (packet[ip_header + 12] >> 4) * 4u : 8u;
  if (tcp_ && transport_header < 20) return FrameKind::kMalformed;
  const uint32_t headers = ip_header + transport_header;
  if (headers >= length || length > kMaxIpPacket) return FrameKind::kMalformed;
  if (headers + header.gso_size > kPacketRoom && length > kPacketRoom) return FrameKind::kOversize;

  packet_ = packet;
  length_ = length;
  ip_header_ = ip_header;
  headers_ = headers;
  next_payload_ = headers;
  index_ = 0;
  gso_size_ = header.gso_size;
  segments_ = (length - headers + gso_size_ - 1) / gso_size_;
  return FrameKind::kSuper;
}

uint32_t SuperPacket::next(uint8_t* slot) {
  const uint32_t left = length_ - next_payload_;
  const uint32_t payload = left < gso_size_ ? left : gso_size_;
  const bool last = payload == left;
  const uint32_t size = headers_ + payload;
  memcpy(slot, packet_, headers_);
  memcpy(slot + headers_, packet_ + next_payload_, payload);

  store_ip_length(slot, size);
  if (slot[0] >> 4 == 4) {
    store_be16(slot + 4, static_cast<uint16_t>(load_be16(packet_ + 4) + index_));
    store_ip4_checksum(slot);
  }
  uint8_t* transport = slot + ip_header_;
  const uint32_t transport_length = size - ip_header_;
  uint8_t* check = transport + (tcp_ ? kTcpChecksumOffset : kUdpChecksumOffset);
  if (tcp_) {
    store_be32(transport + 4, load_be32(packet_ + ip_header_ + 4) + (next_payload_ - headers_));
    // FIN and PSH belong to the last byte; CWR answers once (RFC 3168 6.1.2).
    if (!last) transport[13] &= static_cast<uint8_t>(~(kFin | kPsh));
    if (index_ != 0) transport[13] &= static_cast<uint8_t>(~kCwr);
  } else {
    store_be16(transport + 4, static_cast<uint16_t>(transport_length));
  }
  store16(check, 0);
  const uint64_t pseudo = pseudo_header_sum(slot, tcp_ ? kTcp : kUdp, transport_length);
  store_checksum(check, pseudo + checksum_add(transport, transport_length));

  next_payload_ += payload;
  index_++;
  return size;
}

}  // namespace pio
