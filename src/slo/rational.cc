// Exact fractions, so that a target of 99.9 % is not 0.99900000000000011.
#include <hygge/slo.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/assert.h"

namespace hygge::slo {

namespace {

__extension__ using Wide = __int128;
constexpr double kExactLimit = 9007199254740992.0;  // 2^53

bool is_exact(double x) { return x >= 0 && x < kExactLimit && std::trunc(x) == x; }

}  // namespace

std::optional<Rational> Rational::parse(std::string_view decimal) noexcept {
  constexpr int kMaxDigits = 15;
  std::int64_t num = 0;
  std::int64_t den = 1;
  int digits = 0;
  bool point = false;
  for (const char c : decimal) {
    if (c == '.') {
      if (point) return std::nullopt;
      point = true;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > kMaxDigits) return std::nullopt;
    num = num * 10 + (c - '0');
    if (point) den *= 10;
  }
  if (digits == 0) return std::nullopt;
  return of(num, den);
}

Rational Rational::of(std::int64_t num, std::int64_t den) noexcept {
  HYGGE_ASSERT(den > 0);
  const std::int64_t common = std::gcd(num, den);
  return common == 0 ? Rational{0, 1} : Rational{num / common, den / common};
}

namespace {

struct WideRational {
  Wide num;
  Wide den;
};

// In lowest terms: the parts of a and b are, so only across can something cancel.
WideRational wide_product(const Rational& a, const Rational& b) {
  const Rational left = Rational::of(a.num, b.den);
  const Rational right = Rational::of(b.num, a.den);
  return {static_cast<Wide>(left.num) * right.num, static_cast<Wide>(left.den) * right.den};
}

constexpr Wide kLargest = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::optional<Rational> multiply(const Rational& a, const Rational& b) noexcept {
  const WideRational product = wide_product(a, b);
  if (product.num > kLargest || product.den > kLargest) return std::nullopt;
  return Rational{static_cast<std::int64_t>(product.num), static_cast<std::int64_t>(product.den)};
}

Rational operator*(const Rational& a, const Rational& b) noexcept {
  WideRational product = wide_product(a, b);
  while (product.num > kLargest || product.den > kLargest) {
    product.num >>= 1;
    product.den >>= 1;
  }
  return Rational::of(static_cast<std::int64_t>(product.num),
                      std::max<std::int64_t>(1, static_cast<std::int64_t>(product.den)));
}

Rational one_minus(const Rational& a) noexcept { return Rational::of(a.den - a.num, a.den); }

bool above(double bad, double total, const Rational& limit, bool or_equal) noexcept {
  if (total == 0) return false;
  if (is_exact(bad) && is_exact(total)) {
    const Wide left = static_cast<Wide>(bad) * limit.den;
    const Wide right = static_cast<Wide>(total) * limit.num;
    return or_equal ? left >= right : left > right;
  }
  const long double left = static_cast<long double>(bad) * static_cast<long double>(limit.den);
  const long double right = static_cast<long double>(total) * static_cast<long double>(limit.num);
  return or_equal ? left >= right : left > right;
}

}  // namespace hygge::slo
