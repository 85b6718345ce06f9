// Arithmetic over GF(256) = GF(2)[x] / (x^8 + x^4 + x^3 + x^2 + 1) on ranges of bytes, for forward repair.
//
// A product with a constant is linear over GF(2), so it is the sum of the products of the byte's two halves: two tables
// of 16 entries, which one shuffle instruction looks up for 16, 32 or 64 bytes at a time (Plank, Greenan and Miller,
// "Screaming Fast Galois Field Arithmetic Using Intel SIMD Instructions", FAST 2013).
#pragma once

#include <cstddef>
#include <cstdint>

namespace pio {

// One way to compute; all give the same bytes. Ranges are the same or do not overlap.
struct Gf256Kernel {
  const char* name;
  // target[i] ^= coefficient * source[i]
  void (*mul_add)(uint8_t* target, const uint8_t* source, size_t length, uint8_t coefficient);
  // target[i] = coefficient * source[i]
  void (*mul)(uint8_t* target, const uint8_t* source, size_t length, uint8_t coefficient);
};

// What this processor can run, the fastest first; the portable one is always last.
const Gf256Kernel* const* gf256_kernels(size_t& count);

// The product of two elements, bit by bit.
uint8_t gf256_product(uint8_t a, uint8_t b);

}  // namespace pio
