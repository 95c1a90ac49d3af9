// The AVX-512 intrinsics that kernels_avx512.cc uses, in plain C++ after Intel's description of
// each. Replaces them by macros, so that the kernels' logic can be tried on processors that have
// none. To be included after <immintrin.h> and before that file; nowhere else.
#pragma once

#include <cstdint>
#include <cstring>

namespace hygge::pack {
namespace {

struct Vector512 {
  std::uint64_t word[8];
};
struct Doubles512 {
  double value[8];
};

inline Vector512 emulated_load(const void* from) {
  Vector512 out;
  std::memcpy(&out, from, sizeof out);
  return out;
}
inline void emulated_store(void* to, const Vector512& x) { std::memcpy(to, &x, sizeof x); }
inline void emulated_store_doubles(double* to, const Doubles512& x) {
  std::memcpy(to, &x, sizeof x);
}
inline Vector512 emulated_set1(long long x) {
  Vector512 out;
  for (std::uint64_t& word : out.word) word = static_cast<std::uint64_t>(x);
  return out;
}
inline Doubles512 emulated_set1_double(double x) {
  Doubles512 out;
  for (double& value : out.value) value = x;
  return out;
}
inline Vector512 emulated_and(Vector512 a, const Vector512& b) {
  for (int i = 0; i < 8; ++i) a.word[i] &= b.word[i];
  return a;
}
// dst.byte[i] = mask[i] ? a.byte[index.byte[i] & 63] : 0
inline Vector512 emulated_permute_bytes(std::uint64_t mask, const Vector512& index,
                                        const Vector512& a) {
  std::uint8_t in[64], at[64], bytes[64];
  std::memcpy(in, &a, sizeof in);
  std::memcpy(at, &index, sizeof at);
  for (unsigned i = 0; i < 64; ++i) {
    bytes[i] = static_cast<std::uint8_t>((mask >> i & 1U) != 0 ? in[at[i] & 63U] : 0);
  }
  return emulated_load(bytes);
}
// dst.word[i] = mask[i] && count.word[i] < 64 ? a.word[i] >> count.word[i] : 0
inline Vector512 emulated_shift_right(unsigned mask, const Vector512& a, const Vector512& count) {
  Vector512 out;
  for (unsigned i = 0; i < 8; ++i) {
    const bool on = (mask >> i & 1U) != 0 && count.word[i] < 64;
    out.word[i] = on ? a.word[i] >> count.word[i] : 0;
  }
  return out;
}
// dst.word[i] = mask[i] ? the next word of a : 0
inline Vector512 emulated_expand(unsigned mask, const Vector512& a) {
  Vector512 out;
  unsigned next = 0;
  for (unsigned i = 0; i < 8; ++i) out.word[i] = (mask >> i & 1U) != 0 ? a.word[next++] : 0;
  return out;
}
inline Doubles512 emulated_convert(unsigned mask, const Vector512& a) {
  Doubles512 out;
  for (unsigned i = 0; i < 8; ++i) {
    out.value[i] =
        (mask >> i & 1U) != 0 ? static_cast<double>(static_cast<std::int64_t>(a.word[i])) : 0;
  }
  return out;
}
inline Doubles512 emulated_divide(unsigned mask, const Doubles512& a, const Doubles512& b) {
  Doubles512 out;
  for (unsigned i = 0; i < 8; ++i) {
    out.value[i] = (mask >> i & 1U) != 0 ? a.value[i] / b.value[i] : 0;
  }
  return out;
}

}  // namespace
}  // namespace hygge::pack

#undef _mm512_loadu_si512
#undef _mm512_storeu_si512
#undef _mm512_storeu_pd
#undef _mm512_set1_epi64
#undef _mm512_set1_pd
#undef _mm512_and_si512
#undef _mm512_maskz_permutexvar_epi8
#undef _mm512_maskz_srlv_epi64
#undef _mm512_maskz_expand_epi64
#undef _mm512_maskz_cvtepi64_pd
#undef _mm512_maskz_div_pd
#define __m512i Vector512
#define __m512d Doubles512
#define _mm512_loadu_si512 emulated_load
#define _mm512_storeu_si512 emulated_store
#define _mm512_storeu_pd emulated_store_doubles
#define _mm512_set1_epi64 emulated_set1
#define _mm512_set1_pd emulated_set1_double
#define _mm512_and_si512 emulated_and
#define _mm512_maskz_permutexvar_epi8 emulated_permute_bytes
#define _mm512_maskz_srlv_epi64 emulated_shift_right
#define _mm512_maskz_expand_epi64 emulated_expand
#define _mm512_maskz_cvtepi64_pd emulated_convert
#define _mm512_maskz_div_pd emulated_divide
