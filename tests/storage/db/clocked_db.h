// A database whose clock the test sets.
#pragma once

#include <gtest/gtest.h>
#include <hygge/db.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/database.h"

namespace hygge::test {

struct ClockedDb {
  ClockedDb(std::string directory, TimeMs now_ms)
      : dir(std::move(directory)), now(now_ms), options(manual_options(now_ms)) {
    options.tuning.mark_bytes = std::numeric_limits<std::size_t>::max();
    options.clock = [this] { return now; };
    open();
  }
  ClockedDb(const ClockedDb&) = delete;
  ClockedDb& operator=(const ClockedDb&) = delete;

  /// Closes it first, if it is open.
  void open() {
    db.reset();
    auto opened = Db::open(dir, options);
    ASSERT_TRUE(opened) << opened.error().message;
    db.emplace(std::move(*opened));
  }

  std::string dir;
  TimeMs now;
  Options options;
  std::optional<Db> db;
};

}  // namespace hygge::test
