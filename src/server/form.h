// Parameters of a request: the query string and the body of a form, decoded.
#pragma once

#include <hygge/error.h>
#include <hygge/time.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::server {

class Form {
 public:
  /// Appends the pairs of `encoded` (`a=b&c=d`, %XX and + decoded). Errors: invalid_argument (a
  /// bad escape, or too many pairs).
  [[nodiscard]] Result<void> add(std::string_view encoded);

  /// The first value of that name that is not empty, or "".
  [[nodiscard]] std::string_view get(std::string_view name) const noexcept;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// Seconds since the epoch, with decimals, or RFC 3339; rounded to ms. Errors: invalid_argument, in
/// Prometheus' words.
[[nodiscard]] Result<TimeMs> parse_api_time(std::string_view text);

/// Seconds, with decimals, or a duration as `5m`. Errors as above.
[[nodiscard]] Result<DurationMs> parse_api_duration(std::string_view text);

}  // namespace hygge::server
