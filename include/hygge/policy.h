// What a database does with samples that come late, or twice for one time.
#pragma once

#include <hygge/time.h>

#include <cstdint>

namespace hygge {

/// Which value stands when a series gets a second one for the same time. A value equal bit for bit
/// is no second one: it changes nothing under any policy.
enum class OnDuplicate : std::uint8_t {
  last,   ///< the one written last
  first,  ///< the one written first
  max,    ///< the larger; any number beats NaN
  min,    ///< the smaller; any number beats NaN
  error,  ///< the batch that brings the second one is refused
};

/// Which samples a batch may bring that are older than the newest of their series.
struct OutOfOrder {
  enum class Mode : std::uint8_t {
    any,     ///< all of them
    within,  ///< those at most `within_ms` before the newest sample of their series
    refuse,  ///< none
  };
  Mode mode = Mode::any;
  DurationMs within_ms = 0;

  [[nodiscard]] static OutOfOrder any() noexcept { return {Mode::any, 0}; }
  [[nodiscard]] static OutOfOrder within(DurationMs ms) noexcept { return {Mode::within, ms}; }
  [[nodiscard]] static OutOfOrder refuse() noexcept { return {Mode::refuse, 0}; }
  friend bool operator==(const OutOfOrder&, const OutOfOrder&) = default;
};

/// Kept in the database; see Db::set_write_policy.
struct WritePolicy {
  OutOfOrder out_of_order;
  OnDuplicate on_duplicate = OnDuplicate::last;
  friend bool operator==(const WritePolicy&, const WritePolicy&) = default;
};

}  // namespace hygge
