#include "gf256.h"

#include <array>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#define PIO_GF256_X86 1
#include <immintrin.h>
#elif defined(__aarch64__) || defined(__ARM_NEON)
#define PIO_GF256_NEON 1
#include <arm_neon.h>
#endif

namespace pio {

uint8_t gf256_product(uint8_t a, uint8_t b) {
  unsigned sum = 0, shifted = a;
  for (int bit = 0; bit < 8; bit++) {
    if (b >> bit & 1) sum ^= shifted;
    shifted <<= 1;
    if (shifted & 0x100) shifted ^= 0x11d;
  }
  return static_cast<uint8_t>(sum);
}

namespace {

// Products of one coefficient with the low and the high halves of a byte.
struct alignas(32) HalfTables {
  uint8_t low[16];
  uint8_t high[16];
};

// For every coefficient; 8 KB, made once.
struct Tables {
  std::array<HalfTables, 256> half;
  Tables() {
    for (unsigned c = 0; c < 256; c++) {
      for (unsigned x = 0; x < 16; x++) {
        half[c].low[x] = gf256_product(static_cast<uint8_t>(c), static_cast<uint8_t>(x));
        half[c].high[x] = gf256_product(static_cast<uint8_t>(c), static_cast<uint8_t>(x << 4));
      }
    }
  }
};

const HalfTables& tables_of(uint8_t coefficient) {
  static const Tables tables;
  return tables.half[coefficient];
}

// --- portable: also what is left over behind the last whole vector ------------------------------------------------

template <bool kAdd>
void portable(uint8_t* target, const uint8_t* source, size_t length, uint8_t coefficient) {
  const HalfTables& t = tables_of(coefficient);
  for (size_t i = 0; i < length; i++) {
    const uint8_t product = t.low[source[i] & 15] ^ t.high[source[i] >> 4];
    target[i] = kAdd ? target[i] ^ product : product;
  }
}

// Coefficient 1, which is most of what is copied: no product at all. The compiler makes vectors of it.
template <bool kAdd>
void one(uint8_t* target, const uint8_t* source, size_t length) {
  if (!kAdd) {
    memmove(target, source, length);
    return;
  }
  for (size_t i = 0; i < length; i++) target[i] ^= source[i];
}

#ifdef PIO_GF256_X86

template <bool kAdd>
__attribute__((target("ssse3"))) void ssse3(uint8_t* target, const uint8_t* source, size_t length,
                                            uint8_t coefficient) {
  const HalfTables& t = tables_of(coefficient);
  const __m128i low = _mm_load_si128(reinterpret_cast<const __m128i*>(t.low));
  const __m128i high = _mm_load_si128(reinterpret_cast<const __m128i*>(t.high));
  const __m128i mask = _mm_set1_epi8(15);
  size_t i = 0;
  for (; i + 16 <= length; i += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i));
    __m128i product = _mm_xor_si128(_mm_shuffle_epi8(low, _mm_and_si128(x, mask)),
                                    _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi16(x, 4), mask)));
    if (kAdd) product = _mm_xor_si128(product, _mm_loadu_si128(reinterpret_cast<const __m128i*>(target + i)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + i), product);
  }
  portable<kAdd>(target + i, source + i, length - i, coefficient);
}

template <bool kAdd>
__attribute__((target("avx2"))) void avx2(uint8_t* target, const uint8_t* source, size_t length, uint8_t coefficient) {
  const HalfTables& t = tables_of(coefficient);
  const __m256i low = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(t.low)));
  const __m256i high = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(t.high)));
  const __m256i mask = _mm256_set1_epi8(15);
  size_t i = 0;
  for (; i + 32 <= length; i += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + i));
    __m256i product = _mm256_xor_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(x, mask)),
                                       _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(x, 4), mask)));
    if (kAdd) product = _mm256_xor_si256(product, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(target + i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + i), product);
  }
  _mm256_zeroupper();
  portable<kAdd>(target + i, source + i, length - i, coefficient);
}

#elif defined(PIO_GF256_NEON)

// The 16-entry look-up: one instruction on 64-bit ARM, two halves on 32-bit.
inline uint8x16_t look_up(uint8x16_t table, uint8x16_t index) {
#ifdef __aarch64__
  return vqtbl1q_u8(table, index);
#else
  const uint8x8x2_t halves = {{vget_low_u8(table), vget_high_u8(table)}};
  return vcombine_u8(vtbl2_u8(halves, vget_low_u8(index)), vtbl2_u8(halves, vget_high_u8(index)));
#endif
}

template <bool kAdd>
void neon(uint8_t* target, const uint8_t* source, size_t length, uint8_t coefficient) {
  const HalfTables& t = tables_of(coefficient);
  const uint8x16_t low = vld1q_u8(t.low);
  const uint8x16_t high = vld1q_u8(t.high);
  const uint8x16_t mask = vdupq_n_u8(15);
  size_t i = 0;
  for (; i + 16 <= length; i += 16) {
    const uint8x16_t x = vld1q_u8(source + i);
    uint8x16_t product = veorq_u8(look_up(low, vandq_u8(x, mask)), look_up(high, vshrq_n_u8(x, 4)));
    if (kAdd) product = veorq_u8(product, vld1q_u8(target + i));
    vst1q_u8(target + i, product);
  }
  portable<kAdd>(target + i, source + i, length - i, coefficient);
}

#endif

using Operation = void (*)(uint8_t*, const uint8_t*, size_t, uint8_t);

template <bool kAdd, Operation kGeneral>
void dispatch(uint8_t* target, const uint8_t* source, size_t length, uint8_t coefficient) {
  if (coefficient == 1) {
    one<kAdd>(target, source, length);
  } else {
    kGeneral(target, source, length, coefficient);
  }
}

constexpr Gf256Kernel kPortable = {"portable", dispatch<true, portable<true>>, dispatch<false, portable<false>>};
#ifdef PIO_GF256_X86
constexpr Gf256Kernel kSsse3 = {"ssse3", dispatch<true, ssse3<true>>, dispatch<false, ssse3<false>>};
constexpr Gf256Kernel kAvx2 = {"avx2", dispatch<true, avx2<true>>, dispatch<false, avx2<false>>};
#elif defined(PIO_GF256_NEON)
constexpr Gf256Kernel kNeon = {"neon", dispatch<true, neon<true>>, dispatch<false, neon<false>>};
#endif

struct Available {
  const Gf256Kernel* kernels[3];
  size_t count = 0;
  Available() {
#ifdef PIO_GF256_X86
    if (__builtin_cpu_supports("avx2")) kernels[count++] = &kAvx2;
    if (__builtin_cpu_supports("ssse3")) kernels[count++] = &kSsse3;
#elif defined(PIO_GF256_NEON)
    kernels[count++] = &kNeon;
#endif
    kernels[count++] = &kPortable;
  }
};

}  // namespace

const Gf256Kernel* const* gf256_kernels(size_t& count) {
  static const Available available;
  count = available.count;
  return available.kernels;
}

}  // namespace pio
