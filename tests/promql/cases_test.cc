// Runs cases/*.txt. A file is a list of blocks; what belongs to a block is indented below it.
//
//   series NAME{LABELS} from T every D: VALUES    adds samples; VALUES are numbers, `_` for none,
//                                                 `stale`, or A+B*N: A and N more, each B higher
//   at T: EXPRESSION                              an instant query, and the same as one step of
//                                                 range queries around it
//   range FROM TO STEP: EXPRESSION                a range query
//   error T: EXPRESSION                           the line below is the error's message
//   reset                                         forgets all series
//
// Expected lines: LABELS => VALUES (one per step, `_` for none), `scalar => VALUES`, `string TEXT`,
// `empty`, `ordered` (the series come in this order), `warning: TEXT`, `info: TEXT`. T and D are
// durations, times counted from the epoch. Values agree to 1e-12.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hygge/sample.h>
#include <hygge/selector.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "promql/evaluator.h"
#include "tests/support/memory_source.h"
#include "tests/support/source_dir.h"

namespace hygge::promql {
namespace {

struct Block {
  std::string head;
  std::vector<std::string> lines;
  int line = 0;
};

std::vector<Block> read_blocks(const std::string& path) {
  std::ifstream in(path);
  std::vector<Block> blocks;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string::npos || line[first] == '#') continue;
    if (first == 0) {
      blocks.push_back({line, {}, number});
    } else {
      blocks.back().lines.push_back(line.substr(first));
    }
  }
  return blocks;
}

double number(const std::string& text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Inf" || text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  if (text == "stale") return stale_marker();
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  EXPECT_TRUE(status == std::errc() && end == text.data() + text.size()) << "value " << text;
  return value;
}

// No value where there is `_`.
std::vector<std::optional<double>> values(const std::string& text) {
  std::vector<std::optional<double>> result;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t times = word.find('*');
    const std::size_t plus = word.find_first_of("+-", 1);
    if (word == "_") {
      result.emplace_back();
    } else if (times != std::string::npos && plus < times) {
      const double first = number(word.substr(0, plus));
      const double sign = word[plus] == '-' ? -1 : 1;
      const double step = sign * number(word.substr(plus + 1, times - plus - 1));
      const int count = std::stoi(word.substr(times + 1));
      for (int i = 0; i <= count; ++i) result.emplace_back(first + step * i);
    } else {
      result.emplace_back(number(word));
    }
  }
  return result;
}

Labels labels_of(const std::string& text) {
  Labels labels;
  if (text == "{}") return labels;
  const auto read = selector(text);
  EXPECT_TRUE(read) << text << ": " << (read ? "" : read.error().message);
  if (!read) return labels;
  for (const Matcher& m : read->matchers) labels.set(m.name, m.value);
  return labels;
}

DurationMs duration(const std::string& text) {
  const auto result = parse_duration(text);
  EXPECT_TRUE(result) << text;
  return result.value_or(0);
}

bool near(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

// What the lines below a query expect.
struct Expected {
  struct Line {
    Labels labels;
    std::vector<std::optional<double>> values;
  };
  std::vector<Line> series;
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  std::optional<std::string> text;
  bool ordered = false;
  bool scalar = false;
};

Expected read_expected(const std::vector<std::string>& lines) {
  Expected expected;
  for (const std::string& line : lines) {
    const std::size_t arrow = line.find(" => ");
    if (line == "empty") continue;
    if (line == "ordered") {
      expected.ordered = true;
    } else if (line.rfind("warning: ", 0) == 0) {
      expected.warnings.push_back("PromQL " + line);
    } else if (line.rfind("info: ", 0) == 0) {
      expected.infos.push_back("PromQL " + line);
    } else if (line.rfind("string ", 0) == 0) {
      expected.text = line.substr(7);
    } else if (arrow == std::string::npos) {
      ADD_FAILURE() << "not an expectation: " << line;
    } else {
      expected.scalar = line.substr(0, arrow) == "scalar";
      expected.series.push_back({expected.scalar ? Labels() : labels_of(line.substr(0, arrow)),
                                 values(line.substr(arrow + 4))});
    }
  }
  return expected;
}

std::string shown(const Answer& answer) {
  std::string out;
  for (const AnswerSeries& series : answer.series) {
    out += "    " + hygge::to_string(series.labels) + " =>";
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      out += fmt::format(" {}@{}", series.v[i], series.t[i]);
    }
    out += '\n';
  }
  return out;
}

// Whether `series` has exactly these values at these steps.
bool agrees(const AnswerSeries& series, const Expected::Line& line, const Grid& grid) {
  if (series.labels != line.labels || line.values.size() > grid.count) return false;
  std::size_t next = 0;
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    if (!line.values[i]) continue;
    if (next == series.t.size() || series.t[next] != grid.at(i)) return false;
    if (!near(series.v[next], *line.values[i])) return false;
    ++next;
  }
  return next == series.t.size();
}

std::vector<std::string> promql_only(const std::vector<std::string>& infos) {
  std::vector<std::string> result;
  for (const std::string& info : infos) {
    if (info.rfind("PromQL ", 0) == 0) result.push_back(info);
  }
  return result;
}

class Runner {
 public:
  void run(const Block& block) {
    SCOPED_TRACE(fmt::format("line {}: {}", block.line, block.head));
    std::istringstream head(block.head);
    std::string verb;
    head >> verb;
    if (verb == "reset") {
      data_.clear();
    } else if (verb == "series") {
      add_series(block.head);
    } else if (verb == "at" || verb == "error" || verb == "range") {
      query(verb, block);
    } else {
      ADD_FAILURE() << "unknown block";
    }
  }
  [[nodiscard]] int checks() const { return checks_; }

 private:
  void add_series(const std::string& head) {
    const std::size_t from = head.find(" from ");
    const std::size_t every = head.find(" every ");
    const std::size_t colon = head.find(": ", every);
    ASSERT_NE(colon, std::string::npos);
    const Labels labels = labels_of(head.substr(7, from - 7));
    TimeMs t = duration(head.substr(from + 6, every - from - 6));
    const DurationMs step = duration(head.substr(every + 7, colon - every - 7));
    for (const auto& value : values(head.substr(colon + 2))) {
      if (value) data_.push_back({labels, {t, *value}});
      t += step;
    }
  }

  [[nodiscard]] Result<Answer> ask(const std::string& text, Steps when) const {
    test::MemorySource source;
    for (const auto& [labels, sample] : data_) source.add(labels, sample.t_ms, sample.v);
    const auto expression = parse(text);
    if (!expression) return tl::unexpected(expression.error());
    return evaluate(*expression, source, when, {});
  }

  void query(const std::string& verb, const Block& block) {
    const std::size_t colon = block.head.find(": ");
    ASSERT_NE(colon, std::string::npos);
    const std::string text = block.head.substr(colon + 2);
    std::istringstream times(block.head.substr(verb.size(), colon - verb.size()));
    std::string from, to, step;
    times >> from >> to >> step;
    const TimeMs start = duration(from);
    const Steps when =
        verb == "range" ? Steps{start, duration(to), duration(step)} : Steps{start, start, 0};
    const auto answer = ask(text, when);
    ++checks_;
    if (verb == "error") {
      ASSERT_FALSE(answer) << shown(*answer);
      ASSERT_EQ(block.lines.size(), 1U);
      EXPECT_EQ(answer.error().message, block.lines[0]);
      return;
    }
    ASSERT_TRUE(answer) << answer.error().message;
    const Expected expected = read_expected(block.lines);
    check(*answer, expected, {when.start_ms, when.step_ms, when.count()});
    const bool steady = answer->type == ValueType::vector || answer->type == ValueType::scalar;
    if (verb == "at" && steady) check_as_step(text, start, *answer);
  }

  static void check(const Answer& answer, const Expected& expected, const Grid& grid) {
    EXPECT_EQ(answer.warnings, expected.warnings);
    EXPECT_EQ(promql_only(answer.infos), expected.infos);
    if (expected.text) {
      EXPECT_EQ(answer.type, ValueType::string);
      EXPECT_EQ(answer.text, *expected.text);
    }
    if (expected.scalar) {
      EXPECT_EQ(answer.series.size(), 1U);
    }
    if (answer.type == ValueType::matrix && grid.step_ms == 0)
      return check_matrix(answer, expected);
    EXPECT_EQ(answer.series.size(), expected.series.size()) << shown(answer);
    for (std::size_t i = 0; i < expected.series.size(); ++i) {
      const auto& line = expected.series[i];
      const bool found =
          expected.ordered
              ? i < answer.series.size() && agrees(answer.series[i], line, grid)
              : std::any_of(answer.series.begin(), answer.series.end(),
                            [&](const AnswerSeries& s) { return agrees(s, line, grid); });
      EXPECT_TRUE(found) << hygge::to_string(line.labels) << " is not in\n" << shown(answer);
    }
  }

  // A range selector at an instant: the values alone, in order.
  static void check_matrix(const Answer& answer, const Expected& expected) {
    ASSERT_EQ(answer.series.size(), expected.series.size()) << shown(answer);
    for (std::size_t i = 0; i < expected.series.size(); ++i) {
      EXPECT_EQ(answer.series[i].labels, expected.series[i].labels);
      ASSERT_EQ(answer.series[i].v.size(), expected.series[i].values.size()) << shown(answer);
      for (std::size_t k = 0; k < answer.series[i].v.size(); ++k) {
        EXPECT_TRUE(near(answer.series[i].v[k], *expected.series[i].values[k])) << shown(answer);
      }
    }
  }

  // An instant answer is the same as a step of a range; `@ start()` and `@ end()` mean other times
  // there.
  void check_as_step(const std::string& text, TimeMs at, const Answer& instant) {
    if (text.find("start()") != std::string::npos || text.find("end()") != std::string::npos) {
      return;
    }
    for (const DurationMs step : {7'000, 60'000, 3'600'000}) {
      SCOPED_TRACE(fmt::format("as the middle one of three steps of {} ms", step));
      const auto range = ask(text, {at - step, at + step, step});
      if (!range) {
        // The steps beside it may fail on their own.
        EXPECT_NE(range.error().code, ErrorCode::internal);
        continue;
      }
      std::size_t found = 0;
      for (const AnswerSeries& series : range->series) {
        for (std::size_t i = 0; i < series.t.size(); ++i) {
          if (series.t[i] != at) continue;
          ++found;
          const auto same = std::find_if(
              instant.series.begin(), instant.series.end(),
              [&](const AnswerSeries& other) { return other.labels == series.labels; });
          ASSERT_NE(same, instant.series.end()) << hygge::to_string(series.labels);
          EXPECT_TRUE(near(same->v[0], series.v[i])) << same->v[0] << " " << series.v[i];
        }
      }
      EXPECT_EQ(found, instant.series.size()) << shown(*range);
    }
  }

  std::vector<std::pair<Labels, Sample>> data_;
  int checks_ = 0;
};

class Cases : public testing::TestWithParam<std::string> {};

TEST_P(Cases, AnswerAsWritten) {
  Runner runner;
  for (const Block& block : read_blocks(GetParam())) runner.run(block);
  EXPECT_GT(runner.checks(), 0);
}

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::in_source("tests/promql/cases"))) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string name_of(const testing::TestParamInfo<std::string>& file) {
  return std::filesystem::path(file.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(Promql, Cases, testing::ValuesIn(case_files()), name_of);

}  // namespace
}  // namespace hygge::promql
