// Splitting what a TUN device with offloads hands over: one virtio header and one packet of up to 64 KB.
#pragma once

#include "packet.h"

namespace pio {

enum class FrameKind {
  kSingle,     // one packet, now complete
  kSuper,      // a super-packet: take its segments with SuperPacket::next
  kOversize,   // its packets do not fit a slot
  kMalformed,  // header fields contradict the packet
};

// A super-packet on its way into slots. The bytes stay where they are until the last segment is taken.
class SuperPacket {
 public:
  // Packets that still wait.
  bool pending() const { return next_payload_ < length_; }
  uint32_t segments() const { return segments_; }
  // Bytes of every packet but perhaps the last.
  uint32_t segment_bytes() const { return headers_ + gso_size_; }

  // Takes a look at a TSO or USO frame. `packet` is borrowed.
  FrameKind begin(const VirtioHeader& header, const uint8_t* packet, uint32_t length);
  // Writes the next segment, complete with checksums, to `slot` (kPacketRoom bytes) and answers its length.
  uint32_t next(uint8_t* slot);
  void drop() { next_payload_ = length_ = 0; }

 private:
  const uint8_t* packet_ = nullptr;
  uint32_t length_ = 0;
  uint32_t ip_header_ = 0;
  uint32_t headers_ = 0;  // IP and transport together
  uint32_t next_payload_ = 0;
  uint32_t index_ = 0;
  uint32_t segments_ = 0;
  uint32_t gso_size_ = 0;
  bool tcp_ = false;
};

// Completes the checksum that the kernel left to the "device" in a packet that is no super-packet.
FrameKind complete_single(const VirtioHeader& header, uint8_t* packet, uint32_t length);

}  // namespace pio
