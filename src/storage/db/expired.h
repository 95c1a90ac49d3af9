// What retention takes: whole days of some series, without what pins keep. Under a rule that keeps
// cells apart, a pin keeps all of the days that it touches.
#pragma once

#include <hygge/retention.h>
#include <hygge/time.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "storage/db/db_impl.h"

namespace hygge {

/// Series that the same pins keep, and what goes of them.
struct Db::Impl::ExpiredGroup {
  std::shared_ptr<const std::vector<std::uint32_t>> ids;
  std::vector<TimeRange> ranges;  ///< below the floor, without what pins keep; rising
};

/// What one rule, or the cap, has done with.
struct Db::Impl::Expired {
  RetentionReport::Rule about;
  std::vector<ExpiredGroup> groups;   ///< samples and cells
  std::vector<ExpiredGroup> samples;  ///< of days whose cells stay
  struct Rows {
    DurationMs tier_ms = 0;
    std::vector<ExpiredGroup> groups;
  };
  std::vector<Rows> rows;  ///< cells, where no samples are left

  [[nodiscard]] bool empty() const noexcept {
    return groups.empty() && samples.empty() && rows.empty();
  }
};

}  // namespace hygge
