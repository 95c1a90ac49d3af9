#include "server/answer_body.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "server/json.h"

namespace hygge::server {

namespace {

void append_point(std::string& out, TimeMs t_ms, double v) {
  out += '[';
  append_seconds(out, t_ms);
  out += ",\"";
  append_value(out, v);
  out += "\"]";
}

std::string tier_name(DurationMs tier_ms) {
  return tier_ms == 0 ? "raw" : format_duration(tier_ms);
}

void append_nodes(std::string& out, const std::vector<promql::NodeStats>& nodes) {
  out += ",\"nodes\":[";
  for (const promql::NodeStats& node : nodes) {
    if (&node != nodes.data()) out += ',';
    out += "{\"expr\":";
    append_text(out, node.text);
    for (const auto& [key, value] :
         {std::pair("depth", std::uint64_t{node.depth}), std::pair("series", node.series),
          std::pair("points", node.points), std::pair("samples", node.samples),
          std::pair("cells", node.cells), std::pair("skipped", node.skipped),
          std::pair("bytes", std::uint64_t{node.bytes})}) {
      out += fmt::format(",\"{}\":", key);
      append_number(out, value);
    }
    out += ",\"ms\":";
    append_number(out, node.ms);
    if (!node.tier.empty()) {
      out += ",\"tier\":";
      append_text(out, node.tier);
    }
    out += '}';
  }
  out += ']';
}

void append_stats(std::string& out, const promql::Answer& answer, const AnswerExtras& extras) {
  out += ",\"stats\":{\"timings\":{\"evalTotalTime\":";
  append_number(out, extras.seconds);
  out += ",\"execQueueTime\":";
  append_number(out, extras.queue_seconds);
  out += ",\"execTotalTime\":";
  append_number(out, extras.seconds + extras.queue_seconds);
  out += "},\"samples\":{\"totalQueryableSamples\":";
  append_number(out, answer.stats.samples);
  out += ",\"peakSamples\":";
  append_number(out, answer.stats.peak_samples);
  out += "},\"series\":";
  append_number(out, answer.stats.series);
  out += ",\"bytes\":";
  append_number(out, answer.stats.bytes);
  out += ",\"cells\":";
  append_number(out, answer.stats.cells);
  out += ",\"skipped\":";
  append_number(out, answer.stats.skipped);
  out += ",\"tiers\":[";
  for (std::size_t i = 0; i < answer.stats.tiers.size(); ++i) {
    if (i > 0) out += ',';
    append_text(out, tier_name(answer.stats.tiers[i]));
  }
  out += ']';
  if (!answer.nodes.empty()) append_nodes(out, answer.nodes);
  out += '}';
}

}  // namespace

// A scalar or a string: no list of series.
bool AnswerBody::is_single() const noexcept {
  return answer_.type == promql::ValueType::string ||
         (answer_.type == promql::ValueType::scalar && !answer_.series.empty());
}

bool AnswerBody::append_part(std::string& out) {
  const std::size_t full = out.size() + kPartBytes;
  if (!begun_) append_head(out);
  begun_ = true;
  if (!is_single()) {
    while (series_ < answer_.series.size()) {
      if (!append_series(out, full) || out.size() >= full) return true;
    }
  }
  append_tail(out);
  return false;
}

void AnswerBody::append_head(std::string& out) {
  out += "{\"status\":\"success\",\"data\":{\"resultType\":\"";
  out += promql::to_string(answer_.type);
  out += "\",\"result\":";
  if (answer_.type == promql::ValueType::string) {
    out += '[';
    append_seconds(out, extras_.at_ms);
    out += ',';
    append_text(out, answer_.text);
    out += ']';
  } else if (is_single()) {
    append_point(out, answer_.series[0].t[0], answer_.series[0].v[0]);
  } else {
    out += '[';
  }
}

// The rest of the series that it is at, or as much as makes a part full: false.
bool AnswerBody::append_series(std::string& out, std::size_t full) {
  promql::AnswerSeries& series = answer_.series[series_];
  const bool matrix = answer_.type == promql::ValueType::matrix;
  const std::size_t count = matrix || series.t.empty() ? series.t.size() : 1;
  if (point_ == 0 && count > 0) {
    out += any_ ? ",{\"metric\":" : "{\"metric\":";
    append_labels(out, series.labels);
    out += matrix ? ",\"values\":[" : ",\"value\":";
    any_ = true;
  }
  while (point_ < count) {
    if (point_ > 0) out += ',';
    append_point(out, series.t[point_], series.v[point_]);
    ++point_;
    if (out.size() >= full) return false;
  }
  if (count > 0) out += matrix ? "]}" : "}";
  series = {};
  point_ = 0;
  ++series_;
  return true;
}

void AnswerBody::append_tail(std::string& out) {
  if (!is_single()) out += ']';
  if (extras_.stats) append_stats(out, answer_, extras_);
  out += '}';
  if (!answer_.warnings.empty()) {
    out += ",\"warnings\":";
    append_texts(out, answer_.warnings);
  }
  // Why an answer is empty is said apart: Prometheus' clients know what infos there are.
  std::vector<std::string> infos;
  std::vector<std::string> hints;
  for (const std::string& text : answer_.infos) {
    (text.rfind("PromQL ", 0) == 0 ? infos : hints).push_back(text);
  }
  for (const auto& [key, texts] : {std::pair("infos", &infos), std::pair("hints", &hints)}) {
    if (texts->empty()) continue;
    out += fmt::format(",\"{}\":", key);
    append_texts(out, *texts);
  }
  out += '}';
}

}  // namespace hygge::server
