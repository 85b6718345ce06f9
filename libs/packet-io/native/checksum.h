// The internet checksum (RFC 1071), in the byte order of memory.
//
// A ones' complement sum does not care about byte order as long as all words are read and the result is written the
// same way (RFC 1071, 2B), so nothing here swaps: sums are over native words, and a folded sum is stored as it is.
#pragma once

#include <arpa/inet.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pio {

// Sum of `length` bytes that start at an even position of what is summed; not folded. 2^32 words of 32 bits fit.
uint64_t checksum_add(const uint8_t* bytes, size_t length);

// Folds a sum to 16 bits.
inline uint16_t checksum_fold(uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 32) + (sum & 0xffffffff);
  uint32_t half = static_cast<uint32_t>((sum >> 16) + (sum & 0xffff));
  half = (half >> 16) + (half & 0xffff);
  return static_cast<uint16_t>((half >> 16) + (half & 0xffff));
}

inline uint16_t load16(const uint8_t* at) {
  uint16_t value;
  memcpy(&value, at, 2);
  return value;
}
inline uint32_t load32(const uint8_t* at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return value;
}
inline void store16(uint8_t* at, uint16_t value) { memcpy(at, &value, 2); }
inline uint16_t load_be16(const uint8_t* at) { return ntohs(load16(at)); }
inline uint32_t load_be32(const uint8_t* at) { return ntohl(load32(at)); }
inline void store_be16(uint8_t* at, uint16_t value) { store16(at, htons(value)); }
inline void store_be32(uint8_t* at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

// Sum of a few whole 32-bit words: headers, for which a call and a vector loop would take longer than the sum.
inline uint64_t checksum_words(const uint8_t* bytes, size_t words) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i++) sum += load32(bytes + 4 * i);
  return sum;
}

// Pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 8200 8.1): addresses lie together in both IP versions.
inline uint64_t pseudo_header_sum(const uint8_t* ip, uint8_t protocol, uint32_t transport_length) {
  const bool v4 = ip[0] >> 4 == 4;
  const uint64_t addresses = v4 ? checksum_words(ip + 12, 2) : checksum_words(ip + 8, 8);
  return addresses + htonl(transport_length) + htons(protocol);
}

// Stores the checksum of a finished sum; a result of zero is sent as 0xffff, which is the same number and which UDP
// needs, as zero there means "none" (RFC 768).
inline void store_checksum(uint8_t* at, uint64_t sum) {
  const uint16_t check = static_cast<uint16_t>(~checksum_fold(sum));
  store16(at, check == 0 ? 0xffff : check);
}

}  // namespace pio
