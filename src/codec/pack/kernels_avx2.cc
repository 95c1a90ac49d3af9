// The kernels for AVX2, BMI and POPCNT; compiled with flags of its own.
#include "codec/pack/kernel_avx2.h"

namespace hygge::pack {

namespace {

// Two neighbours of w bits never span more than 16 bytes: one 128-bit lane holds a pair. For each
// width and four: the bytes of each value within its pair's lane, and how far it is to be shifted.
struct Tables {
  alignas(32) Byte bytes[kMaxPackedWidth + 1][2][32];
  alignas(32) Word shift[kMaxPackedWidth + 1][kHalf];
  // For a mask: which of the values kept becomes value 4 … 7; as two 32-bit lanes of a permutation.
  alignas(16) Byte high[256][8];
  // The same for values 0 … 3, by the low half of the mask.
  alignas(32) std::uint32_t low[16][8];

  constexpr Tables() : bytes(), shift(), high(), low() {
    for (unsigned w = 0; w <= kMaxPackedWidth; ++w) {
      for (unsigned k = 0; k < kHalf; ++k) {
        const unsigned bit = k * w;
        const unsigned pair = (k & ~1U) * w / 8;
        shift[w][k] = bit & 7U;
        for (unsigned j = 0; j < 8; ++j) {
          bytes[w][k / 4][k % 4 * 8 + j] = static_cast<Byte>(bit / 8 + j - pair);
        }
      }
    }
    for (unsigned mask = 0; mask < 256; ++mask) {
      unsigned kept = 0;
      for (unsigned k = 0; k < kHalf; ++k) {
        for (unsigned part = 0; part < 2; ++part) {
          if (k >= 4) high[mask][k % 4 * 2 + part] = static_cast<Byte>(2 * (kept & 7U) + part);
          if (k < 4 && mask < 16) low[mask][k * 2 + part] = 2 * (kept & 3U) + part;
        }
        kept += (mask >> k) & 1U;
      }
    }
  }
};
constexpr Tables kTables;

struct Avx2Unpack : Avx2 {
  static inline __m256i unpack4(const Byte* at, unsigned w, unsigned four, __m256i keep) {
    const auto* first = reinterpret_cast<const __m128i*>(at + 4 * four * w / 8);
    const auto* second = reinterpret_cast<const __m128i*>(at + (4 * four + 2) * w / 8);
    __m256i x = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(first)),
                                        _mm_loadu_si128(second), 1);
    x = _mm256_shuffle_epi8(x, *reinterpret_cast<const __m256i*>(kTables.bytes[w][four]));
    x = _mm256_srlv_epi64(x, *reinterpret_cast<const __m256i*>(&kTables.shift[w][4 * four]));
    return _mm256_and_si256(x, keep);
  }
  static inline void unpack8(const Byte* at, unsigned w, Word* out) {
    const __m256i keep = all(width_mask(w));
    store(out, unpack4(at, w, 0, keep));
    store(out + 4, unpack4(at, w, 1, keep));
  }
  static inline void expand8(const Byte* at, unsigned w, unsigned mask, Word* out) {
    const __m256i keep = all(width_mask(w));
    const __m256i a = unpack4(at, w, 0, keep);
    const __m256i b = unpack4(at, w, 1, keep);
    const __m256i to_low = *reinterpret_cast<const __m256i*>(kTables.low[mask & 15U]);
    const __m256i to_high =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kTables.high[mask])));
    const __m256i low = _mm256_permutevar8x32_epi32(a, to_low);
    const __m256i high = _mm256_blendv_epi8(_mm256_permutevar8x32_epi32(a, to_high),
                                            _mm256_permutevar8x32_epi32(b, to_high),
                                            _mm256_cmpgt_epi32(to_high, _mm256_set1_epi32(7)));
    const __m256i masks = all(mask);
    const __m256i bits_low = _mm256_setr_epi64x(1, 2, 4, 8);
    const __m256i bits_high = _mm256_setr_epi64x(16, 32, 64, 128);
    const __m256i on_low = _mm256_cmpeq_epi64(_mm256_and_si256(masks, bits_low), bits_low);
    const __m256i on_high = _mm256_cmpeq_epi64(_mm256_and_si256(masks, bits_high), bits_high);
    store(out, _mm256_and_si256(low, on_low));
    store(out + 4, _mm256_and_si256(high, on_high));
  }
};

// A signed 64-bit integer as the nearest double, in operations that AVX2 has: both halves are put
// into mantissas, which is exact, so that only the last addition rounds.
inline __m256d to_double(__m256i q) {
  const __m256i high_magic = Avx2::all(0x4530'0000'8000'0000U);  // 2^84 + 2^63
  const __m256i low_magic = Avx2::all(0x4330'0000'0000'0000U);   // 2^52
  const __m256d both = _mm256_castsi256_pd(Avx2::all(0x4530'0000'8010'0000U));
  const __m256i high = _mm256_xor_si256(_mm256_srli_epi64(q, 32), high_magic);
  const __m256i low = _mm256_blend_epi32(low_magic, q, 0b0101'0101);
  return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), both), _mm256_castsi256_pd(low));
}

void scale(const Word* q, double divisor, std::size_t n, double* out) {
  std::size_t i = 0;
  const __m256d by = _mm256_set1_pd(divisor);
  if (divisor == 1) {
    for (; i + 4 <= n; i += 4) _mm256_storeu_pd(out + i, to_double(Avx2::load(q + i)));
  } else {
    for (; i + 4 <= n; i += 4) {
      _mm256_storeu_pd(out + i, _mm256_div_pd(to_double(Avx2::load(q + i)), by));
    }
  }
  for (; i < n; ++i) out[i] = static_cast<double>(static_cast<std::int64_t>(q[i])) / divisor;
}

}  // namespace

extern const Kernels kAvx2Kernels = {"avx2",
                                     read_groups<Avx2Unpack>,
                                     integers<Avx2Unpack>,
                                     scale,
                                     add_ulps,
                                     xors,
                                     count_inexact_avx2,
                                     quotients_sse,
                                     step_bits,
                                     offsets,
                                     rank,
                                     least_off_grid,
                                     residuals,
                                     choose_widths<Avx2Unpack>};

}  // namespace hygge::pack
