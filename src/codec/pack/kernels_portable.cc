// The kernels for every processor: plain C++.
#include "codec/pack/kernel_loops.h"

namespace hygge::pack {

namespace {

struct Portable {
  static inline void unpack8(const Byte* at, unsigned w, Word* out) {
    const Word keep = width_mask(w);
    for (unsigned k = 0; k < kHalf; ++k) {
      out[k] = (load_word(at + k * w / 8) >> (k * w & 7U)) & keep;
    }
  }
  static inline void expand8(const Byte* at, unsigned w, unsigned mask, Word* out) {
    expand8_any(at, w, mask, out);
  }
  static inline void delta_row(const Word* r, std::size_t n, Word start, Word step, unsigned shift,
                               Word* out) {
    pack::delta_row(r, n, start, step, shift, out);
  }
  static inline GroupFacts facts(const Word* r) {
    GroupFacts out;
    for (std::size_t k = 0; k < kGroup; ++k) {
      out.all |= r[k];
      out.ones[k / kHalf] += r[k] != 0 ? 1U : 0U;
    }
    return out;
  }
};

// A signed 64-bit integer as the nearest double: both halves are put into mantissas, which is
// exact, so that only the last addition rounds. Unlike the conversion it vectorises everywhere.
inline double to_double(Word q) {
  const double both = double_of(0x4530'0000'8010'0000U);  // 2^84 + 2^63 + 2^52
  const double high = double_of((q >> 32U) ^ 0x4530'0000'8000'0000U);
  const double low = double_of((q & 0xffff'ffffU) | 0x4330'0000'0000'0000U);
  return (high - both) + low;
}

void scale(const Word* q, double divisor, std::size_t n, double* out) {
  if (divisor == 1) {
    for (std::size_t i = 0; i < n; ++i) out[i] = to_double(q[i]);
    return;
  }
  for (std::size_t i = 0; i < n; ++i) out[i] = to_double(q[i]) / divisor;
}

// The nearest integer, to even between two, for |x| < 2^53: adding 2^52 leaves no bits for a
// fraction. From 2^52 on there is none anyway. No library call, and it vectorises.
inline double nearest(double x) {
  constexpr double kNoFraction = 4'503'599'627'370'496.0;
  constexpr Word kSign = Word{1} << 63U;
  const double magnitude = double_of(bits_of(x) & ~kSign);
  const double rounded =
      magnitude < kNoFraction ? (magnitude + kNoFraction) - kNoFraction : magnitude;
  return double_of(bits_of(rounded) | (bits_of(x) & kSign));
}

std::size_t count_inexact(const double* v, std::size_t n, double divisor) {
  Word exact = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double scaled = v[i] * divisor;
    const bool in_reach = scaled < kScaledLimit && scaled > -kScaledLimit;
    // Adding zero turns −0 into the 0 that the integer will be.
    const double back = (nearest(scaled) + 0.0) / divisor;
    exact += static_cast<Word>(in_reach) & static_cast<Word>(bits_of(back) == bits_of(v[i]));
  }
  return n - static_cast<std::size_t>(exact);
}

void quotients(const double* v, std::size_t n, double divisor, std::int64_t* q) {
  for (std::size_t i = 0; i < n; ++i) q[i] = static_cast<std::int64_t>(nearest(v[i] * divisor));
}

}  // namespace

extern const Kernels kPortableKernels = {"portable",
                                         read_groups<Portable>,
                                         integers<Portable>,
                                         scale,
                                         add_ulps,
                                         xors,
                                         count_inexact,
                                         quotients,
                                         step_bits,
                                         offsets,
                                         rank,
                                         least_off_grid,
                                         residuals,
                                         choose_widths<Portable>};

}  // namespace hygge::pack
