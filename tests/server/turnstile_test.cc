// How many queries run at a time, and what they share.
#include "server/turnstile.h"

#include <gtest/gtest.h>

namespace hygge::server {
namespace {

constexpr std::chrono::steady_clock::time_point kPast{};

TEST(Turnstile, CountsWhoIsInside) {
  Turnstile turnstile(2);
  EXPECT_EQ(turnstile.enter(kPast, {}), 1U);
  EXPECT_EQ(turnstile.enter(kPast, {}), 2U);
  EXPECT_EQ(turnstile.enter(kPast, {}), 0U);
  turnstile.leave();
  EXPECT_EQ(turnstile.enter(kPast, {}), 2U);
}

TEST(Turnstile, WithoutALimitLetsAllIn) {
  Turnstile turnstile(0);
  for (std::size_t i = 1; i <= 100; ++i) EXPECT_EQ(turnstile.enter(kPast, {}), i);
}

TEST(ThreadsBeside, AreAShareAndOneAtLeast) {
  struct Case {
    std::size_t running, threads, got;
  };
  const Case cases[] = {{1, 8, 8}, {2, 8, 4}, {3, 8, 2}, {5, 8, 1}, {20, 8, 1}, {20, 1, 1}};
  for (const Case& c : cases) {
    EXPECT_EQ(threads_beside(c.running, c.threads), c.got) << c.running << " of " << c.threads;
  }
  // What no query takes stays that, however many run.
  EXPECT_EQ(threads_beside(3, 0), 0U);
  EXPECT_EQ(threads_beside(3, 6'000), 2'000U);
}

}  // namespace
}  // namespace hygge::server
