#include "formats/numbers.h"

#include <fmt/format.h>
#include <hygge/formats.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/ascii.h"

namespace hygge::formats {

namespace {

static_assert(FLT_EVAL_METHOD == 0, "the quick way of parse_decimal needs plain doubles");

bool same_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (folded != lower[i]) return false;
  }
  return true;
}

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> kExactTens{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// `digits[.digits]` of at most 18 digits whose value is below 2^53: the digits and the power of ten
// are exact doubles then, so that one division rounds correctly (Clinger 1990). Nearly every value
// of a scrape is one.
std::optional<double> parse_short_decimal(std::string_view text) noexcept {
  constexpr std::size_t kLongest = 19;  // with the point: the digits fit a u64
  constexpr std::uint64_t kExact = std::uint64_t{1} << 53U;
  if (text.size() > kLongest) return std::nullopt;
  std::uint64_t digits = 0;
  std::size_t i = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) {
    digits = digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
  }
  if (i == text.size()) {
    if (digits > kExact || i == 0) return std::nullopt;
    return static_cast<double>(digits);
  }
  if (text[i] != '.' || i == 0) return std::nullopt;
  const std::size_t first_decimal = ++i;
  for (; i < text.size() && is_digit(text[i]); ++i) {
    digits = digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
  }
  if (i != text.size() || digits > kExact) return std::nullopt;
  return static_cast<double>(digits) / kExactTens[i - first_decimal];
}

// Whether a number that from_chars found out of range is too large, not too small: where its first
// digit that is not zero stands, and the exponent behind it, decide.
bool is_too_large(std::string_view text, bool hex) {
  std::int64_t power = 0;  // of the first digit that counts, in digits
  bool found = false;
  bool point = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      point = true;
      continue;
    }
    const bool exponent = hex ? c == 'p' || c == 'P' : c == 'e' || c == 'E';
    if (exponent) break;
    found = found || c != '0';
    if (found && !point) ++power;
    if (!found && point) --power;
  }
  if (hex) power *= 4;
  if (i == text.size()) return power > 0;
  const bool negative = text.substr(i + 1).starts_with('-');
  std::int64_t exponent = 0;
  for (++i; i < text.size(); ++i) {
    if (!is_digit(text[i])) continue;
    exponent = std::min<std::int64_t>(exponent * 10 + (text[i] - '0'), 1'000'000'000);
  }
  return power + (negative ? -exponent : exponent) > 0;
}

// Anything but a sign, a word and the quick way.
std::optional<double> parse_unsigned(std::string_view text) noexcept {
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (hex) text.remove_prefix(2);
  // from_chars takes words and a sign; neither is a number here.
  const auto is_start = [&](char c) {
    return is_digit(c) || c == '.' || (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
  };
  if (!is_start(text[0])) return std::nullopt;
  const char* const end = text.data() + text.size();
  double value = 0;
  const auto [at, error] = std::from_chars(
      text.data(), end, value, hex ? std::chars_format::hex : std::chars_format::general);
  if (at != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    if (is_too_large(text, hex)) return std::nullopt;
    return 0.0;
  }
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) noexcept {
  if (const auto value = parse_short_decimal(text)) return value;
  if (same_word(text, "nan")) return std::bit_cast<double>(kNanBits);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  auto value = parse_short_decimal(text);
  if (!value && (same_word(text, "inf") || same_word(text, "infinity"))) {
    value = std::numeric_limits<double>::infinity();
  }
  if (!value) value = parse_unsigned(text);
  if (value && negative) *value = -*value;
  return value;
}

namespace {

// digits · 10^power; `cut`: digits that are not zero were left off behind.
struct Decimal {
  std::uint64_t digits = 0;
  std::int64_t power = 0;
  bool cut = false;
};

constexpr std::uint64_t kRoom = std::numeric_limits<std::uint64_t>::max() / 10 - 1;

// Takes `digits[.digits]` off the front; false if there is no digit.
bool take_decimal(std::string_view& text, Decimal& out) {
  bool any = false;
  bool point = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (out.digits < kRoom) {
      out.digits = out.digits * 10 + static_cast<std::uint64_t>(c - '0');
      if (point) --out.power;
    } else {
      out.cut = out.cut || c != '0';
      if (!point) ++out.power;
    }
  }
  text.remove_prefix(i);
  return any;
}

// `[+-]digits` to the end, held within ±100,000.
std::optional<std::int64_t> parse_exponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min<std::int64_t>(value * 10 + (c - '0'), 100'000);
  }
  return negative ? -value : value;
}

}  // namespace

std::optional<TimeMs> parse_seconds(std::string_view text) noexcept {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  Decimal value;
  if (!take_decimal(text, value)) return std::nullopt;
  if (!text.empty()) {
    if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
    const auto exponent = parse_exponent(text.substr(1));
    if (!exponent) return std::nullopt;
    value.power += *exponent;
  }
  value.power += 3;  // to milliseconds
  if (value.digits == 0) value.power = 0;
  for (; value.power > 0; --value.power) {
    if (value.digits > kRoom) return std::nullopt;
    value.digits *= 10;
  }
  for (; value.power < 0 && value.digits > 0; ++value.power) {
    value.cut = value.cut || value.digits % 10 != 0;
    value.digits /= 10;
  }
  if (value.digits >= static_cast<std::uint64_t>(kMaxTimeMs)) return std::nullopt;
  const auto ms = static_cast<TimeMs>(value.digits);
  return negative ? -ms - (value.cut ? 1 : 0) : ms;
}

std::optional<TimeMs> parse_milliseconds(std::string_view text) noexcept {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  TimeMs value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
  if (value < kMinTimeMs || value > kMaxTimeMs) return std::nullopt;
  return value;
}

std::string implausible(double written, std::string_view text, TimeUnit declared) {
  const std::string_view expected = declared == TimeUnit::seconds ? "seconds" : "ms";
  constexpr std::size_t kShown = 40;
  // What the digits would be in another unit.
  constexpr std::array<std::pair<double, std::string_view>, 4> kUnits{
      {{1e3, "seconds"}, {1, "ms"}, {1e-3, "us"}, {1e-6, "ns"}}};
  for (const auto& [to_ms, name] : kUnits) {
    const double ms = written * to_ms;
    const bool plausible =
        ms >= static_cast<double>(kYear1990Ms) && ms < static_cast<double>(kYear2101Ms);
    if (name != expected && plausible) {
      return fmt::format("time {} looks like {}, {} expected", text.substr(0, kShown), name,
                         expected);
    }
  }
  return fmt::format("time {} is outside 1990–2100 ({} expected; --any-time takes it)",
                     text.substr(0, kShown), expected);
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
  const auto result = std::to_chars(text.data(), text.data() + text.size(), v);
  out.append(text.data(), result.ptr);
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), result.ptr);
}

void append_seconds(std::string& out, TimeMs t_ms) {
  if (t_ms < 0) out += '-';
  const auto magnitude =
      t_ms < 0 ? 0U - static_cast<std::uint64_t>(t_ms) : static_cast<std::uint64_t>(t_ms);
  append_integer(out, static_cast<std::int64_t>(magnitude / 1000));
  const auto rest = static_cast<unsigned>(magnitude % 1000);
  if (rest == 0) return;
  const std::array<char, 3> digits{static_cast<char>('0' + rest / 100),
                                   static_cast<char>('0' + rest / 10 % 10),
                                   static_cast<char>('0' + rest % 10)};
  std::size_t length = digits.size();
  while (digits[length - 1] == '0') --length;
  out += '.';
  out.append(digits.data(), length);
}

}  // namespace hygge::formats
