// What the AVX2 and the AVX-512 kernels have in common, for their two files only; as in
// kernel_loops.h, everything is local to the file.
#pragma once

#include <immintrin.h>

#include "codec/pack/kernel_loops.h"

namespace hygge::pack {
namespace {

struct Avx2 {
  static inline __m256i load(const Word* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  static inline void store(Word* at, __m256i x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), x);
  }
  static inline __m256i all(Word x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }

  // Sums over four lanes by two shifted additions; the sum before comes in by one more, so that
  // only a single addition lies between a four and the next.
  static inline void delta_row(const Word* r, std::size_t n, Word start, Word step, unsigned shift,
                               Word* out) {
    const __m256i one = all(1);
    const __m256i zero = _mm256_setzero_si256();
    const __m256i steps = all(step);
    const __m128i count = _mm_cvtsi32_si128(static_cast<int>(shift));
    __m256i before = all(start);
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const __m256i coded = load(r + i);
      __m256i x = _mm256_xor_si256(_mm256_srli_epi64(coded, 1),
                                   _mm256_sub_epi64(zero, _mm256_and_si256(coded, one)));
      x = _mm256_add_epi64(_mm256_sll_epi64(x, count), steps);
      x = _mm256_add_epi64(x, _mm256_slli_si256(x, 8));
      const __m256i low_sum = _mm256_permute4x64_epi64(x, 0b01'01'01'01);
      x = _mm256_add_epi64(x, _mm256_blend_epi32(zero, low_sum, 0xf0));
      const __m256i sum = _mm256_permute4x64_epi64(x, 0b11'11'11'11);
      store(out + i, _mm256_add_epi64(x, before));
      before = _mm256_add_epi64(before, sum);
    }
    if (i < n) {
      const auto sum = static_cast<Word>(_mm256_extract_epi64(before, 0));
      pack::delta_row(r + i, n - i, sum, step, shift, out + i);
    }
  }

  static inline GroupFacts facts(const Word* r) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i a = load(r);
    const __m256i b = load(r + 4);
    const __m256i c = load(r + 8);
    const __m256i d = load(r + 12);
    const __m256i any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
    const auto zeros = [zero](__m256i x) {
      return static_cast<unsigned>(
          _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(x, zero))));
    };
    const __m128i half =
        _mm_or_si128(_mm256_castsi256_si128(any), _mm256_extracti128_si256(any, 1));
    GroupFacts out;
    out.all =
        static_cast<Word>(_mm_cvtsi128_si64(half)) | static_cast<Word>(_mm_extract_epi64(half, 1));
    out.ones[0] = 8U - static_cast<unsigned>(_mm_popcnt_u32(zeros(a) | zeros(b) << 4U));
    out.ones[1] = 8U - static_cast<unsigned>(_mm_popcnt_u32(zeros(c) | zeros(d) << 4U));
    return out;
  }
};

[[maybe_unused]] std::size_t count_inexact_avx2(const double* v, std::size_t n, double divisor) {
  const __m256d by = _mm256_set1_pd(divisor);
  const __m256d limit = _mm256_set1_pd(kScaledLimit);
  const __m256d sign = _mm256_set1_pd(-0.0);
  __m256i exact = _mm256_setzero_si256();
  std::size_t i = 0;
  const auto is_exact = [&](__m256d x) {
    const __m256d scaled = _mm256_mul_pd(x, by);
    const __m256d in_reach = _mm256_cmp_pd(_mm256_andnot_pd(sign, scaled), limit, _CMP_LT_OQ);
    __m256d rounded = _mm256_round_pd(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    rounded = _mm256_add_pd(rounded, _mm256_setzero_pd());  // −0 to 0
    const __m256d back = _mm256_div_pd(rounded, by);
    const __m256i same = _mm256_cmpeq_epi64(_mm256_castpd_si256(back), _mm256_castpd_si256(x));
    return _mm256_and_si256(same, _mm256_castpd_si256(in_reach));
  };
  for (; i + 4 <= n; i += 4) exact = _mm256_sub_epi64(exact, is_exact(_mm256_loadu_pd(v + i)));
  alignas(32) Word counts[4];
  Avx2::store(counts, exact);
  Word good = counts[0] + counts[1] + counts[2] + counts[3];
  if (i < n) {
    alignas(32) double rest[4] = {0, 0, 0, 0};  // zeros are exact: taken off again
    std::memcpy(rest, v + i, (n - i) * sizeof(double));
    Avx2::store(counts, is_exact(_mm256_load_pd(rest)));
    good +=
        (counts[0] & 1U) + (counts[1] & 1U) + (counts[2] & 1U) + (counts[3] & 1U) - (4 - (n - i));
  }
  return n - static_cast<std::size_t>(good);
}

// Rounds as the processor's mode says: to nearest, ties to even, as all arithmetic here assumes.
[[maybe_unused]] void quotients_sse(const double* v, std::size_t n, double divisor,
                                    std::int64_t* q) {
  for (std::size_t i = 0; i < n; ++i) {
    q[i] = static_cast<std::int64_t>(_mm_cvtsd_si64(_mm_set_sd(v[i] * divisor)));
  }
}

}  // namespace
}  // namespace hygge::pack
