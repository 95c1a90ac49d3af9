// The rules of the encoder said slowly: one bit at a time, every choice by trying it. The oracle
// for the real one.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "codec/pack/format.h"

namespace hygge::pack::slow {

using Words = std::vector<std::uint64_t>;

inline std::uint64_t bits_of(double v) { return std::bit_cast<std::uint64_t>(v); }
inline std::uint64_t zig(std::uint64_t x) { return zigzag(static_cast<std::int64_t>(x)); }

inline std::string packed(const Words& values, unsigned w) {
  std::string out((values.size() * w + 7) / 8, '\0');
  for (std::size_t k = 0; k < values.size(); ++k) {
    for (unsigned b = 0; b < w; ++b) {
      const std::size_t at = k * w + b;
      if ((values[k] >> b & 1U) != 0) {
        out[at / 8] = static_cast<char>(static_cast<unsigned char>(out[at / 8]) | 1U << at % 8);
      }
    }
  }
  return out;
}

inline std::string groups(const Words& r) {
  std::string widths, bodies;
  for (std::size_t g = 0; g < r.size(); g += 16) {
    const std::size_t end = std::min(r.size(), g + 16);
    unsigned w = 0;
    for (std::size_t i = g; i < end; ++i) {
      w = std::max(w, static_cast<unsigned>(std::bit_width(r[i])));
    }
    if (w > 57) w = 64;
    std::string dense, sparse;
    for (std::size_t h = g; h < end && w > 0; h += 8) {
      Words all, kept;
      unsigned mask = 0;
      for (std::size_t i = h; i < std::min(end, h + 8); ++i) {
        all.push_back(r[i]);
        if (r[i] == 0) continue;
        kept.push_back(r[i]);
        mask |= 1U << (i - h);
      }
      dense += packed(all, w);
      sparse += static_cast<char>(mask) + packed(kept, w);
    }
    const bool is_sparse = sparse.size() < dense.size();
    widths += static_cast<char>(w | (is_sparse ? 0x80U : 0U));
    bodies += is_sparse ? sparse : dense;
  }
  return widths + bodies;
}

inline bool all_zero(const Words& r) {
  return std::all_of(r.begin(), r.end(), [](std::uint64_t x) { return x == 0; });
}

inline std::string varint(std::uint64_t x) {
  std::string out;
  put_varint(out, x);
  return out;
}

inline std::string integers(const std::vector<std::int64_t>& q) {
  const auto word = [](std::int64_t x) { return static_cast<std::uint64_t>(x); };
  std::uint64_t any = 0;
  for (std::size_t i = 1; i < q.size(); ++i) any |= word(q[i]) - word(q[i - 1]);
  const unsigned s = any == 0 ? 0 : static_cast<unsigned>(std::countr_zero(any));
  std::vector<std::int64_t> x, steps;
  for (const std::int64_t one : q) {
    x.push_back(static_cast<std::int64_t>(word(one) - word(q[0])) >> s);
  }
  for (std::size_t i = 1; i < x.size(); ++i) {
    steps.push_back(static_cast<std::int64_t>(word(x[i]) - word(x[i - 1])));
  }
  std::sort(steps.begin(), steps.end());
  const std::uint64_t step = steps.empty() ? 0 : word(steps[(q.size() - 1) / 2]);
  std::string best;
  for (unsigned predictor = 0; predictor < 4; ++predictor) {
    std::int64_t least = 0;
    for (std::size_t i = 0; i < x.size() && predictor < 2; ++i) {
      const std::uint64_t grid = predictor == 1 ? i * step : 0;
      least = std::min(least, static_cast<std::int64_t>(word(x[i]) - grid));
    }
    Words r;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::uint64_t delta = i == 0 ? step : word(x[i]) - word(x[i - 1]);
      const std::uint64_t before = i <= 1 ? step : word(x[i - 1]) - word(x[i - 2]);
      if (predictor == 0) r.push_back(word(x[i]) - word(least));
      if (predictor == 1) r.push_back(word(x[i]) - i * step - word(least));
      if (predictor == 2) r.push_back(zig(delta - step));
      if (predictor == 3) r.push_back(zig(delta - before));
    }
    const bool zero = all_zero(r);
    std::string out(1, static_cast<char>(predictor | (s != 0 ? 8U : 0U) | (zero ? 0x80U : 0U)));
    if (s != 0) out += static_cast<char>(s);
    out += varint(zigzag(q[0]));
    out += varint(predictor == 0 ? zigzag(least) : zig(step));
    if (predictor == 1) out += varint(zigzag(least));
    if (!zero) out += groups(r);
    if (best.empty() || out.size() < best.size()) best = out;
  }
  return best;
}

struct Found {
  std::int64_t q;
  std::int64_t ulps;
};
inline std::optional<Found> found(double v, std::size_t d, std::int64_t reach) {
  const double product = v * kDivisors[d];
  if (!(std::fabs(product) < 9.0e15)) return std::nullopt;
  const auto q = static_cast<std::int64_t>(std::llrint(product));
  const auto ulps =
      static_cast<std::int64_t>(bits_of(v) - bits_of(static_cast<double>(q) / kDivisors[d]));
  if (ulps < -reach || ulps > reach) return std::nullopt;
  return Found{q, ulps};
}
inline std::size_t misses(const std::vector<double>& v, std::size_t d, std::int64_t reach) {
  std::size_t out = 0;
  for (const double x : v) out += found(x, d, reach) ? 0U : 1U;
  return out;
}

inline std::string scaled(const std::vector<double>& v, std::size_t d, bool ulps) {
  std::vector<std::int64_t> q(v.size());
  Words corrections(v.size());
  std::string exceptions;
  std::size_t count = 0, next = 0;
  std::optional<std::int64_t> first_good;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (const auto one = found(v[i], d, ulps ? 32 : 0)) {
      q[i] = one->q;
      corrections[i] = zigzag(one->ulps);
      if (!first_good) {
        first_good = q[i];
        std::fill_n(q.begin(), i, q[i]);
      }
    } else {
      q[i] = i > 0 ? q[i - 1] : 0;
      exceptions += varint(i - next);
      put_le(exceptions, bits_of(v[i]));
      next = i + 1;
      ++count;
    }
  }
  std::string out(1, static_cast<char>(d | (ulps ? 0x80U : 0U) | (count > 0 ? 0x20U : 0U)));
  if (count > 0) out += varint(count) + exceptions;
  if (ulps) out += groups(corrections);
  return out + integers(q);
}

inline std::string xors(const std::vector<double>& v) {
  Words r{0};
  std::uint64_t any = 0;
  for (std::size_t i = 1; i < v.size(); ++i) {
    r.push_back(bits_of(v[i]) ^ bits_of(v[i - 1]));
    any |= r.back();
  }
  const unsigned s = any == 0 ? 0 : static_cast<unsigned>(std::countr_zero(any));
  for (std::uint64_t& x : r) x >>= s;
  std::string out{'\x41', static_cast<char>(s)};
  put_le(out, bits_of(v[0]));
  return out + groups(r);
}

inline std::optional<std::size_t> first_where(std::size_t from, std::size_t to,
                                              const std::function<bool(std::size_t)>& good) {
  for (std::size_t d = from; d < to; ++d) {
    if (good(d)) return d;
  }
  return std::nullopt;
}

inline std::string values(const std::vector<double>& v) {
  if (std::all_of(v.begin(), v.end(), [&](double x) { return bits_of(x) == bits_of(v[0]); })) {
    std::string out("\x40");
    put_le(out, bits_of(v[0]));
    return out;
  }
  const auto exact = [&](std::size_t d) { return misses(v, d, 0) == 0; };
  const auto e = first_where(0, 16, exact);
  if (e && *e <= 5) return scaled(v, *e, false);
  const auto x = first_where(16, 32, exact);
  std::vector<std::string> candidates;
  if (e) candidates.push_back(scaled(v, *e, false));
  if (x) candidates.push_back(scaled(v, *x, false));
  if (!e && !x) {
    std::size_t best = 0;
    for (std::size_t d = 1; d < 16; ++d) {
      if (misses(v, d, 0) < misses(v, best, 0)) best = d;
    }
    if (misses(v, best, 0) <= v.size() / 16) candidates.push_back(scaled(v, best, false));
  }
  if (!x && (!e || *e >= 10)) {
    const auto near = [&](std::size_t limit) {
      return first_where(
          0, 32, [&](std::size_t d) { return (d < 10 || d >= 16) && misses(v, d, 32) <= limit; });
    };
    auto d = near(0);
    if (!d) d = near(v.size() / 32);
    if (d) candidates.push_back(scaled(v, *d, true));
  }
  candidates.push_back(xors(v));
  std::string best = candidates[0];
  for (const std::string& one : candidates) {
    if (one.size() < best.size()) best = one;
  }
  return best;
}

inline std::string encode(const std::vector<std::int64_t>& t, const std::vector<double>& v) {
  return varint(t.size()) + integers(t) + values(v);
}

}  // namespace hygge::pack::slow
