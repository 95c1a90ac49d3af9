#include <gtest/gtest.h>
#include <hygge/labels.h>

#include <utility>
#include <vector>

#include "model/canonical.h"

namespace hygge {
namespace {

TEST(Labels, AreSortedAndWithoutEmptyValues) {
  const Labels labels = Labels::from({{"b", "2"}, {"a", "1"}, {"c", ""}}).value();
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels.get("a"), "1");
  EXPECT_EQ(labels.get("c"), "");
}

TEST(Labels, RefuseWhatIsNoLabelSet) {
  EXPECT_FALSE(Labels::from({{"a", "1"}, {"a", "2"}}));
  EXPECT_FALSE(Labels::from({{"", "1"}}));
  EXPECT_FALSE(Labels::from({{"a", "\xff"}}));
}

TEST(Labels, SetReplacesInsertsAndRemoves) {
  Labels labels;
  labels.set("b", "1");
  labels.set("a", "2");
  labels.set("b", "3");
  EXPECT_EQ(to_string(labels), R"({a="2",b="3"})");
  labels.set("a", "");
  EXPECT_EQ(to_string(labels), R"({b="3"})");
}

TEST(Labels, ACopyIsItsOwn) {
  Labels labels = Labels::from({{"a", "1"}, {"b", "2"}}).value();
  Labels copy = labels;
  copy.set("a", "");
  labels.set("c", "3");
  EXPECT_EQ(to_string(labels), R"({a="1",b="2",c="3"})");
  EXPECT_EQ(to_string(copy), R"({b="2"})");
  copy.set("b", "");
  EXPECT_TRUE(copy.empty());
  EXPECT_EQ(copy, Labels());
}

TEST(Labels, AreOrderedAsTheirLabels) {
  const auto of = [](std::vector<Label> labels) { return Labels::from(std::move(labels)).value(); };
  EXPECT_EQ(of({{"a", "1"}}), of({{"a", "1"}}));
  EXPECT_NE(of({{"a", "1"}}), of({{"a", "2"}}));
  EXPECT_LT(Labels(), of({{"a", "1"}}));
  EXPECT_LT(of({{"a", "1"}}), of({{"a", "1"}, {"b", "1"}}));
  EXPECT_LT(of({{"a", "1"}, {"c", "1"}}), of({{"a", "2"}}));
  EXPECT_LT(of({{"a", "9"}}), of({{"b", "1"}}));
}

TEST(Labels, AreWrittenAsPromqlReadsThem) {
  EXPECT_EQ(to_string(Labels::from({{"__name__", "up"}}).value()), "up");
  EXPECT_EQ(to_string(Labels::from({{"__name__", "up"}, {"a", "x\"y\\\n"}}).value()),
            R"(up{a="x\"y\\\n"})");
  EXPECT_EQ(to_string(Labels::from({{"__name__", "http.requests"}, {"a.b", "c"}}).value()),
            R"({"http.requests","a.b"="c"})");
  EXPECT_EQ(to_string(Labels()), "{}");
}

TEST(Canonical, ComesBack) {
  const Labels labels = Labels::from({{"__name__", "up"}, {"job", "shop"}}).value();
  EXPECT_EQ(labels_from_canonical(as_bytes(canonical(labels))).value(), labels);
}

TEST(Canonical, CutAnywhereIsCorruptionOrAPrefix) {
  const std::string bytes = canonical(Labels::from({{"__name__", "up"}, {"job", "shop"}}).value());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto labels = labels_from_canonical(as_bytes(bytes).first(cut));
    if (labels) {
      EXPECT_LT(labels->size(), 2U);
    } else {
      EXPECT_EQ(labels.error().code, ErrorCode::corruption);
    }
  }
}

}  // namespace
}  // namespace hygge
