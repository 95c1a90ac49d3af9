#include "server/reply.h"

#include <fmt/format.h>
#include <zlib.h>

#include <limits>
#include <utility>
#include <vector>

#include "server/json.h"

namespace hygge::server {

namespace {

constexpr std::size_t kWorthCompressing = 1'400;  // about one packet

Reply json_reply(int status, std::string body) {
  return {status, "application/json", {}, std::move(body)};
}

void append_point(std::string& out, TimeMs t_ms, double v) {
  out += '[';
  append_seconds(out, t_ms);
  out += ",\"";
  append_value(out, v);
  out += "\"]";
}

void append_series(std::string& out, const promql::AnswerSeries& series, bool matrix) {
  out += "{\"metric\":";
  append_labels(out, series.labels);
  if (!matrix) {
    out += ",\"value\":";
    append_point(out, series.t[0], series.v[0]);
  } else {
    out += ",\"values\":[";
    for (std::size_t i = 0; i < series.t.size(); ++i) {
      if (i > 0) out += ',';
      append_point(out, series.t[i], series.v[i]);
    }
    out += ']';
  }
  out += '}';
}

void append_result(std::string& out, const promql::Answer& answer, TimeMs at_ms) {
  if (answer.type == promql::ValueType::string) {
    out += '[';
    append_seconds(out, at_ms);
    out += ',';
    append_text(out, answer.text);
    out += ']';
    return;
  }
  if (answer.type == promql::ValueType::scalar && !answer.series.empty()) {
    append_point(out, answer.series[0].t[0], answer.series[0].v[0]);
    return;
  }
  out += '[';
  bool first = true;
  for (const promql::AnswerSeries& series : answer.series) {
    if (series.t.empty()) continue;
    if (!first) out += ',';
    first = false;
    append_series(out, series, answer.type == promql::ValueType::matrix);
  }
  out += ']';
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
          std::pair("cells", node.cells), std::pair("bytes", std::uint64_t{node.bytes})}) {
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
  out += ",\"tiers\":[";
  for (std::size_t i = 0; i < answer.stats.tiers.size(); ++i) {
    if (i > 0) out += ',';
    append_text(out, tier_name(answer.stats.tiers[i]));
  }
  out += ']';
  if (!answer.nodes.empty()) append_nodes(out, answer.nodes);
  out += '}';
}

bool accepts_gzip(std::string_view accepted) {
  while (!accepted.empty()) {
    std::string_view one = accepted.substr(0, accepted.find(','));
    accepted.remove_prefix(std::min(accepted.size(), one.size() + 1));
    while (!one.empty() && one[0] == ' ') one.remove_prefix(1);
    const std::string_view name = one.substr(0, one.find_first_of("; "));
    const std::size_t q = one.find("q=0");
    const bool refused =
        q != std::string_view::npos && one.find_first_not_of("0.", q + 2) == std::string_view::npos;
    if (name == "gzip" && !refused) return true;
  }
  return false;
}

// Empty if zlib cannot.
std::string gzipped(std::string_view text) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemory = 8;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  // zlib does not write to its input.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(status == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace

ApiError bad_data(std::string message) { return {400, "bad_data", std::move(message), {}}; }

ApiError bad_parameter(std::string_view name, const Error& error) {
  return bad_data(fmt::format("invalid parameter \"{}\": {}", name, error.message));
}

ApiError failed(const Error& error) {
  switch (error.code) {
    case ErrorCode::cancelled:
      return {499, "canceled", error.message, error.detail};
    case ErrorCode::timeout:
      return {503, "timeout", error.message, error.detail};
    case ErrorCode::io:
    case ErrorCode::no_space:
    case ErrorCode::corruption:
    case ErrorCode::read_only:
    case ErrorCode::internal:
      return {500, "internal", error.message, error.detail};
    default:
      return {422, "execution", error.message, error.detail};
  }
}

Reply error_reply(const ApiError& error) {
  std::string body = "{\"status\":\"error\",\"errorType\":";
  append_text(body, error.type);
  body += ",\"error\":";
  append_text(body, error.message);
  if (!error.detail.empty()) {
    body += ",\"detail\":";
    append_text(body, error.detail);
  }
  body += '}';
  return json_reply(error.status, std::move(body));
}

Reply text_reply(int status, std::string text) {
  return {status, "text/plain; charset=utf-8", {}, std::move(text)};
}

Reply answer_reply(const promql::Answer& answer, const AnswerExtras& extras) {
  std::string body = "{\"status\":\"success\",\"data\":{\"resultType\":\"";
  body += promql::to_string(answer.type);
  body += "\",\"result\":";
  append_result(body, answer, extras.at_ms);
  if (extras.stats) append_stats(body, answer, extras);
  body += '}';
  if (!answer.warnings.empty()) {
    body += ",\"warnings\":";
    append_texts(body, answer.warnings);
  }
  // Why an answer is empty is said apart: Prometheus' clients know what infos there are.
  std::vector<std::string> infos;
  std::vector<std::string> hints;
  for (const std::string& text : answer.infos) {
    (text.rfind("PromQL ", 0) == 0 ? infos : hints).push_back(text);
  }
  for (const auto& [key, texts] : {std::pair("infos", &infos), std::pair("hints", &hints)}) {
    if (texts->empty()) continue;
    body += fmt::format(",\"{}\":", key);
    append_texts(body, *texts);
  }
  body += '}';
  return json_reply(200, std::move(body));
}

void compress_for(const Request& request, Reply& reply) {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max() / 2;
  if (reply.body.size() < kWorthCompressing || reply.body.size() > kMost) return;
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  if (!accepts_gzip(request.header("Accept-Encoding"))) return;
  std::string small = gzipped(reply.body);
  if (small.empty() || small.size() >= reply.body.size()) return;
  reply.body = std::move(small);
  reply.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace hygge::server
