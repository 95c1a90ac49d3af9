#include "model/partition.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace hygge {
namespace {

TEST(PartitionOf, MidnightBelongsToTheDayItEnds) {
  struct Case {
    const char* name;
    std::int64_t t_ms, partition;
  };
  const Case cases[] = {
      {"epoch closes the day before", 0, -1},
      {"midnight", kDayMs, 0},
      {"just after midnight", kDayMs + 1, 1},
      {"just before the epoch", -1, -1},
      {"midnight before the epoch", -kDayMs, -2},
      {"smallest time does not overflow", std::numeric_limits<std::int64_t>::min(), -106751991168},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(partition_of(c.t_ms), c.partition);
  }
}

TEST(PartitionOf, ItsRangeContainsTheTime) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const TimeMs t = static_cast<TimeMs>(random() % 2'000'000'000'000) - 1'000'000'000'000;
    EXPECT_TRUE(partition_range(partition_of(t)).contains(t)) << t;
  }
}

TEST(PartitionOf, EveryStorableTimeFitsTheKey) {
  for (const TimeMs t : {kMinTimeMs, kMaxTimeMs}) {
    EXPECT_EQ(static_cast<std::int32_t>(partition_of(t)), partition_of(t));
  }
}

}  // namespace
}  // namespace hygge
