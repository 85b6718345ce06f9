// The way back: packets of one flow merged into super-packets, so that the kernel's stack is walked once for many.
//
// The rules are those of GRO: only what the kernel could split again into the same packets is merged. Packets of one
// flow are never reordered; different flows of one batch may be.
#pragma once

#include <sys/uio.h>

#include <array>

#include "packet.h"

namespace pio {

// Receives frames. `packets` and `bytes` are those of the inner packets in it.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // Writes one frame; false: this kernel does not take such a frame, give me its packets one by one.
  virtual bool write(const iovec* parts, int count, uint32_t packets, uint32_t bytes) = 0;
  virtual void bad_checksum() = 0;
};

class Coalescer {
 public:
  // Merges only what the device was told to take.
  void enable(bool tcp, bool udp) {
    tcp_ = tcp;
    udp_ = udp;
  }
  void add(const uint8_t* packet, uint32_t length, FrameSink& sink);
  // Ends a batch: writes everything that waits.
  void flush(FrameSink& sink);

 private:
  static constexpr int kFlows = 16;        // flows of one batch that are merged side by side
  static constexpr uint32_t kMost = 64;    // UDP_MAX_SEGMENTS of older kernels; 45 full TCP segments make 64 KB
  static constexpr int kHeaderRoom = 100;  // IPv6 and the longest TCP header

  struct Flow {
    uint32_t packets = 0;  // 0: unused
    bool verified = false;
    bool ended = false;  // nothing may follow: PSH, or a short datagram
    TransportView view{};
    uint32_t bytes = 0;    // IP header, transport header, all payload
    uint32_t segment = 0;  // payload of the first
    uint32_t next_sequence = 0;
    std::array<const uint8_t*, kMost> packet{};
    std::array<uint32_t, kMost> length{};
  };

  bool mergeable(const uint8_t* packet, const TransportView& view) const;
  Flow* find(const uint8_t* packet, const TransportView& view);
  Flow& free_flow(FrameSink& sink);
  static void start(Flow& flow, const uint8_t* packet, uint32_t length, const TransportView& view, bool verified);
  static bool fits(const Flow& flow, const uint8_t* packet, const TransportView& view);
  static void append(Flow& flow, const uint8_t* packet, uint32_t length, const TransportView& view);
  void write(Flow& flow, FrameSink& sink);
  static void write_single(const uint8_t* packet, uint32_t length, FrameSink& sink);

  bool tcp_ = false;
  bool udp_ = false;
  int used_ = 0;  // flows in use, the first ones
  std::array<Flow, kFlows> flows_{};
};

}  // namespace pio
