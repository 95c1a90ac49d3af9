#include "storage/db/batch_ids.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "storage/log/payloads.h"

namespace hygge::storage {
namespace {

using Entries = std::map<std::string, std::string, std::less<>>;

std::string report_of(std::uint64_t samples) {
  WriteReport report;
  report.samples = samples;
  return encode_report(report);
}

void take(BatchIds& ids, Entries& meta) {
  for (auto& [name, value] : ids.take_changes()) meta[name] = value;
}

BatchIds loaded(const Entries& meta) {
  BatchIds ids;
  for (const auto& [name, value] : meta) EXPECT_TRUE(ids.load(name, as_bytes(value)));
  return ids;
}

TEST(BatchReport, ComesBackWholeAndNotCut) {
  WriteReport report;
  report.samples = 1;
  report.series_new = 2;
  report.out_of_order = 3;
  report.replaced = 4;
  report.duplicates = 5;
  report.refused_out_of_order = 600;
  report.outdone = 7;
  report.first_refused.push_back(
      {WriteReport::Refused::Reason::outdone, SeriesId{0xffff'ffff}, "", -5, std::nan("")});
  report.first_refused.push_back(
      {WriteReport::Refused::Reason::out_of_order, SeriesId{1}, "", 1'767'225'600'000, -0.0});
  const std::string bytes = encode_report(report);
  const auto back = decode_report(as_bytes(bytes));
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_report(*back), bytes);
  EXPECT_EQ(back->refused_out_of_order, 600U);
  ASSERT_EQ(back->first_refused.size(), 2U);
  EXPECT_EQ(back->first_refused[0].series.value, 0xffff'ffffU);
  EXPECT_TRUE(std::isnan(back->first_refused[0].v));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_report(as_bytes(bytes).first(size))) << size;
  }
  EXPECT_FALSE(decode_report(as_bytes(bytes + '\0')));
}

TEST(BatchIds, TheFirstReportStands) {
  BatchIds ids;
  EXPECT_FALSE(ids.find("a"));
  ids.remember("a", report_of(1));
  ids.remember("a", report_of(2));
  EXPECT_EQ(ids.find("a"), report_of(1));
  EXPECT_EQ(ids.take_changes().size(), 1U);
  EXPECT_TRUE(ids.take_changes().empty());
}

TEST(BatchIds, TheLast65536AreRememberedOverAnyReload) {
  BatchIds ids;
  Entries meta;
  const std::size_t count = BatchIds::kRemembered + 1'000;
  for (std::size_t i = 1; i <= count; ++i) {
    ids.remember(std::to_string(i), report_of(i));
    if (i == 500 || i == 66'000) take(ids, meta);
    if (i == 66'000) ids = loaded(meta);
  }
  take(ids, meta);
  EXPECT_EQ(meta.size(), BatchIds::kRemembered);
  const BatchIds again = loaded(meta);
  for (const BatchIds* const one : {&std::as_const(ids), &again}) {
    EXPECT_FALSE(one->find("1"));
    EXPECT_FALSE(one->find("1000"));
    EXPECT_EQ(one->find("1001"), report_of(1'001));
    EXPECT_EQ(one->find(std::to_string(count)), report_of(count));
  }
}

TEST(BatchIds, WhatTheLogRepeatsIsNotTakenTwice) {
  BatchIds ids;
  Entries meta;
  ids.remember("a", report_of(1));
  ids.remember("b", report_of(2));
  take(ids, meta);
  ids.remember("c", report_of(3));
  // The crash: `c` is in the log only, and the log repeats `b` too.
  BatchIds after = loaded(meta);
  after.remember("b", report_of(20));
  after.remember("c", report_of(3));
  EXPECT_EQ(after.find("b"), report_of(2));
  EXPECT_EQ(after.take_changes().size(), 1U);
}

TEST(BatchIds, ForgottenAndSentAgainItStaysWhenItsOldPlaceIsUsed) {
  BatchIds ids;
  ids.remember("again", report_of(1));
  for (std::size_t i = 0; i < BatchIds::kRemembered; ++i) ids.remember(std::to_string(i), "");
  EXPECT_FALSE(ids.find("again"));
  ids.remember("again", report_of(2));
  for (std::size_t i = 0; i < 1'000; ++i) ids.remember("x" + std::to_string(i), "");
  EXPECT_EQ(ids.find("again"), report_of(2));
}

TEST(BatchIds, DamagedEntriesAreNamed) {
  Entries meta;
  {
    BatchIds ids;
    ids.remember("a", report_of(1));
    take(ids, meta);
  }
  const auto& [name, value] = *meta.begin();
  for (std::size_t size = 0; size < value.size(); ++size) {
    BatchIds ids;
    const auto loaded = ids.load(name, as_bytes(value).first(size));
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error().code, ErrorCode::corruption);
    EXPECT_NE(loaded.error().message.find(name), std::string::npos);
  }
  BatchIds ids;
  EXPECT_FALSE(ids.load("batch_id/0002", as_bytes(value))) << "not the place of its number";
  std::mt19937_64 random(1);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes = value;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    static_cast<void>(ids.load(name, as_bytes(bytes)));
  }
}

}  // namespace
}  // namespace hygge::storage
