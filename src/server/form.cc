#include "server/form.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <system_error>

#include "model/quote.h"

namespace hygge::server {

namespace {

constexpr std::size_t kMaxPairs = 1'000;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("invalid URL escape {}", quoted(text.substr(i, 3))));
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::optional<double> number(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = !text.empty() && status == std::errc() && end == text.data() + text.size();
  if (!good || !std::isfinite(value)) return std::nullopt;
  return value;
}

// A fixed count of digits at the start of `text`, which loses them; −1 if they are not there.
int digits(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return -1;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// `.123456789`, rounded to ms; at most 1000.
std::optional<DurationMs> fraction_ms(std::string_view& text) {
  if (!skip(text, '.')) return 0;
  double value = 0;
  double unit = 1;
  std::size_t count = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    unit /= 10;
    value += unit * (text[0] - '0');
    text.remove_prefix(1);
    ++count;
  }
  if (count == 0) return std::nullopt;
  return std::llround(value * 1000);
}

std::optional<DurationMs> zone_offset_ms(std::string_view& text) {
  if (skip(text, 'Z') || skip(text, 'z')) return 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!skip(text, '+') && !skip(text, '-')) return std::nullopt;
  const int hours = digits(text, 2);
  if (hours < 0 || hours > 23 || !skip(text, ':')) return std::nullopt;
  const int minutes = digits(text, 2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  const DurationMs offset = hours * kHourMs + minutes * kMinuteMs;
  return negative ? -offset : offset;
}

std::optional<TimeMs> rfc3339(std::string_view text) {
  using namespace std::chrono;
  const int y = digits(text, 4);
  if (y < 0 || !skip(text, '-')) return std::nullopt;
  const int m = digits(text, 2);
  if (m < 0 || !skip(text, '-')) return std::nullopt;
  const int d = digits(text, 2);
  const year_month_day date{year(y), month(static_cast<unsigned>(std::max(m, 0))),
                            day(static_cast<unsigned>(std::max(d, 0)))};
  if (d < 0 || !date.ok() || (!skip(text, 'T') && !skip(text, 't'))) return std::nullopt;
  const int hour = digits(text, 2);
  if (hour < 0 || hour > 23 || !skip(text, ':')) return std::nullopt;
  const int minute = digits(text, 2);
  if (minute < 0 || minute > 59 || !skip(text, ':')) return std::nullopt;
  const int second = digits(text, 2);
  if (second < 0 || second > 59) return std::nullopt;
  const auto fraction = fraction_ms(text);
  if (!fraction) return std::nullopt;
  const auto offset = zone_offset_ms(text);
  if (!offset || !text.empty()) return std::nullopt;
  const TimeMs midnight = sys_days(date).time_since_epoch().count() * kDayMs;
  return midnight + hour * kHourMs + minute * kMinuteMs + second * kSecondMs + *fraction - *offset;
}

}  // namespace

Result<void> Form::add(std::string_view encoded) {
  while (!encoded.empty()) {
    const std::string_view pair = encoded.substr(0, encoded.find('&'));
    encoded.remove_prefix(std::min(encoded.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (pairs_.size() == kMaxPairs) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("more than {} parameters in one request", kMaxPairs));
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals));
    if (!name) return tl::unexpected(std::move(name.error()));
    auto value = decoded(pair.substr(std::min(pair.size(), equals + 1)));
    if (!value) return tl::unexpected(std::move(value.error()));
    pairs_.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

std::string_view Form::get(std::string_view name) const noexcept {
  for (const auto& [key, value] : pairs_) {
    if (key == name && !value.empty()) return value;
  }
  return {};
}

Result<TimeMs> parse_api_time(std::string_view text) {
  std::optional<TimeMs> result;
  if (const auto seconds = number(text)) {
    const double ms = std::round(*seconds * 1000);
    if (std::abs(ms) <= static_cast<double>(kMaxTimeMs)) result = static_cast<TimeMs>(ms);
  } else {
    result = rfc3339(text);
  }
  if (result) return *result;
  return fail(ErrorCode::invalid_argument,
              fmt::format("cannot parse {} to a valid timestamp", quoted(text)));
}

Result<DurationMs> parse_api_duration(std::string_view text) {
  if (const auto seconds = number(text)) {
    constexpr double kMost = 9.2e12;  // 292 years, as far as Prometheus goes
    if (std::abs(*seconds * 1000) <= kMost) {
      return static_cast<DurationMs>(std::llround(*seconds * 1000));
    }
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("cannot parse {} to a valid duration. It overflows int64", quoted(text)));
  }
  if (const auto duration = parse_duration(text)) return *duration;
  return fail(ErrorCode::invalid_argument,
              fmt::format("cannot parse {} to a valid duration", quoted(text)));
}

}  // namespace hygge::server
