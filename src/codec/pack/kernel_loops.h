// The loops of the kernels that read and write as C++ has them, for the files kernels_*.cc only.
// Everything lies in an unnamed namespace and calls nothing of the standard library that has a
// body: each file gets its own copies, compiled with its own flags (see kernels.h).
#pragma once

#include <cstring>

#include "codec/pack/kernels.h"

namespace hygge::pack {
namespace {

using Byte = std::uint8_t;
using Word = std::uint64_t;

static inline Word load_word(const Byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
static inline Word bits_of(double v) {
  Word bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}
static inline double double_of(Word bits) {
  double v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}
static inline Word unzig(Word x) { return (x >> 1U) ^ (0U - (x & 1U)); }
static inline Word zig(Word x) { return (x << 1U) ^ (0U - (x >> 63U)); }
static inline Word as_word(std::int64_t x) { return static_cast<Word>(x); }

// Ones in a byte: the portable file may not assume an instruction for it.
static inline unsigned ones_in_byte(unsigned mask) {
  mask -= (mask >> 1U) & 0x55U;
  mask = (mask & 0x33U) + ((mask >> 2U) & 0x33U);
  return (mask + (mask >> 4U)) & 0x0fU;
}
static inline Word width_mask(unsigned w) { return w == 0 ? 0 : ~Word{0} >> (64 - w); }

// ---- reading ----

// Packed values where `mask` has ones, zeros elsewhere; w may be 64.
static inline void expand8_any(const Byte* at, unsigned w, unsigned mask, Word* out) {
  const Word keep = width_mask(w);
  unsigned bit = 0;
  for (unsigned k = 0; k < kHalf; ++k) {
    const unsigned here = (mask >> k) & 1U;
    out[k] = (load_word(at + bit / 8) >> (bit & 7U)) & keep & (Word{0} - here);
    bit += w & (0U - here);
  }
}

// One half of m residuals; moves `at` behind it. Whole halves of dense groups do not come here.
template <typename Isa>
static inline GroupsEnd read_half(const Byte*& at, const Byte* end, unsigned width_byte,
                                  std::size_t m, Word* out) {
  const unsigned w = width_byte & kWidthMask;
  const auto left = static_cast<std::size_t>(end - at);
  if (width_byte < kSparse) {
    const std::size_t bytes = (m * w + 7) / 8;
    if (left < bytes) return GroupsEnd::truncated;
    // Reads at most 64 bytes from `at`, which is not behind the end.
    expand8_any(at, w, 0xff, out);
    at += bytes;
    return GroupsEnd::good;
  }
  if (left == 0) return GroupsEnd::truncated;
  const unsigned mask = *at++;
  if (mask >> m != 0) return GroupsEnd::bad_mask;
  const std::size_t bytes = (ones_in_byte(mask) * w + 7) / 8;
  if (left - 1 < bytes) return GroupsEnd::truncated;
  if (w == kFullWidth) {
    expand8_any(at, w, mask, out);
  } else {
    Isa::expand8(at, w, mask, out);
  }
  at += bytes;
  return GroupsEnd::good;
}

static inline bool good_width(unsigned width_byte) {
  const unsigned w = width_byte & kWidthMask;
  return (w <= kMaxPackedWidth || w == kFullWidth) && width_byte != kSparse;
}

template <typename Isa>
GroupsRead read_groups(const Byte* at, const Byte* end, std::size_t n, Word* out) {
  const std::size_t count = group_count(n);
  if (static_cast<std::size_t>(end - at) < count) return {at, GroupsEnd::truncated};
  const Byte* q = at + count;
  const std::size_t whole = n / kGroup;
  for (std::size_t g = 0; g < whole; ++g, out += kGroup) {
    const unsigned width_byte = at[g];
    if (width_byte <= kMaxPackedWidth) {  // dense, and no need to look further
      if (static_cast<std::size_t>(end - q) < 2 * width_byte) return {q, GroupsEnd::truncated};
      Isa::unpack8(q, width_byte, out);
      Isa::unpack8(q + width_byte, width_byte, out + kHalf);
      q += 2 * width_byte;
      continue;
    }
    if (!good_width(width_byte)) return {q, GroupsEnd::bad_width};
    GroupsEnd why = read_half<Isa>(q, end, width_byte, kHalf, out);
    if (why == GroupsEnd::good) why = read_half<Isa>(q, end, width_byte, kHalf, out + kHalf);
    if (why != GroupsEnd::good) return {q, why};
  }
  if (n % kGroup != 0) {
    const unsigned width_byte = at[whole];
    if (!good_width(width_byte)) return {q, GroupsEnd::bad_width};
    for (std::size_t i = whole * kGroup; i < n; i += kHalf, out += kHalf) {
      const std::size_t m = n - i < kHalf ? n - i : kHalf;
      const GroupsEnd why = width_byte == 0 ? (std::memset(out, 0, kHalf * 8), GroupsEnd::good)
                                            : read_half<Isa>(q, end, width_byte, m, out);
      if (why != GroupsEnd::good) return {q, why};
    }
  }
  return {q, GroupsEnd::good};
}

static inline void arithmetic_row(Word start, Word step, std::size_t n, Word* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = start + static_cast<Word>(i) * step;
}

// The sum that DELTA keeps, with the shift applied to each step instead of to each sum.
static inline void delta_row(const Word* r, std::size_t n, Word start, Word step, unsigned shift,
                             Word* out) {
  Word sum = start;
  for (std::size_t i = 0; i < n; ++i) {
    sum += (unzig(r[i]) << shift) + step;
    out[i] = sum;
  }
}
static inline void delta2_row(const Word* r, std::size_t n, Word start, Word step, unsigned shift,
                              Word* out) {
  Word sum = start;
  for (std::size_t i = 0; i < n; ++i) {
    step += unzig(r[i]) << shift;
    sum += step;
    out[i] = sum;
  }
}

// All arithmetic is modulo 2^64, so a shift may be taken apart: (a + b) << s = (a << s) + (b << s).
template <typename Isa>
void integers(const IntegerRule& rule, const Word* r, std::size_t n, Word* out) {
  const unsigned shift = rule.shift;
  const Word base = rule.base << shift;
  const bool grid = rule.predictor == Predictor::grid;
  Word start = rule.first;
  if (grid) start += rule.low << shift;
  if (rule.predictor == Predictor::frame) start += base;
  if (r == nullptr) {
    arithmetic_row(start, rule.predictor == Predictor::frame ? 0 : base, n, out);
    return;
  }
  switch (rule.predictor) {
    case Predictor::frame:
      for (std::size_t i = 0; i < n; ++i) out[i] = start + (r[i] << shift);
      return;
    case Predictor::grid: {
      Word on_grid = start;
      for (std::size_t i = 0; i < n; ++i, on_grid += base) out[i] = on_grid + (r[i] << shift);
      return;
    }
    case Predictor::delta:
      Isa::delta_row(r, n, start - base, base, shift, out);
      return;
    case Predictor::delta2:
      delta2_row(r, n, start - base, base, shift, out);
      return;
  }
}

void add_ulps(const Word* c, std::size_t n, double* v) {
  for (std::size_t i = 0; i < n; ++i) v[i] = double_of(bits_of(v[i]) + unzig(c[i]));
}

void xors(const Word* r, unsigned shift, Word first, std::size_t n, double* out) {
  Word bits = first;
  for (std::size_t i = 0; i < n; ++i) {
    bits ^= r[i] << shift;
    out[i] = double_of(bits);
  }
}

// ---- writing ----

Word step_bits(const std::int64_t* x, std::size_t n) {
  Word all = 0;
  for (std::size_t i = 1; i < n; ++i) all |= as_word(x[i]) - as_word(x[i - 1]);
  return all;
}

void offsets(const std::int64_t* q, std::size_t n, unsigned shift, std::int64_t* x,
             std::int64_t* d) {
  const Word first = as_word(q[0]);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<std::int64_t>(as_word(q[i]) - first) >> shift;
  }
  for (std::size_t i = 0; i + 1 < n; ++i) {
    d[i] = static_cast<std::int64_t>(as_word(x[i + 1]) - as_word(x[i]));
  }
}

void rank(const std::int64_t* d, std::size_t n, std::int64_t pivot, std::size_t& below,
          std::size_t& equal) {
  Word less = 0;
  Word same = 0;
  for (std::size_t i = 0; i < n; ++i) {
    less += d[i] < pivot ? 1U : 0U;
    same += d[i] == pivot ? 1U : 0U;
  }
  below = static_cast<std::size_t>(less);
  equal = static_cast<std::size_t>(same);
}

std::int64_t least_off_grid(const std::int64_t* x, std::size_t n, Word step) {
  std::int64_t least = 0;
  Word grid = 0;
  for (std::size_t i = 0; i < n; ++i, grid += step) {
    const auto off = static_cast<std::int64_t>(as_word(x[i]) - grid);
    least = off < least ? off : least;
  }
  return least;
}

Word residuals(const IntegerRule& rule, const std::int64_t* x, const std::int64_t* d, std::size_t n,
               Word* out) {
  Word all = 0;
  const Word base = rule.base;
  switch (rule.predictor) {
    case Predictor::frame:
      for (std::size_t i = 0; i < n; ++i) all |= out[i] = as_word(x[i]) - base;
      break;
    case Predictor::grid: {
      Word grid = rule.low;
      for (std::size_t i = 0; i < n; ++i, grid += base) all |= out[i] = as_word(x[i]) - grid;
      break;
    }
    case Predictor::delta:
      out[0] = 0;
      for (std::size_t i = 1; i < n; ++i) all |= out[i] = zig(as_word(d[i - 1]) - base);
      break;
    case Predictor::delta2:
      out[0] = 0;
      if (n > 1) all = out[1] = zig(as_word(d[0]) - base);
      for (std::size_t i = 2; i < n; ++i) {
        all |= out[i] = zig(as_word(d[i - 1]) - as_word(d[i - 2]));
      }
      break;
  }
  for (std::size_t i = n; i < lane_room(n); ++i) out[i] = 0;
  return all;
}

// What a group of 16 residuals is known by.
struct GroupFacts {
  Word all = 0;  // OR
  unsigned ones[2] = {0, 0};
};

// The width byte for a group with halves of m0 and m1 residuals; adds the bytes of its body.
static inline Byte width_for(const GroupFacts& facts, std::size_t m0, std::size_t m1,
                             std::size_t& bytes) {
  unsigned w = facts.all == 0 ? 0 : 64U - static_cast<unsigned>(__builtin_clzll(facts.all));
  if (w > kMaxPackedWidth) w = kFullWidth;
  const std::size_t dense = (m0 * w + 7) / 8 + (m1 * w + 7) / 8;
  const std::size_t sparse =
      1 + (facts.ones[0] * w + 7) / 8 + (m1 != 0 ? 1 + (facts.ones[1] * w + 7) / 8 : 0);
  const bool is_sparse = sparse < dense;
  bytes += is_sparse ? sparse : dense;
  return static_cast<Byte>(w | (is_sparse ? kSparse : 0U));
}

template <typename Isa>
std::size_t choose_widths(const Word* r, std::size_t n, Byte* widths) {
  std::size_t bytes = 0;
  const std::size_t whole = n / kGroup;
  for (std::size_t g = 0; g < whole; ++g) {
    widths[g] = width_for(Isa::facts(r + g * kGroup), kHalf, kHalf, bytes);
  }
  if (const std::size_t m = n % kGroup; m != 0) {
    const std::size_t m0 = m < kHalf ? m : kHalf;
    widths[whole] = width_for(Isa::facts(r + whole * kGroup), m0, m - m0, bytes);
  }
  return bytes;
}

}  // namespace
}  // namespace hygge::pack
