#include "formats/numbers.h"

#include <fmt/format.h>
#include <hygge/formats.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace hygge::formats {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (folded != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) noexcept {
  // Most values are short integers.
  if (!text.empty() && text.size() <= 15) {
    std::uint64_t integer = 0;
    std::size_t i = 0;
    for (; i < text.size() && is_digit(text[i]); ++i) {
      integer = integer * 10 + static_cast<std::uint64_t>(text[i] - '0');
    }
    if (i == text.size()) return static_cast<double>(integer);
  }
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest.empty()) return std::nullopt;
  if (same_word(rest, "inf") || same_word(rest, "infinity")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  if (same_word(rest, "nan")) {
    if (rest.size() != text.size()) return std::nullopt;
    return std::numeric_limits<double>::quiet_NaN();
  }
  auto format = std::chars_format::general;
  if (rest.size() > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'X')) {
    format = std::chars_format::hex;
    rest.remove_prefix(2);
  }
  // from_chars takes words and a second sign; neither is a number here.
  if (!is_digit(rest[0]) && rest[0] != '.' && format != std::chars_format::hex) return std::nullopt;
  if (rest[0] == '-') return std::nullopt;
  double value = 0;
  const char* const end = rest.data() + rest.size();
  const auto [at, error] = std::from_chars(rest.data(), end, value, format);
  if (at != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too small rounds to zero, too large to infinity; Go refuses the latter.
    if (std::fabs(value) > 1) return std::nullopt;
  } else if (error != std::errc{}) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<TimeMs> parse_seconds(std::string_view text) noexcept {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  // digits · 10^exponent, and whether anything was cut off that matters when rounding down.
  std::uint64_t digits = 0;
  int exponent = 3;  // to milliseconds
  bool any = false;
  bool point = false;
  bool cut = false;
  std::size_t i = 0;
  constexpr std::uint64_t kRoom = std::numeric_limits<std::uint64_t>::max() / 10 - 1;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (digits < kRoom) {
      digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
      if (point) --exponent;
    } else {
      cut = cut || c != '0';
      if (!point) ++exponent;
    }
  }
  if (!any) return std::nullopt;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    ++i;
    if (i < text.size() && text[i] == '+') ++i;
    int power = 0;
    const auto [at, error] = std::from_chars(text.data() + i, text.data() + text.size(), power);
    if (error != std::errc{} || at != text.data() + text.size() || power > 400 || power < -400) {
      return std::nullopt;
    }
    exponent += power;
  }
  for (; exponent > 0; --exponent) {
    if (digits > kRoom) return std::nullopt;
    digits *= 10;
  }
  for (; exponent < 0; ++exponent) {
    cut = cut || digits % 10 != 0;
    digits /= 10;
    if (digits == 0 && exponent < -20) exponent = -1;
  }
  if (digits > static_cast<std::uint64_t>(kMaxTimeMs)) return std::nullopt;
  const auto ms = static_cast<TimeMs>(digits);
  return negative ? -ms - (cut ? 1 : 0) : ms;
}

std::optional<TimeMs> parse_integer(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  TimeMs value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
  return value;
}

namespace {

constexpr TimeMs kYear1990Ms = 631'152'000'000;
constexpr TimeMs kYear2100Ms = 4'102'444'800'000;
bool plausible(double t_ms) {
  return t_ms >= static_cast<double>(kYear1990Ms) && t_ms < static_cast<double>(kYear2100Ms);
}

}  // namespace

std::string implausible(TimeMs t_ms, std::string_view text, TimeUnit declared) {
  const auto t = static_cast<double>(t_ms);
  if (plausible(t)) return {};
  const std::string_view expected = declared == TimeUnit::seconds ? "seconds" : "ms";
  // What the digits would be in another unit.
  const double written = declared == TimeUnit::seconds ? t / 1e3 : t;
  constexpr std::array<std::pair<double, std::string_view>, 4> kUnits{
      {{1e3, "seconds"}, {1, "ms"}, {1e-3, "us"}, {1e-6, "ns"}}};
  for (const auto& [to_ms, name] : kUnits) {
    if (name != expected && plausible(written * to_ms)) {
      return fmt::format("time {} looks like {}, {} expected (--any-time takes it)", text, name,
                         expected);
    }
  }
  return fmt::format("time {} is outside 1990–2100 in {} (--any-time takes it)", text, expected);
}

void append_number(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
    return;
  }
  if (std::isinf(v)) {
    out += v > 0 ? "+Inf" : "-Inf";
    return;
  }
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), v);
  out.append(text.data(), error == std::errc{} ? end : text.data());
}

}  // namespace hygge::formats
