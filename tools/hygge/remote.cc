#include "remote.h"

#include <fmt/format.h>
#include <httplib.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace hygge::command {

namespace {

using Document = nlohmann::json;
using promql::Answer;
using promql::AnswerSeries;
using promql::ValueType;

constexpr int kTimeoutSeconds = 150;  // beyond the two minutes that a query may take there

struct Address {
  std::string origin;  // scheme, host and port
  std::string prefix;  // of paths, without a slash at its end
};

Result<Address> address_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const bool known = url.rfind("http://", 0) == 0 || url.rfind("https://", 0) == 0;
  if (!known || scheme + 3 >= url.size()) {
    return fail(ErrorCode::invalid_argument, fmt::format("--url {} is no URL", url),
                "for example http://127.0.0.1:9090");
  }
  const std::size_t slash = url.find('/', scheme + 3);
  std::string prefix = slash == std::string::npos ? "" : url.substr(slash);
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  return Address{url.substr(0, slash), std::move(prefix)};
}

std::string api_seconds(TimeMs ms) {
  const std::uint64_t magnitude =
      ms < 0 ? 0U - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
  return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
}

tl::unexpected<Error> no_reply(std::string what) {
  return fail(ErrorCode::io, "the server's reply is none of Prometheus' API: " + what);
}

// Where a message says "1:5: parse error: …", that is the place in the expression.
void find_place(Error& error) {
  constexpr std::string_view kPrefix = "invalid parameter \"query\": ";
  if (error.message.rfind(kPrefix, 0) == 0) error.message.erase(0, kPrefix.size());
  const char* const end = error.message.data() + error.message.size();
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  const auto first = std::from_chars(error.message.data(), end, line);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':' || line != 1) return;
  const auto second = std::from_chars(first.ptr + 1, end, column);
  if (second.ec != std::errc() || second.ptr == end || *second.ptr != ':' || column == 0) return;
  error.code = ErrorCode::parse;
  error.place = {line, column, column - 1, column};
}

tl::unexpected<Error> refused(const Document& reply) {
  const std::string type = reply.value("errorType", "");
  Error error{ErrorCode::invalid_argument,
              reply.value("error", "the server refuses"),
              reply.value("detail", ""),
              {}};
  if (type == "timeout" || type == "unavailable") error.code = ErrorCode::timeout;
  if (type == "canceled") error.code = ErrorCode::cancelled;
  if (type == "internal" || type == "not_found") error.code = ErrorCode::io;
  if (type == "bad_data") find_place(error);
  return tl::unexpected<Error>(std::move(error));
}

std::optional<double> value_of(const Document& node) {
  if (!node.is_string()) return std::nullopt;
  const auto& text = node.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

bool add_point(const Document& point, AnswerSeries& series) {
  if (!point.is_array() || point.size() != 2 || !point[0].is_number()) return false;
  const auto value = value_of(point[1]);
  const double ms = std::round(point[0].get<double>() * 1000);
  if (!value || !(std::abs(ms) <= static_cast<double>(kMaxTimeMs))) return false;
  series.t.push_back(static_cast<TimeMs>(ms));
  series.v.push_back(*value);
  return true;
}

Result<AnswerSeries> series_of(const Document& entry, std::size_t& histograms) {
  if (!entry.is_object()) return no_reply("a series that is no object");
  AnswerSeries series;
  std::vector<Label> labels;
  const Document metric = entry.value("metric", Document::object());
  for (const auto& [name, value] : metric.items()) {
    if (!value.is_string()) return no_reply("a label that is no text");
    labels.push_back({name, value.get<std::string>()});
  }
  auto sorted = Labels::from(std::move(labels));
  if (!sorted) return no_reply(sorted.error().message);
  series.labels = std::move(*sorted);
  if (entry.contains("value") && !add_point(entry["value"], series)) return no_reply("a bad value");
  for (const Document& point : entry.value("values", Document::array())) {
    if (!add_point(point, series)) return no_reply("a bad value");
  }
  if (entry.contains("histogram") || entry.contains("histograms")) ++histograms;
  return series;
}

void add_texts(const Document& reply, const char* key, std::vector<std::string>& into) {
  for (const Document& text : reply.value(key, Document::array())) {
    if (text.is_string()) into.push_back(text.get<std::string>());
  }
}

Result<Answer> answer_of(const Document& reply) {
  const Document data = reply.value("data", Document::object());
  const std::string type = data.value("resultType", "");
  const Document result = data.value("result", Document::array());
  Answer answer;
  if (type == "scalar" || type == "string") {
    answer.type = type == "scalar" ? ValueType::scalar : ValueType::string;
    if (type == "string" && result.size() == 2 && result[1].is_string()) {
      answer.text = result[1].get<std::string>();
    } else if (!add_point(result, answer.series.emplace_back())) {
      return no_reply("a bad " + type);
    }
    if (type == "string") answer.series.clear();
  } else if (type == "vector" || type == "matrix") {
    answer.type = type == "vector" ? ValueType::vector : ValueType::matrix;
    std::size_t histograms = 0;
    for (const Document& entry : result) {
      auto series = series_of(entry, histograms);
      if (!series) return tl::unexpected<Error>(series.error());
      if (!series->t.empty()) answer.series.push_back(std::move(*series));
    }
    if (histograms > 0) {
      answer.warnings.push_back(
          fmt::format("{} series have native histograms, which are left out", histograms));
    }
  } else {
    return no_reply(fmt::format("result type \"{}\"", type));
  }
  add_texts(reply, "warnings", answer.warnings);
  add_texts(reply, "infos", answer.infos);
  add_texts(reply, "hints", answer.infos);
  return answer;
}

}  // namespace

Result<Answer> read_reply(std::string_view body) {
  const Document reply = Document::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object()) return no_reply("no JSON object");
  try {
    const std::string status = reply.value("status", "");
    if (status == "error") return refused(reply);
    if (status != "success") return no_reply("no status");
    return answer_of(reply);
  } catch (const Document::exception& error) {
    return no_reply(error.what());
  }
}

Result<Answer> ask_remote(const Remote& remote, std::string_view text, const Steps& when,
                          bool exact, std::optional<DurationMs> lookback_ms) {
  const auto address = address_of(remote.url);
  if (!address) return tl::unexpected<Error>(address.error());
  httplib::Client client(address->origin);
  if (!client.is_valid()) {
    return fail(ErrorCode::invalid_argument, fmt::format("--url {} is no URL", remote.url),
                "for example http://127.0.0.1:9090");
  }
  client.set_connection_timeout(10);
  client.set_read_timeout(kTimeoutSeconds);
  if (!remote.token.empty()) client.set_bearer_token_auth(remote.token);
  httplib::Params form{{"query", std::string(text)}};
  if (exact) form.emplace("exact", "true");
  if (lookback_ms) form.emplace("lookback_delta", api_seconds(*lookback_ms));
  const bool ranged = when.step_ms > 0;
  if (ranged) {
    form.emplace("start", api_seconds(when.start_ms));
    form.emplace("end", api_seconds(when.end_ms));
    form.emplace("step", api_seconds(when.step_ms));
  } else {
    form.emplace("time", api_seconds(when.start_ms));
  }
  const auto reply =
      client.Post(address->prefix + (ranged ? "/api/v1/query_range" : "/api/v1/query"), form);
  if (!reply) {
    return fail(ErrorCode::io,
                fmt::format("cannot reach {}: {}", remote.url, httplib::to_string(reply.error())));
  }
  auto answer = read_reply(reply->body);
  if (!answer && answer.error().code == ErrorCode::io && reply->status != 200) {
    return fail(ErrorCode::io, fmt::format("{} answers with status {}", remote.url, reply->status),
                reply->status == 401 || reply->status == 403 ? "it wants --token-file" : "");
  }
  return answer;
}

}  // namespace hygge::command
