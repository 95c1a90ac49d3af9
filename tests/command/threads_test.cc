// How many threads a question gets. What they answer: tests/promql/threads_test.cc.
#include "threads.h"

#include <gtest/gtest.h>

#include <thread>

namespace hygge::command {
namespace {

TEST(ThreadsOf, SaysANumberOrWhatIsWrong) {
  EXPECT_EQ(threads_of("1").value(), 1U);
  EXPECT_EQ(threads_of("1024").value(), 1'024U);
  for (const char* wrong : {"", "-1", "+2", "two", "2 ", "1025", "99999999999999999999"}) {
    SCOPED_TRACE(wrong);
    const auto threads = threads_of(wrong);
    ASSERT_FALSE(threads);
    EXPECT_EQ(threads.error().code, ErrorCode::invalid_argument);
  }
}

TEST(ThreadsOf, AreOneAProcessorUnlessAsked) {
  const std::size_t threads = threads_of(std::nullopt).value();
  EXPECT_EQ(threads_of("0").value(), threads);
  EXPECT_GE(threads, 1U);
  EXPECT_LE(threads, 8U);
  EXPECT_LE(threads, std::max(1U, std::thread::hardware_concurrency()));
}

TEST(ProcessorsOfQuota, AreWhatTheControlGroupLeaves) {
  struct Case {
    const char* cpu_max;
    std::optional<std::size_t> processors;
  };
  const Case cases[] = {
      {"200000 100000", 2},         {"150000 100000", 2},
      {"25000 100000", 1},          {"18446744073709551615 1", 18'446'744'073'709'551'615U},
      {"max 100000", std::nullopt}, {"", std::nullopt},
      {"100000", std::nullopt},     {"100000 0", std::nullopt},
      {"0 100000", std::nullopt},   {"1e5 100000", std::nullopt},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.cpu_max);
    EXPECT_EQ(processors_of_quota(c.cpu_max), c.processors);
  }
}

}  // namespace
}  // namespace hygge::command
