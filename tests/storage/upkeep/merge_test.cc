#include "storage/upkeep/merge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace hygge::storage {
namespace {

Piece piece(std::uint32_t rank, std::vector<TimeMs> t, std::vector<double> v) {
  Piece out;
  out.first_ms = t.front();
  out.last_ms = t.back();
  out.rank = rank;
  out.samples = {std::move(t), std::move(v)};
  return out;
}

std::vector<double> merged(OnDuplicate policy) {
  // Written in the order of the ranks, given in another.
  std::vector<Piece> pieces;
  pieces.push_back(piece(kLateBufferRank, {2, 4, 5}, {1, 7, std::nan("")}));
  pieces.push_back(piece(0, {1, 2, 3, 5}, {10, 20, 30, 50}));
  pieces.push_back(piece(3, {2, 3}, {25, 5}));
  ChunkSamples out;
  EXPECT_TRUE(merge_cluster(pieces, policy, out));
  EXPECT_EQ(out.t, (std::vector<TimeMs>{1, 2, 3, 4, 5}));
  return out.v;
}

TEST(Merge, OfEqualTimesTheValueStandsThatThePolicySays) {
  EXPECT_EQ(merged(OnDuplicate::first), (std::vector<double>{10, 20, 30, 7, 50}));
  EXPECT_EQ(merged(OnDuplicate::max), (std::vector<double>{10, 25, 30, 7, 50}));
  EXPECT_EQ(merged(OnDuplicate::min), (std::vector<double>{10, 1, 5, 7, 50}));
  for (const OnDuplicate policy : {OnDuplicate::last, OnDuplicate::error}) {
    const std::vector<double> last = merged(policy);
    EXPECT_EQ(std::vector<double>(last.begin(), last.end() - 1),
              (std::vector<double>{10, 1, 5, 7}));
    EXPECT_TRUE(std::isnan(last.back()));
  }
}

}  // namespace
}  // namespace hygge::storage
