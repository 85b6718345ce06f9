#include "coalesce.h"

namespace pio {
namespace {

const uint8_t* addresses(const uint8_t* packet, bool v4) { return packet + (v4 ? 12 : 8); }
size_t address_bytes(bool v4) { return v4 ? 8 : 32; }

// The fields of the IP header that a split copies from the first segment to all others.
bool same_ip_header(const uint8_t* a, const uint8_t* b, bool v4, uint32_t distance) {
  if (!v4) return load32(a) == load32(b) && a[7] == b[7];  // traffic class, flow label; hop limit
  if (a[1] != b[1] || a[8] != b[8] || a[6] != b[6]) return false;  // DSCP and ECN; TTL; flags
  // A split counts the identification up. Where DF is set it has no meaning (RFC 6864 4.1).
  const bool dont_fragment = (a[6] & 0x40) != 0;
  return dont_fragment || load_be16(b + 4) == static_cast<uint16_t>(load_be16(a + 4) + distance);
}

}  // namespace

void Coalescer::add(const uint8_t* packet, uint32_t length, FrameSink& sink) {
  TransportView view;
  if (!view_transport(packet, length, view)) {
    // Its flow is not known (a fragment, say): whatever waits may belong to it and goes first.
    flush(sink);
    write_single(packet, length, sink);
    return;
  }
  Flow* flow = find(packet, view);
  if (!mergeable(packet, view)) {
    if (flow) write(*flow, sink);
    write_single(packet, length, sink);
    return;
  }
  if (!flow) {
    start(free_flow(sink), packet, length, view, false);
    return;
  }
  if (!fits(*flow, packet, view)) {
    write(*flow, sink);
    start(*flow, packet, length, view, false);
    return;
  }
  // Checksums are looked at only where something is about to be merged: the kernel verifies lone packets itself.
  if (!transport_checksum_ok(packet, length, view)) {
    sink.bad_checksum();
    write(*flow, sink);
    write_single(packet, length, sink);
    return;
  }
  if (!flow->verified && !transport_checksum_ok(flow->packet[0], flow->length[0], flow->view)) {
    sink.bad_checksum();
    write(*flow, sink);
    start(*flow, packet, length, view, true);
    return;
  }
  flow->verified = true;
  append(*flow, packet, length, view);
}

void Coalescer::flush(FrameSink& sink) {
  for (int i = 0; i < used_; i++) {
    if (flows_[i].packets) write(flows_[i], sink);
  }
  used_ = 0;
}

bool Coalescer::mergeable(const uint8_t* packet, const TransportView& view) const {
  if (view.payload == 0) return false;
  if (view.protocol == kUdp) return udp_;
  const uint8_t flags = packet[view.ip_header + 13];
  return tcp_ && (flags & ~(kPsh | kEce)) == kAck;
}

Coalescer::Flow* Coalescer::find(const uint8_t* packet, const TransportView& view) {
  for (int i = 0; i < used_; i++) {
    Flow& flow = flows_[i];
    if (!flow.packets || flow.view.protocol != view.protocol || flow.view.v4 != view.v4) continue;
    const uint8_t* first = flow.packet[0];
    if (load32(first + view.ip_header) != load32(packet + view.ip_header)) continue;  // ports
    if (memcmp(addresses(first, view.v4), addresses(packet, view.v4), address_bytes(view.v4)) == 0) return &flow;
  }
  return nullptr;
}

Coalescer::Flow& Coalescer::free_flow(FrameSink& sink) {
  for (int i = 0; i < used_; i++) {
    if (!flows_[i].packets) return flows_[i];
  }
  if (used_ == kFlows) flush(sink);
  return flows_[used_++];
}

void Coalescer::start(Flow& flow, const uint8_t* packet, uint32_t length, const TransportView& view, bool verified) {
  flow.packets = 1;
  flow.verified = verified;
  flow.view = view;
  flow.bytes = length;
  flow.segment = view.payload;
  flow.packet[0] = packet;
  flow.length[0] = length;
  const uint8_t* transport = packet + view.ip_header;
  flow.ended = view.protocol == kTcp && (transport[13] & kPsh);
  if (view.protocol == kTcp) flow.next_sequence = load_be32(transport + 4) + view.payload;
}

bool Coalescer::fits(const Flow& flow, const uint8_t* packet, const TransportView& view) {
  if (flow.ended || flow.packets == kMost || view.payload > flow.segment) return false;
  if (flow.bytes + view.payload > 65'535) return false;
  if (view.transport_header != flow.view.transport_header) return false;
  const uint8_t* first = flow.packet[0];
  if (!same_ip_header(first, packet, view.v4, flow.packets)) return false;
  if (view.protocol == kUdp) return true;
  const uint8_t* a = first + view.ip_header;
  const uint8_t* b = packet + view.ip_header;
  if (load_be32(b + 4) != flow.next_sequence) return false;
  if (load32(a + 8) != load32(b + 8) || load16(a + 14) != load16(b + 14)) return false;  // acknowledgement; window
  if (a[12] != b[12] || load16(a + 18) != load16(b + 18)) return false;  // reserved bits; urgent pointer
  if ((a[13] & ~kPsh) != (b[13] & ~kPsh)) return false;
  return memcmp(a + 20, b + 20, view.transport_header - 20u) == 0;  // options, so timestamps too
}

void Coalescer::append(Flow& flow, const uint8_t* packet, uint32_t length, const TransportView& view) {
  flow.packet[flow.packets] = packet;
  flow.length[flow.packets] = length;
  flow.packets++;
  flow.bytes += view.payload;
  flow.next_sequence += view.payload;
  flow.ended = view.payload < flow.segment;
  if (view.protocol == kTcp && (packet[view.ip_header + 13] & kPsh)) flow.ended = true;
}

void Coalescer::write(Flow& flow, FrameSink& sink) {
  const uint32_t packets = flow.packets;
  flow.packets = 0;
  if (packets == 1) {
    write_single(flow.packet[0], flow.length[0], sink);
    return;
  }
  const TransportView& view = flow.view;
  const uint32_t headers = view.ip_header + view.transport_header;
  const bool tcp = view.protocol == kTcp;
  std::array<uint8_t, kHeaderRoom> head;
  memcpy(head.data(), flow.packet[0], headers);
  store_ip_length(head.data(), flow.bytes);
  if (view.v4) store_ip4_checksum(head.data());
  uint8_t* transport = head.data() + view.ip_header;
  const uint32_t transport_length = flow.bytes - view.ip_header;
  if (tcp) {
    transport[13] |= flow.packet[packets - 1][view.ip_header + 13] & kPsh;
  } else {
    store_be16(transport + 4, static_cast<uint16_t>(transport_length));
  }
  // Left to the kernel: the field holds the pseudo-header's sum, not inverted.
  const uint16_t check_offset = tcp ? kTcpChecksumOffset : kUdpChecksumOffset;
  store16(transport + check_offset, checksum_fold(pseudo_header_sum(head.data(), view.protocol, transport_length)));

  VirtioHeader virtio{};
  virtio.flags = kNeedsChecksum;
  virtio.gso_type = tcp ? (view.v4 ? kGsoTcp4 : kGsoTcp6) : kGsoUdp;
  virtio.header_length = static_cast<uint16_t>(headers);
  virtio.gso_size = static_cast<uint16_t>(flow.segment);
  virtio.checksum_start = view.ip_header;
  virtio.checksum_offset = check_offset;

  std::array<iovec, 2 + kMost> parts;
  parts[0] = {&virtio, sizeof virtio};
  parts[1] = {head.data(), headers};
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < packets; i++) {
    parts[2 + i] = {const_cast<uint8_t*>(flow.packet[i]) + headers, flow.length[i] - headers};
    bytes += flow.length[i];
  }
  if (sink.write(parts.data(), static_cast<int>(2 + packets), packets, bytes)) return;
  for (uint32_t i = 0; i < packets; i++) write_single(flow.packet[i], flow.length[i], sink);
}

void Coalescer::write_single(const uint8_t* packet, uint32_t length, FrameSink& sink) {
  VirtioHeader virtio{};
  const iovec parts[2] = {{&virtio, sizeof virtio}, {const_cast<uint8_t*>(packet), length}};
  sink.write(parts, 2, 1, length);
}

}  // namespace pio
