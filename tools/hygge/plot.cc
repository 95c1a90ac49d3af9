// plot: the answer over a range, drawn in the terminal.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "answer.h"
#include "canvas.h"
#include "context.h"
#include "text.h"

namespace hygge::command {

namespace {

using promql::AnswerSeries;

constexpr std::size_t kMostSeries = 8;
constexpr std::size_t kRows = 13;  // four intervals of three
constexpr std::size_t kMostRows = 200;
constexpr std::size_t kUsualWidth = 80;

struct Scale {
  double low = 0;
  double high = 1;
};

// The range of the values, with 0 in it when it is near, and ends that are round.
Scale scale_of(const std::vector<AnswerSeries>& series) {
  double low = INFINITY, high = -INFINITY;
  for (const AnswerSeries& one : series) {
    for (const double v : one.v) {
      if (!std::isfinite(v)) continue;
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  if (low > high) return {};
  if (low > 0 && low < high * 0.75) low = 0;
  if (high < 0 && high > low * 0.75) high = 0;
  if (low == high) return low == 0 ? Scale{} : Scale{std::min(low, 0.0), std::max(high, 0.0)};
  const double unit = std::pow(10, std::floor(std::log10(high - low))) / 2;
  if (!std::isfinite(unit) || unit == 0) return {low, high};
  return {std::floor(low / unit) * unit, std::ceil(high / unit) * unit};
}

// Rows between the labels of the axis, so that the first and the last row have one.
std::size_t label_every(std::size_t rows) {
  for (const std::size_t every : {3U, 4U, 2U, 5U}) {
    if ((rows - 1) % every == 0) return every;
  }
  return rows - 1;
}

std::string axis_number(double v) { return human_number(std::abs(v) < 1e-300 ? 0 : v); }

// "13:04", or with the day where the range is long.
std::string axis_time(const Context& context, TimeMs t_ms, DurationMs span_ms) {
  const std::string full = context.time(t_ms);
  if (span_ms > 2 * kDayMs) return full.substr(0, 10);
  return span_ms > 5 * kMinuteMs ? full.substr(11, 5) : full.substr(11, 8);
}

std::string time_axis(const Context& context, const Steps& when, std::size_t cells) {
  std::string line(cells, ' ');
  const DurationMs span = when.end_ms - when.start_ms;
  const std::size_t label = axis_time(context, when.start_ms, span).size();
  const std::size_t marks = std::max<std::size_t>(2, cells / 16);
  for (std::size_t i = 0; i < marks; ++i) {
    const std::size_t cell = i * (cells - 1) / (marks - 1);
    const auto part = static_cast<double>(i) / static_cast<double>(marks - 1);
    const TimeMs t_ms =
        when.start_ms + static_cast<TimeMs>(std::llround(static_cast<double>(span) * part));
    const std::size_t from =
        std::min(cell < label / 2 ? 0 : cell - label / 2, cells > label ? cells - label : 0);
    const std::string text = axis_time(context, t_ms, span);
    line.replace(from, text.size(), text);
  }
  return line;
}

std::string legend_line(const Context& context, const AnswerSeries& series, std::string_view mark,
                        std::size_t width, bool ascii) {
  double least = INFINITY, most = -INFINITY;
  for (const double v : series.v) {
    least = std::fmin(least, v);
    most = std::fmax(most, v);
  }
  const auto number = [&](double v) {
    return context.flag("human") ? human_number(v) : short_number(v);
  };
  const std::string figures = fmt::format("  min {}  max {}  last {}", number(least), number(most),
                                          number(series.v.back()));
  const std::size_t left = display_width(mark) + 1 + figures.size();
  const std::string name = series.labels.empty() ? "(no labels)" : to_string(series.labels);
  return fmt::format("{} {}{}\n", mark,
                     elide(printable(name), width > left + 12 ? width - left : 12, ascii), figures);
}

// What can be drawn: series with a finite value, the first few.
std::vector<AnswerSeries> drawable(const Context& context, std::vector<AnswerSeries> series) {
  std::erase_if(series, [](const AnswerSeries& one) {
    return std::none_of(one.v.begin(), one.v.end(), [](double v) { return std::isfinite(v); });
  });
  if (series.size() > kMostSeries) {
    context.note(fmt::format("{} series; the {} with the largest last values are drawn",
                             series.size(), kMostSeries));
    const auto weight = [](const AnswerSeries& one) {
      return std::isnan(one.v.back()) ? -INFINITY : one.v.back();
    };
    std::stable_sort(series.begin(), series.end(),
                     [&](const auto& a, const auto& b) { return weight(a) > weight(b); });
    series.resize(kMostSeries);
  }
  return series;
}

void draw(Canvas& canvas, const AnswerSeries& series, std::size_t index, const Steps& when,
          const Scale& scale) {
  const double span = static_cast<double>(std::max<DurationMs>(1, when.end_ms - when.start_ms));
  const auto x_of = [&](TimeMs t) {
    return static_cast<int>(std::lround(static_cast<double>(t - when.start_ms) / span *
                                        static_cast<double>(canvas.dots_across() - 1)));
  };
  const auto y_of = [&](double v) {
    const double share = (v - scale.low) / (scale.high - scale.low);
    return static_cast<int>(std::lround((1 - share) * static_cast<double>(canvas.dots_down() - 1)));
  };
  for (std::size_t i = 0; i < series.t.size(); ++i) {
    if (!std::isfinite(series.v[i])) continue;
    const Dot here{x_of(series.t[i]), y_of(series.v[i])};
    // A line only between neighbouring steps: a gap is a gap.
    const bool joined =
        i > 0 && std::isfinite(series.v[i - 1]) && series.t[i] - series.t[i - 1] <= when.step_ms;
    canvas.line(joined ? Dot{x_of(series.t[i - 1]), y_of(series.v[i - 1])} : here, here, index);
  }
}

std::string picture(const Context& context, const std::vector<AnswerSeries>& series,
                    const Steps& when, std::size_t rows) {
  const Look look = context.look();
  const std::size_t width = std::max<std::size_t>(30, look.width.value_or(kUsualWidth));
  const Scale scale = scale_of(series);
  const std::size_t every = label_every(rows);
  std::vector<std::string> marks;
  std::size_t margin = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const double share = 1 - static_cast<double>(row) / static_cast<double>(rows - 1);
    const bool labelled = row % every == 0;
    marks.push_back(labelled ? axis_number(scale.low + (scale.high - scale.low) * share) : "");
    margin = std::max(margin, display_width(marks.back()));
  }
  // Without colours the dots of several curves could not be told apart: each has a mark of its own.
  const bool marked = look.ascii || (series.size() > 1 && !look.color);
  Canvas canvas(width - margin - 2, rows, marked);
  for (std::size_t i = 0; i < series.size(); ++i) draw(canvas, series[i], i, when, scale);
  std::string out;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::string blanks(margin - display_width(marks[row]), ' ');
    const std::string_view axis =
        look.ascii ? (marks[row].empty() ? "|" : "+") : (marks[row].empty() ? "│" : "┤");
    out += fmt::format("{}{} {}{}\n", blanks, marks[row], axis, canvas.row(row, look.color));
  }
  std::string axis = std::string(margin + 2, ' ') + time_axis(context, when, canvas.cells_across());
  axis.erase(axis.find_last_not_of(' ') + 1);
  out += axis + "\n\n";
  for (std::size_t i = 0; i < series.size(); ++i) {
    out += legend_line(context, series[i], canvas.mark(i, look.color), width, look.ascii);
  }
  return out;
}

Result<std::size_t> rows_of(const Context& context) {
  const auto text = context.arguments().get("height");
  if (!text) return kRows;
  std::size_t rows = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), rows);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size() || rows < 3 ||
      rows > kMostRows) {
    return fail(ErrorCode::invalid_argument, fmt::format("--height {} cannot be", *text),
                fmt::format("3 to {} rows", kMostRows));
  }
  return rows;
}

}  // namespace

Result<int> run_plot(Context& context) {
  const auto rows = rows_of(context);
  if (!rows) return tl::unexpected<Error>(rows.error());
  auto asked = ask(context, "1h");
  if (!asked) return tl::unexpected<Error>(asked.error());
  const Steps* const when = &asked->when;
  tell_annotations(context, asked->answer);
  const auto series = drawable(context, std::move(asked->answer.series));
  if (series.empty()) {
    context.note("there is nothing to draw");
    return 0;
  }
  const Look look = context.look();
  const std::size_t width = look.width.value_or(kUsualWidth);
  const std::string span = fmt::format("{} to {}, a value each {}", context.time(when->start_ms),
                                       context.time(when->end_ms), format_duration(when->step_ms));
  const auto wrote = context.out().write(
      fmt::format("{}\n{}\n{}", elide(printable(asked->text), width, look.ascii),
                  elide(span, width, look.ascii), picture(context, series, *when, *rows)));
  if (!wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
