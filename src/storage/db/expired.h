// What retention takes: whole days of some series, without what pins keep.
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
  std::vector<ExpiredGroup> groups;
};

}  // namespace hygge
