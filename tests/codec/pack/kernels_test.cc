// Each kernel beside the portable one, over inputs that no payload need contain.
#include "codec/pack/kernels.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/codec/pack/runs.h"

namespace hygge::pack {
namespace {

using Word = std::uint64_t;

std::vector<Word> random_words(RunMaker& maker, std::size_t n) {
  std::vector<Word> out(lane_room(n), 0);
  const unsigned narrow = static_cast<unsigned>(maker.below(64));
  const std::uint64_t rare = 1 + maker.below(9);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = maker.below(rare) == 0 ? maker.next() >> narrow : 0;
  }
  return out;
}

TEST(Kernels, AreChosenByTheProcessorAndCanBeForced) {
  const UsableKernels usable = usable_kernels();
  ASSERT_GE(usable.count, 1U);
  EXPECT_STREQ(usable.sets[0]->name, "portable");
  const char* const before = kernels().name;
  for (std::size_t i = 0; i < usable.count; ++i) {
    EXPECT_TRUE(force_kernels(usable.sets[i]->name));
    EXPECT_EQ(&kernels(), usable.sets[i]);
  }
  EXPECT_FALSE(force_kernels("abacus"));
  EXPECT_EQ(&kernels(), usable.sets[usable.count - 1]) << "a name that is none changes nothing";
  EXPECT_TRUE(force_kernels(""));
  EXPECT_EQ(&kernels(), usable.sets[usable.count - 1]);
  force_kernels(before);
}

TEST(Kernels, TurnResidualsIntoTheSameIntegers) {
  RunMaker maker(1);
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t n = 1 + maker.below(50);
    const std::vector<Word> r = random_words(maker, n);
    IntegerRule rule;
    rule.predictor = static_cast<Predictor>(maker.below(4));
    rule.shift = static_cast<unsigned>(maker.below(3) == 0 ? maker.below(64) : 0);
    rule.first = maker.next();
    rule.base = maker.next() >> maker.below(64);
    rule.low = maker.next() >> maker.below(64);
    const bool zero = maker.below(4) == 0;
    std::vector<Word> expected(n), out(n);
    // As the page has it: x first, then one shift and one sum.
    Word x = 0 - rule.base, d = rule.base;
    for (std::size_t i = 0; i < n; ++i) {
      const Word residual = zero ? 0 : r[i];
      const Word signed_one = static_cast<Word>(unzigzag(residual));
      if (rule.predictor == Predictor::frame) x = residual + rule.base;
      if (rule.predictor == Predictor::grid) x = residual + rule.low + i * rule.base;
      if (rule.predictor == Predictor::delta) x += signed_one + rule.base;
      if (rule.predictor == Predictor::delta2) x += d += signed_one;
      expected[i] = rule.first + (x << rule.shift);
    }
    for (const Kernels* set : kernel_sets()) {
      set->integers(rule, zero ? nullptr : r.data(), n, out.data());
      ASSERT_EQ(out, expected) << set->name << " " << static_cast<int>(rule.predictor);
      std::vector<Word> in_place = r;
      if (!zero) set->integers(rule, in_place.data(), n, in_place.data());
      in_place.resize(n);
      if (!zero) {
        ASSERT_EQ(in_place, expected) << set->name << ", in place";
      }
    }
  }
}

TEST(Kernels, ScaleAnyIntegerAsTheCompilerDoes) {
  RunMaker maker(2);
  std::vector<Word> q;
  for (const Word edge : {Word{0}, Word{1} << 32U, Word{1} << 51U, Word{1} << 52U, Word{1} << 53U,
                          Word{1} << 62U, Word{1} << 63U}) {
    for (Word off = 0; off < 5; ++off) q.push_back(edge + off - 2);
  }
  for (int i = 0; i < 4'000; ++i) q.push_back(maker.next() >> maker.below(64));
  for (std::size_t d = 0; d < kDivisorCount; ++d) {
    for (const Kernels* set : kernel_sets()) {
      std::vector<double> out(q.size());
      set->scale(q.data(), kDivisors[d], q.size(), out.data());
      for (std::size_t i = 0; i < q.size(); ++i) {
        const double expected = static_cast<double>(static_cast<std::int64_t>(q[i])) / kDivisors[d];
        ASSERT_EQ(bits_of_double(out[i]), bits_of_double(expected)) << set->name << " " << q[i];
      }
    }
  }
}

TEST(Kernels, CountTheSameInexactValues) {
  RunMaker maker(3);
  for (int round = 0; round < 400; ++round) {
    const std::vector<double> v = maker.values(1 + maker.below(70));
    for (std::size_t d = 0; d < kDivisorCount; ++d) {
      std::size_t expected = 0;
      for (const double value : v) {
        const double product = value * kDivisors[d];
        const bool exact = std::fabs(product) < kScaledLimit &&
                           bits_of_double(static_cast<double>(std::llrint(product)) /
                                          kDivisors[d]) == bits_of_double(value);
        expected += exact ? 0U : 1U;
      }
      for (const Kernels* set : kernel_sets()) {
        ASSERT_EQ(set->count_inexact(v.data(), v.size(), kDivisors[d]), expected) << set->name;
        if (expected != 0) continue;
        std::vector<std::int64_t> q(v.size());
        set->quotients(v.data(), v.size(), kDivisors[d], q.data());
        for (std::size_t i = 0; i < v.size(); ++i) {
          ASSERT_EQ(q[i], std::llrint(v[i] * kDivisors[d])) << set->name;
        }
      }
    }
  }
}

TEST(Kernels, MeasureGroupsAlike) {
  RunMaker maker(4);
  for (int round = 0; round < 4'000; ++round) {
    const std::size_t n = 1 + maker.below(70);
    const std::vector<Word> r = random_words(maker, n);
    std::vector<std::uint8_t> expected(group_count(n));
    const std::size_t bytes = kPortableKernels.choose_widths(r.data(), n, expected.data());
    for (const Kernels* set : kernel_sets()) {
      std::vector<std::uint8_t> widths(group_count(n));
      ASSERT_EQ(set->choose_widths(r.data(), n, widths.data()), bytes) << set->name;
      ASSERT_EQ(widths, expected) << set->name;
    }
  }
}

}  // namespace
}  // namespace hygge::pack
