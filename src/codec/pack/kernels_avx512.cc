// The kernels for AVX-512 (F, DQ, BW, VL, VBMI); compiled with flags of its own. A test compiles
// this file again with the AVX-512 intrinsics replaced by plain C++, for machines that have none.
#include "codec/pack/kernel_avx2.h"

namespace hygge::pack {

namespace {

// For each width: which bytes hold value k of eight, and how far it is to be shifted.
struct Tables {
  alignas(64) Byte bytes[kMaxPackedWidth + 1][64];
  alignas(64) Word shift[kMaxPackedWidth + 1][kHalf];

  constexpr Tables() : bytes(), shift() {
    for (unsigned w = 0; w <= kMaxPackedWidth; ++w) {
      for (unsigned k = 0; k < kHalf; ++k) {
        const unsigned bit = k * w;
        shift[w][k] = bit & 7U;
        for (unsigned j = 0; j < 8; ++j) {
          const unsigned byte = bit / 8 + j;  // past 63 lie only bytes that the mask drops
          bytes[w][k * 8 + j] = static_cast<Byte>(byte < 63 ? byte : 63);
        }
      }
    }
  }
};
constexpr Tables kTables;

constexpr __mmask8 kAllWords = 0xff;

// The zero-masking forms with full masks: GCC 12 warns about its own headers in the plain ones.
struct Avx512 : Avx2 {
  static inline __m512i unpack(const Byte* at, unsigned w) {
    __m512i x = _mm512_loadu_si512(at);
    x = _mm512_maskz_permutexvar_epi8(~__mmask64{0}, _mm512_loadu_si512(kTables.bytes[w]), x);
    x = _mm512_maskz_srlv_epi64(kAllWords, x, _mm512_loadu_si512(kTables.shift[w]));
    return _mm512_and_si512(x, _mm512_set1_epi64(static_cast<long long>(width_mask(w))));
  }
  static inline void unpack8(const Byte* at, unsigned w, Word* out) {
    _mm512_storeu_si512(out, unpack(at, w));
  }
  static inline void expand8(const Byte* at, unsigned w, unsigned mask, Word* out) {
    _mm512_storeu_si512(out, _mm512_maskz_expand_epi64(static_cast<__mmask8>(mask), unpack(at, w)));
  }
};

void scale(const Word* q, double divisor, std::size_t n, double* out) {
  const __m512d by = _mm512_set1_pd(divisor);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m512d x = _mm512_maskz_cvtepi64_pd(kAllWords, _mm512_loadu_si512(q + i));
    _mm512_storeu_pd(out + i, _mm512_maskz_div_pd(kAllWords, x, by));
  }
  for (; i < n; ++i) out[i] = static_cast<double>(static_cast<std::int64_t>(q[i])) / divisor;
}

}  // namespace

extern const Kernels kAvx512Kernels = {
    "avx512",           read_groups<Avx512>,  integers<Avx512>, scale,   add_ulps, xors,
    count_inexact_avx2, quotients_sse,        step_bits,        offsets, rank,     least_off_grid,
    residuals,          choose_widths<Avx512>};

}  // namespace hygge::pack
