#include "checksum.h"

namespace pio {
namespace {

// Written so that compilers turn it into vector code: 32-bit words widened into 64-bit lanes.
[[gnu::always_inline]] inline uint64_t add_words(const uint8_t* bytes, size_t length) {
  uint64_t sum = 0;
  const size_t words = length / 4;
  for (size_t i = 0; i < words; i++) sum += load32(bytes + 4 * i);
  bytes += 4 * words;
  if (length & 2) {
    sum += load16(bytes);
    bytes += 2;
  }
  if (length & 1) {
    uint16_t last = 0;  // padded with a zero byte behind it
    memcpy(&last, bytes, 1);
    sum += last;
  }
  return sum;
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] uint64_t add_avx2(const uint8_t* bytes, size_t length) { return add_words(bytes, length); }
const bool have_avx2 = __builtin_cpu_supports("avx2");
#endif

}  // namespace

uint64_t checksum_add(const uint8_t* bytes, size_t length) {
#if defined(__x86_64__)
  if (length >= 128 && have_avx2) return add_avx2(bytes, length);
#endif
  return add_words(bytes, length);
}

}  // namespace pio
