// The recorded shop: import, report and burn against figures that a script worked out from the
// recording, sharing no code with this library (examples/shop/expected.py).
#include <gtest/gtest.h>
#include <hygge/db.h>
#include <hygge/formats.h>
#include <hygge/slo_file.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/source_dir.h"
#include "tests/support/temp_dir.h"

namespace hygge::formats {
namespace {

using nlohmann::json;

class BatchSink : public Sink {
 public:
  explicit BatchSink(Db& db) : db_(db) {}
  Result<std::uint32_t> series(const Labels& labels) override {
    ids_.push_back(db_.series(labels).value());
    return static_cast<std::uint32_t>(ids_.size() - 1);
  }
  Result<void> sample(std::uint32_t series, TimeMs t_ms, double v) override {
    batch.add(ids_[series], t_ms, v);
    return {};
  }
  Result<void> metadata(std::string_view family, const Metadata& told) override {
    batch.describe(std::string(family), told);
    return {};
  }
  Batch batch;

 private:
  Db& db_;
  std::vector<SeriesId> ids_;
};

class Shop : public ::testing::Test {
 protected:
  inline static const std::string kFolder = test::in_source("examples/shop/");

  void SetUp() override {
    Options options;
    options.create_if_missing = true;
    options.maintenance = Maintenance::manual;
    db_.emplace(Db::open(dir_ / "db", options).value());
    BatchSink sink(*db_);
    Input input = Input::open(std::string(kFolder) + "shop.om.gz").value();
    ASSERT_TRUE(import("openmetrics", input, ImportOptions{}, sink));
    ASSERT_TRUE(db_->write(sink.batch));
    ASSERT_TRUE(db_->flush());
    std::ifstream in(std::string(kFolder) + "expected.json");
    expected_ = json::parse(in);
  }

  slo::Definition definition(const json& about) {
    const auto all = load_slos(kFolder + about.at("file").get<std::string>()).value();
    for (const slo::Definition& one : all) {
      if (one.name == about.at("slo")) return one;
    }
    ADD_FAILURE() << about.at("slo");
    return {};
  }

  test::TempDir dir_;
  std::optional<Db> db_;
  json expected_;
};

// Every member of `expected` is in `got`; numbers to 1e-9, whole ones exactly.
void expect_holds(const json& got, const json& expected, const std::string& path) {
  SCOPED_TRACE(path);
  if (expected.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      ASSERT_TRUE(got.contains(key)) << key;
      expect_holds(got.at(key), value, path + "." + key);
    }
  } else if (expected.is_array()) {
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expect_holds(got[i], expected[i], path + "." + std::to_string(i));
    }
  } else if (expected.is_number()) {
    ASSERT_TRUE(got.is_number());
    const double value = expected.get<double>();
    EXPECT_NEAR(got.get<double>(), value,
                std::trunc(value) == value ? 0 : 1e-9 * std::max(1.0, std::fabs(value)));
  } else {
    EXPECT_EQ(got, expected);
  }
}

json without(json entry, std::initializer_list<const char*> keys) {
  for (const char* key : keys) entry.erase(key);
  return entry;
}

TEST_F(Shop, ReportsAreThoseOfTheScript) {
  ASSERT_FALSE(expected_.at("reports").empty());
  for (const json& entry : expected_.at("reports")) {
    SCOPED_TRACE(entry.at("slo").get<std::string>());
    const auto at = entry.at("at_ms").get<TimeMs>();
    const slo::Definition is = definition(entry);
    const ReportedSlo slos[] = {{is, slo::report(*db_, is, at).value()}};
    const json reply = json::parse(report_json(at, slos));
    expect_holds(reply.at("slos").at(0), without(entry, {"file", "at_ms"}), "report");
    EXPECT_TRUE(slos[0].report.notes.empty());
  }
}

TEST_F(Shop, BurnsAreThoseOfTheScript) {
  ASSERT_FALSE(expected_.at("burns").empty());
  for (const json& entry : expected_.at("burns")) {
    SCOPED_TRACE(entry.at("slo").get<std::string>() + " " + entry.at("moment").get<std::string>());
    const auto at = entry.at("at_ms").get<TimeMs>();
    const slo::Definition is = definition(entry);
    const BurningSlo slos[] = {{is, slo::burn(*db_, is, at).value()}};
    const json reply = json::parse(burn_json(at, slos));
    expect_holds(reply.at("slos").at(0), without(entry, {"file", "at_ms", "moment"}), "burn");
  }
}

TEST_F(Shop, LintFindsNoError) {
  const TimeMs at = db_->time_bounds().value().last_ms;
  for (const char* file : {"availability.yaml", "latency.yaml"}) {
    const auto all = load_slos(std::string(kFolder) + file).value();
    for (const slo::Definition& one : all) {
      const auto findings = slo::lint(*db_, one, at).value();
      for (const slo::Finding& finding : findings) {
        EXPECT_NE(finding.level, slo::Finding::Level::error) << finding.message;
      }
    }
  }
}

}  // namespace
}  // namespace hygge::formats
