#include "server/write_endpoint.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "server/remote_write.h"
#include "server/reply.h"

namespace hygge::server {

namespace {

constexpr std::size_t kBatchSamples = 50'000;

bool is_error_of_series(ErrorCode code) {
  return code == ErrorCode::invalid_argument || code == ErrorCode::limit;
}

// Takes a checked message into the database, in batches. A series that is none is left out; what
// the database cannot do ends it.
class Storing {
 public:
  explicit Storing(Db& db) : db_(db) {}

  [[nodiscard]] WriteVisitor visitor() {
    WriteVisitor result;
    result.series = [this](auto labels, std::size_t count) { return begin(labels, count); };
    result.sample = [this](TimeMs t_ms, double v) { add(t_ms, v); };
    result.histograms = [this](std::size_t count) { histograms_ += count; };
    result.metadata = [this](std::string_view family, const Metadata& metadata) {
      if (!family.empty()) batch_.describe(std::string(family), metadata);
    };
    return result;
  }

  void commit() {
    if (batch_.empty() || error_) return;
    const auto written = db_.write(batch_);
    if (written) {
      stored_ += batch_.size();
    } else {
      error_ = written.error();
    }
    batch_.clear();
  }

  [[nodiscard]] Reply reply() const {
    if (error_) {
      return text_reply(error_->code == ErrorCode::read_only ? 503 : 500, error_->message + "\n");
    }
    Reply reply{204, "", {}, ""};
    if (refused_series_ > 0 || refused_samples_ > 0 || histograms_ > 0) reply = partial();
    const auto count = [](std::uint64_t n) { return std::to_string(n); };
    reply.headers.emplace_back("X-Prometheus-Remote-Write-Samples-Written", count(stored_));
    reply.headers.emplace_back("X-Prometheus-Remote-Write-Histograms-Written", "0");
    reply.headers.emplace_back("X-Prometheus-Remote-Write-Exemplars-Written", "0");
    return reply;
  }

 private:
  bool begin(std::span<const LabelPair> pairs, std::size_t count) {
    pending_.reset();
    id_.reset();
    if (error_) return false;
    if (count > pairs.size()) {
      return refuse(fmt::format("a series with {} labels", count));
    }
    std::vector<Label> list;
    list.reserve(pairs.size());
    for (const auto& [name, value] : pairs) list.push_back({std::string(name), std::string(value)});
    auto labels = Labels::from(std::move(list));
    if (!labels) return refuse(labels.error().message);
    pending_ = std::move(*labels);
    return true;
  }

  bool refuse(std::string reason) {
    ++refused_series_;
    if (first_reason_.empty()) first_reason_ = std::move(reason);
    return false;
  }

  // The series is made with its first sample: one of histograms only would stay empty.
  void add(TimeMs t_ms, double v) {
    if (error_) return;
    if (pending_) {
      const Labels labels = *std::exchange(pending_, std::nullopt);
      const auto id = db_.series(labels);
      if (id) {
        id_ = *id;
      } else if (is_error_of_series(id.error().code)) {
        refuse(id.error().message);
      } else {
        error_ = id.error();
      }
    }
    if (!id_) return;
    if (t_ms < kMinTimeMs || t_ms > kMaxTimeMs) {
      ++refused_samples_;
      if (first_reason_.empty())
        first_reason_ = fmt::format("the time {} ms cannot be stored", t_ms);
      return;
    }
    batch_.add(*id_, t_ms, v);
    if (batch_.size() >= kBatchSamples) commit();
  }

  [[nodiscard]] Reply partial() const {
    std::string text = "partial write:";
    if (refused_series_ > 0) text += fmt::format(" {} series refused;", refused_series_);
    if (refused_samples_ > 0) text += fmt::format(" {} samples refused;", refused_samples_);
    if (!first_reason_.empty()) text += fmt::format(" first: {};", first_reason_);
    if (histograms_ > 0) {
      text += fmt::format(" {} histogram samples refused, native histograms are not supported yet;",
                          histograms_);
    }
    return text_reply(400, fmt::format("{} {} samples stored\n", text, stored_));
  }

  Db& db_;
  Batch batch_;
  std::optional<Labels> pending_;  // of a series that has no id yet
  std::optional<SeriesId> id_;
  std::optional<Error> error_;
  std::string first_reason_;
  std::uint64_t stored_ = 0;
  std::uint64_t refused_series_ = 0;
  std::uint64_t refused_samples_ = 0;
  std::uint64_t histograms_ = 0;
};

// Null if the body can be read as remote write 1.0.
std::optional<Reply> refuse_form(const Request& request) {
  const std::string_view encoding = request.header("Content-Encoding");
  if (!encoding.empty() && encoding != "snappy") {
    return text_reply(415, fmt::format("content encoding {} is not snappy\n", encoding));
  }
  const std::string_view type = request.header("Content-Type");
  const std::string_view media = type.substr(0, type.find(';'));
  if (!type.empty() && media != "application/x-protobuf") {
    return text_reply(415, fmt::format("content type {} is not application/x-protobuf\n", type));
  }
  const std::size_t proto = type.find("proto=");
  if (proto != std::string_view::npos && type.substr(proto + 6) != "prometheus.WriteRequest") {
    return text_reply(415, "only remote write 1.0 (prometheus.WriteRequest) is supported\n");
  }
  return std::nullopt;
}

}  // namespace

Reply write_samples(Db& db, const Request& request, const Limits& limits) {
  if (auto refused = refuse_form(request)) return std::move(*refused);
  const auto message = unsnappy(request.body, limits.write_bytes);
  if (!message) {
    const int status = message.error().code == ErrorCode::limit ? 413 : 400;
    return text_reply(status, message.error().message + "\n");
  }
  // A first walk finds what is damaged before anything is stored.
  if (const auto good = walk_write_request(*message, {}); !good) {
    return text_reply(400, good.error().message + "\n");
  }
  Storing storing(db);
  const auto walked = walk_write_request(*message, storing.visitor());
  if (!walked) return text_reply(500, walked.error().message + "\n");
  storing.commit();
  return storing.reply();
}

}  // namespace hygge::server
