// UDP sockets: batches of datagrams in; the sender reaches them through UdpEnd.
#pragma once

#include <netinet/in.h>

#include <memory>

#include "napi_util.h"

namespace pio {

// Older headers lack these (linux/udp.h, linux/in.h).
constexpr int kUdpSegment = 103;
constexpr int kUdpGro = 104;
constexpr int kPmtuProbe = 3;  // DF, whatever the kernel has heard of the path
constexpr int kPmtuOmit = 5;   // no DF, likewise

constexpr size_t kAddressBytes = 40;

// Order of UDP_COUNTERS in counters.ts.
enum UdpCounter {
  kReceiveCalls,
  kReceivedDatagrams,
  kReceivedBytes,
  kReceivedMerged,
  kReceiveTruncated,
  kReceiveErrors,
  kSendCalls,
  kSentDatagrams,
  kSentBytes,
  kSentMerged,
  kDropFull,
  kDropUnreachable,
  kDropTooLong,
  kDropDenied,
  kDropOther,
  kSegmentationOff,
  kUdpCounters,
};

// The sending end of a socket, shared with senders; outlives the socket as a closed one.
struct UdpEnd {
  int32_t id = 0;
  int family = 0;  // AF_INET or AF_INET6
  int fd = -1;     // -1 once closed
  double* counters = nullptr;
  bool segmentation = false;     // UDP_SEGMENT works here
  uint32_t longest_segment = 0;  // longer ones do not fit the device's MTU and go out singly
};

// The end of the Udp behind a value; throws and answers null for anything else.
std::shared_ptr<UdpEnd> udp_end_of(napi_env env, napi_value value);

}  // namespace pio
