// Which cells sealing makes: the entry of `meta` that says it, and the rule of one series.
//
//   rollups   byte     1; 2 if any rule has sketches
//             varint   rules; for each: text selector | byte bit 0 regression, bit 1 sketches |
//                      varint accuracy, millionths, with bit 1 | varint tiers | varint of each, ms
//             varint   tiers of which rows may be stored; varint of each, ms
//
// Without the entry: no rules, the default tiers.
#pragma once

#include <hygge/error.h>
#include <hygge/metadata.h>
#include <hygge/rollup.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hygge::storage {

inline constexpr std::string_view kRollupsName = "rollups";

struct RollupPolicy {
  std::vector<RollupRule> rules;
  std::vector<DurationMs> stored{std::begin(kDefaultTiers), std::end(kDefaultTiers)};

  /// Tells one policy from another; never 0.
  [[nodiscard]] std::uint64_t fingerprint() const;
};

/// What sealing makes for one series.
struct RollupChoice {
  std::vector<DurationMs> tiers;  ///< rising
  CellParts parts;
  std::uint32_t sketch_ppm = 0;
};

/// `rule` null: the default.
[[nodiscard]] RollupChoice choose_rollup(const RollupRule* rule, bool counter);

/// By the declared type, else by the name.
[[nodiscard]] bool is_counter(std::string_view metric, const std::optional<Metadata>& declared);

/// Sorts tiers, and takes repeated ones out. Errors: invalid_argument, naming the rule, and its
/// tier or accuracy.
[[nodiscard]] Result<std::vector<RollupRule>> checked(std::vector<RollupRule> rules);

[[nodiscard]] std::string encode_rollups(const RollupPolicy& policy);
/// Errors: corruption, version.
[[nodiscard]] Result<RollupPolicy> decode_rollups(Bytes value);

}  // namespace hygge::storage
