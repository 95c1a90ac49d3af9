// The routes, and the two that ask.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "model/lexer.h"
#include "server/counters.h"
#include "server/form.h"
#include "server/reply.h"
#include "server/turnstile.h"
#include "server/write_endpoint.h"

namespace hygge::server {

namespace {

using Clock = std::chrono::steady_clock;

template <typename T>
using Parsed = tl::expected<T, ApiError>;
using Refused = tl::unexpected<ApiError>;

struct Question {
  promql::Expression expression;
  Steps when;
  promql::QueryOptions options;
  DurationMs timeout_ms = 0;
  std::size_t limit = 0;
  bool stats = false;
};

constexpr std::string_view kOpenMetrics =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view kEndOfMetrics = "# EOF\n";

Parsed<Form> read_form(const Request& request) {
  Form form;
  const std::string_view type = request.header("Content-Type");
  const std::string_view media = type.substr(0, type.find(';'));
  if (request.method == "POST" && media == "application/x-www-form-urlencoded") {
    if (auto added = form.add(request.body); !added)
      return Refused(bad_data(added.error().message));
  }
  if (auto added = form.add(request.query); !added) return Refused(bad_data(added.error().message));
  return form;
}

Parsed<std::size_t> read_limit(const Form& form) {
  const std::string_view text = form.get("limit");
  std::int64_t limit = 0;
  if (text.empty()) return std::size_t{0};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (status != std::errc() || end != text.data() + text.size()) {
    return Refused(bad_data(fmt::format("invalid parameter \"limit\": {} is no number", text)));
  }
  if (limit < 0) {
    return Refused(bad_data("invalid parameter \"limit\": limit must be non-negative"));
  }
  return static_cast<std::size_t>(limit);
}

Parsed<TimeMs> read_time(const Form& form, std::string_view name, TimeMs otherwise) {
  const std::string_view text = form.get(name);
  if (text.empty()) return otherwise;
  const auto time = parse_api_time(text);
  if (!time) return Refused(bad_parameter(name, time.error()));
  return *time;
}

}  // namespace

std::string_view Request::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    const bool same = key.size() == name.size() &&
                      std::equal(key.begin(), key.end(), name.begin(), [](char a, char b) {
                        const auto lower = [](char c) {
                          return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
                        };
                        return lower(a) == lower(b);
                      });
    if (same) return value;
  }
  return {};
}

class Api::Impl {
 public:
  Impl(Db& db, Options options)
      : db_(db), options_(std::move(options)), turnstile_(options_.limits.queries) {}

  Reply answer(const Request& request, const std::stop_token& cancel) const {
    if (request.too_large ||
        (options_.limits.body_bytes != 0 && request.body.size() > options_.limits.body_bytes)) {
      return text_reply(
          413, fmt::format("the body is larger than {} bytes\n", options_.limits.body_bytes));
    }
    for (const Route& route : kRoutes) {
      if (request.path != route.path) continue;
      if (route.methods.find(request.method) == std::string_view::npos || request.method.empty()) {
        Reply reply = text_reply(405, "Method Not Allowed\n");
        reply.headers.emplace_back("Allow", route.methods);
        return reply;
      }
      Reply reply = (this->*route.handler)(request, cancel);
      counters_.count_reply(route.path, reply.status);
      compress_for(request, reply);
      return reply;
    }
    return text_reply(404, "404 page not found\n");
  }

 private:
  using Handler = Reply (Impl::*)(const Request&, const std::stop_token&) const;
  struct Route {
    std::string_view path;
    std::string_view methods;
    Handler handler;
  };
  static const std::array<Route, 6> kRoutes;

  Reply ready(const Request& /*request*/, const std::stop_token& /*cancel*/) const {
    return text_reply(200, "hygge is ready.\n");
  }
  Reply healthy(const Request& /*request*/, const std::stop_token& /*cancel*/) const {
    return text_reply(200, "hygge is healthy.\n");
  }
  Reply metrics(const Request& /*request*/, const std::stop_token& /*cancel*/) const {
    auto text = db_.metrics();
    if (!text) return error_reply(failed(text.error()));
    text->resize(text->size() - kEndOfMetrics.size());
    counters_.append_to(*text);
    *text += kEndOfMetrics;
    return {200, std::string(kOpenMetrics), {}, std::move(*text)};
  }
  Reply write(const Request& request, const std::stop_token& /*cancel*/) const {
    return write_samples(db_, request, options_.limits);
  }
  Reply query(const Request& request, const std::stop_token& cancel) const {
    return ask(instant_question(request), cancel);
  }
  Reply query_range(const Request& request, const std::stop_token& cancel) const {
    return ask(range_question(request), cancel);
  }

  Parsed<Question> instant_question(const Request& request) const {
    const auto form = read_form(request);
    if (!form) return Refused(form.error());
    const auto at = read_time(*form, "time", options_.clock());
    if (!at) return Refused(at.error());
    return question(*form, instant(*at));
  }

  Parsed<Question> range_question(const Request& request) const {
    const auto form = read_form(request);
    if (!form) return Refused(form.error());
    Steps when;
    for (const auto& [name, into] :
         {std::pair("start", &when.start_ms), std::pair("end", &when.end_ms)}) {
      const auto time = parse_api_time(form->get(name));
      if (!time) return Refused(bad_parameter(name, time.error()));
      *into = *time;
    }
    if (when.end_ms < when.start_ms) {
      return Refused(
          bad_data("invalid parameter \"end\": end timestamp must not be before start time"));
    }
    const auto step = parse_api_duration(form->get("step"));
    if (!step) return Refused(bad_parameter("step", step.error()));
    if (*step <= 0) {
      return Refused(
          bad_data("invalid parameter \"step\": zero or negative query resolution step "
                   "widths are not accepted. Try a positive integer"));
    }
    when.step_ms = *step;
    const std::size_t most = options_.query.max_steps;
    if (most != 0 && when.count() > most) {
      return Refused(
          bad_data("exceeded maximum resolution of 11,000 points per timeseries. Try "
                   "decreasing the query resolution (?step=XX)"));
    }
    auto asked = question(*form, when);
    if (asked && asked->expression.type() != promql::ValueType::scalar &&
        asked->expression.type() != promql::ValueType::vector) {
      return Refused(bad_data(fmt::format(
          "invalid parameter \"query\": invalid expression type \"{}\" for range query, must be "
          "Scalar or instant Vector",
          asked->expression.type() == promql::ValueType::matrix ? "range vector" : "string")));
    }
    return asked;
  }

  Parsed<Question> question(const Form& form, const Steps& when) const {
    promql::QueryOptions options = options_.query;
    DurationMs timeout_ms = options_.limits.query_timeout_ms;
    if (const std::string_view text = form.get("timeout"); !text.empty()) {
      const auto timeout = parse_api_duration(text);
      if (!timeout) return Refused(bad_parameter("timeout", timeout.error()));
      timeout_ms = timeout_ms == 0 ? *timeout : std::min(timeout_ms, *timeout);
      timeout_ms = std::max<DurationMs>(timeout_ms, 1);
    }
    if (const std::string_view text = form.get("lookback_delta"); !text.empty()) {
      const auto lookback = parse_api_duration(text);
      if (!lookback) {
        return Refused(
            bad_data("error parsing lookback delta duration: " + lookback.error().message));
      }
      if (*lookback > 0) options.lookback_ms = *lookback;
    }
    const auto limit = read_limit(form);
    if (!limit) return Refused(limit.error());
    auto expression = promql::parse(form.get("query"));
    if (!expression) return Refused(bad_parameter("query", expression.error()));
    const std::string_view exact = form.get("exact");
    if (!exact.empty() && exact != "true" && exact != "false" && exact != "1" && exact != "0") {
      return Refused(bad_data("invalid parameter \"exact\": true or false"));
    }
    if (!exact.empty()) options.exact = exact == "true" || exact == "1";
    const std::string_view stats = form.get("stats");
    options.explain = stats == "all";
    return Question{std::move(*expression), when, std::move(options), timeout_ms, *limit,
                    !stats.empty()};
  }

  Reply ask(Parsed<Question> asked, const std::stop_token& cancel) const {
    if (!asked) return error_reply(asked.error());
    const auto begun = Clock::now();
    const auto deadline =
        asked->timeout_ms == 0
            ? begun + std::chrono::hours(24 * 365)
            : begun + std::chrono::milliseconds(std::min(asked->timeout_ms, 365 * kDayMs));
    const std::size_t running = turnstile_.enter(deadline, cancel);
    if (running == 0) {
      return error_reply(cancel.stop_requested()
                             ? ApiError{499, "canceled", "query was canceled in query queue", {}}
                             : ApiError{503, "timeout", "query timed out in query queue", {}});
    }
    const Place place(turnstile_);
    const auto entered = Clock::now();
    asked->options.cancel = cancel;
    asked->options.deadline = deadline;
    asked->options.threads = threads_beside(running, asked->options.threads);
    auto answer = promql::query(db_, asked->expression, asked->when, asked->options);
    const double seconds = std::chrono::duration<double>(Clock::now() - entered).count();
    counters_.count_query(seconds);
    if (!answer) return error_reply(failed(answer.error()));
    if (asked->limit != 0 && answer->series.size() > asked->limit) {
      answer->series.resize(asked->limit);
      answer->warnings.emplace_back("results truncated due to limit");
    }
    AnswerExtras extras;
    extras.at_ms = asked->when.start_ms;
    extras.stats = asked->stats;
    extras.queue_seconds = std::chrono::duration<double>(entered - begun).count();
    extras.seconds = seconds;
    return answer_reply(std::move(*answer), extras);
  }

  Db& db_;
  const Options options_;
  mutable Turnstile turnstile_;
  mutable Counters counters_;
};

const std::array<Api::Impl::Route, 6> Api::Impl::kRoutes{{
    {"/api/v1/query", "GET, POST", &Impl::query},
    {"/api/v1/query_range", "GET, POST", &Impl::query_range},
    {"/api/v1/write", "POST", &Impl::write},
    {"/metrics", "GET, HEAD", &Impl::metrics},
    {"/-/ready", "GET, HEAD", &Impl::ready},
    {"/-/healthy", "GET, HEAD", &Impl::healthy},
}};

Api::Api(Db& db, Options options) : impl_(std::make_unique<const Impl>(db, std::move(options))) {}
Api::Api(Api&&) noexcept = default;
Api& Api::operator=(Api&&) noexcept = default;
Api::~Api() = default;

Reply Api::answer(const Request& request, std::stop_token cancel) const {
  return whole(impl_->answer(request, cancel));
}

Reply Api::answer_in_parts(const Request& request, std::stop_token cancel) const {
  return impl_->answer(request, cancel);
}

}  // namespace hygge::server
