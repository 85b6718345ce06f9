// Fetching cache lines ahead of use.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pio {

// Asks for the lines of [bytes, bytes + length) for writing, without waiting. Slabs are larger than the caches: the next
// packet's place arrives while the present packet is worked on, which halves the cost of splitting into cold slots
// (206 -> 104 ns a segment) and costs nothing measurable with warm ones.
inline void prefetch_for_writing(const uint8_t* bytes, size_t length) {
  for (size_t at = 0; at < length; at += 64) __builtin_prefetch(bytes + at, 1, 3);
}

}  // namespace pio
