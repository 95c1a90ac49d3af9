// A database that does nothing by itself, and what many tests ask of one.
#pragma once

#include <gtest/gtest.h>
#include <hygge/db.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

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

inline void expect_whole(const Db& db) {
  const auto report = db.verify();
  ASSERT_TRUE(report) << report.error().message;
  for (const Damage& damage : report->damage) ADD_FAILURE() << damage.where << ": " << damage.what;
}

inline std::size_t count_samples(const View& view) {
  std::size_t out = 0;
  for (const Series& series : view.series(0)) out += series.samples().value().t.size();
  return out;
}

inline std::size_t count_samples(const Db& db, std::string_view text,
                                 TimeRange range = everything()) {
  return count_samples(db.view({selector(text).value()}, range).value());
}

/// Calls `take(labels, t_ms, v)` with each sample of what `selected` matches.
template <typename Take>
void for_each_sample(const Db& db, const Selector& selected, TimeRange range, Take take) {
  const auto view = db.view({selected}, range);
  ASSERT_TRUE(view) << view.error().message;
  for (const Series& series : view->series(0)) {
    const auto samples = series.samples();
    ASSERT_TRUE(samples) << samples.error().message;
    for (std::size_t i = 0; i < samples->t.size(); ++i) {
      ASSERT_TRUE(i == 0 || samples->t[i - 1] < samples->t[i]) << "times rise";
      take(series.labels(), samples->t[i], samples->v[i]);
    }
  }
}

using Samples = std::map<TimeMs, double>;

/// What `text` selects, taken as one series.
inline Samples read(const Db& db, std::string_view text, TimeRange range = everything()) {
  Samples out;
  for_each_sample(db, selector(text).value(), range,
                  [&](const Labels&, TimeMs t_ms, double v) { out[t_ms] = v; });
  return out;
}

/// The samples of m{k=…}, by k.
using SamplesByK = std::map<std::string, Samples>;
inline SamplesByK read_by_k(const Db& db, TimeRange range = everything()) {
  SamplesByK out;
  for_each_sample(db, selector("m").value(), range,
                  [&](const Labels& labels, TimeMs t_ms, double v) {
                    out[std::string(labels.get("k"))][t_ms] = v;
                  });
  return out;
}

/// Every sample, by its series and time.
using AllSamples = std::map<std::pair<std::string, TimeMs>, double>;
inline AllSamples read_all(const Db& db) {
  AllSamples out;
  for_each_sample(db, Selector{}, everything(), [&](const Labels& labels, TimeMs t_ms, double v) {
    out[{to_string(labels), t_ms}] = v;
  });
  return out;
}

}  // namespace hygge::test
