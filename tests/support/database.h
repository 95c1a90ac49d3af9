// A database that does nothing by itself, and what many tests ask of one.
#pragma once

#include <gtest/gtest.h>
#include <hygge/db.h>

namespace hygge::test {

/// Maintained only when the test says so; its clock stands still.
inline Options manual_options(TimeMs now_ms, Sync sync = Sync::none()) {
  Options options;
  options.create_if_missing = true;
  options.maintenance = Maintenance::manual;
  options.sync = sync;
  options.clock = [now_ms] { return now_ms; };
  return options;
}

/// Maintenance that waits for no more samples: seals all days but the newest.
inline MaintainReport settle(Db& db) {
  Maintain how;
  how.settled = true;
  const auto done = db.maintain(how);
  EXPECT_TRUE(done) << done.error().message;
  return done.value_or(MaintainReport());
}

}  // namespace hygge::test
