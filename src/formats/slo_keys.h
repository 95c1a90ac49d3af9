// The keys of SLO definition files: the one table that the reader checks against and that the JSON
// Schema for editors is written from.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hygge::formats {

/// What the value of a key is.
enum class SloValue : std::uint8_t {
  name,
  text,
  target,    ///< a percentage below 100
  percent,   ///< a percentage
  factor,    ///< a positive decimal
  fraction,  ///< 0 ... 1
  share,     ///< between 0 and 1
  count,     ///< 1 or more
  month,
  duration,
  time,
  zone,
  every,
  selector,
  test,
  method,
  word,  ///< one of `words`
  window,
  alerts,
  exclusions,
  parts,
};

struct SloKey {
  std::string_view name;
  SloValue value = SloValue::text;
  std::string_view about;
  std::span<const std::string_view> words = {};
  bool of_composite = false;  ///< also a key of an SLO made of others
  bool only_composite = false;
};

inline constexpr std::array<std::string_view, 4> kKindWords{"auto", "counter", "delta", "gauge"};
inline constexpr std::array<std::string_view, 3> kNoDataWords{"ignore", "good", "bad"};
inline constexpr std::array<std::string_view, 2> kIdleWords{"good", "ignore"};
inline constexpr std::array<std::string_view, 2> kBoolWords{"true", "false"};
inline constexpr std::array<std::string_view, 2> kAsWords{"page", "ticket"};
inline constexpr std::array<std::string_view, 2> kOpWords{"gt", "gte"};
inline constexpr std::array<std::string_view, 2> kTreatWords{"drop", "good"};
inline constexpr std::array<std::string_view, 4> kUnitWords{"week", "month", "quarter", "year"};
inline constexpr std::array<std::string_view, 4> kHowWords{"all", "sum", "weighted", "serial"};

[[nodiscard]] std::span<const SloKey> definition_keys() noexcept;
[[nodiscard]] std::span<const SloKey> calendar_keys() noexcept;
[[nodiscard]] std::span<const SloKey> alert_keys() noexcept;
[[nodiscard]] std::span<const SloKey> exclusion_keys() noexcept;
[[nodiscard]] std::span<const SloKey> part_keys() noexcept;

/// Their names: of a definition those of a composite, or those of the others.
[[nodiscard]] std::vector<std::string_view> names_of(std::span<const SloKey> keys);
[[nodiscard]] std::vector<std::string_view> names_of_definition(bool composite);

}  // namespace hygge::formats
