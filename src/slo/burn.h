// One alert rule at one moment.
#pragma once

#include <hygge/slo.h>

namespace hygge::slo {

/// Whether so few slices of a window are known that a rule says nothing. `countable` are the
/// slices that are not excluded; where there is none, there is nothing to know.
[[nodiscard]] bool is_blind(std::int64_t known, std::int64_t countable) noexcept;

/// Whether the counts of the long window pass the rule's gates; `threshold` is its factor times the
/// budget. Sets `p_value` with `significance`.
[[nodiscard]] bool passes_gates(const AlertRule& rule, const Rational& threshold, double bad,
                                double total, std::optional<double>* p_value = nullptr) noexcept;

/// The rule as its two windows are, whatever was known before. O(1).
[[nodiscard]] RuleBurn evaluate(const Track& track, const Definition& definition,
                                const AlertRule& rule, TimeMs to);

}  // namespace hygge::slo
