#include "server/reply.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "server/json.h"

namespace hygge::server {

namespace {

constexpr std::size_t kWorthCompressing = 1'400;  // about one packet

Reply json_reply(int status, std::string body) {
  return {status, "application/json", {}, std::move(body)};
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

// Compresses what it is given part by part.
class Gzip {
 public:
  Gzip() {
    constexpr int kGzipWindow = 15 + 16;
    constexpr int kMemory = 8;
    ok_ = deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory,
                       Z_DEFAULT_STRATEGY) == Z_OK;
  }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip() {
    if (ok_) deflateEnd(&stream_);
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }

  // Appends what is ready of `text` and of what came before; all of it if it is the last.
  [[nodiscard]] bool add(std::string_view text, bool last, std::string& out) {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max() / 2;
    do {
      const std::string_view part = text.substr(0, kMost);
      text.remove_prefix(part.size());
      if (!add_part(part, last && text.empty(), out)) return false;
    } while (!text.empty());
    return true;
  }

 private:
  [[nodiscard]] bool add_part(std::string_view text, bool last, std::string& out) {
    // zlib does not write to its input.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    int status = Z_OK;
    do {
      constexpr std::size_t kRoom = 16 << 10U;
      const std::size_t before = out.size();
      out.resize(before + kRoom);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = kRoom;
      status = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      out.resize(out.size() - stream_.avail_out);
      if (status == Z_STREAM_ERROR) return false;
    } while (stream_.avail_out == 0);
    return !last || status == Z_STREAM_END;
  }

  z_stream stream_{};
  bool ok_ = false;
};

// Hands on what is worth a packet or two.
BodyWriter gzipped(BodyWriter inner, std::shared_ptr<Gzip> gzip) {
  return [inner = std::move(inner), gzip = std::move(gzip)](const BodySink& sink) {
    std::string small;
    const auto hand_on = [&] {
      const bool taken = small.empty() || sink(small);
      small.clear();
      return taken;
    };
    const bool whole = inner([&](std::string_view part) {
      return gzip->add(part, false, small) &&
             (small.size() < AnswerBody::kPartBytes / 4 || hand_on());
    });
    return whole && gzip->add({}, true, small) && hand_on();
  };
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

Reply answer_reply(promql::Answer answer, const AnswerExtras& extras) {
  auto body = std::make_shared<AnswerBody>(std::move(answer), extras);
  std::string first;
  if (!body->append_part(first)) return json_reply(200, std::move(first));
  Reply reply = json_reply(200, {});
  reply.write_body = [body, first = std::move(first)](const BodySink& sink) {
    if (!sink(first)) return false;
    std::string part;
    for (bool more = true; more;) {
      part.clear();
      more = body->append_part(part);
      if (!sink(part)) return false;
    }
    return true;
  };
  return reply;
}

void compress_for(const Request& request, Reply& reply) {
  if (!reply.write_body && reply.body.size() < kWorthCompressing) return;
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  if (!accepts_gzip(request.header("Accept-Encoding"))) return;
  auto gzip = std::make_shared<Gzip>();
  if (!gzip->ok()) return;
  if (reply.write_body) {
    reply.write_body = gzipped(std::move(reply.write_body), std::move(gzip));
  } else {
    std::string small;
    if (!gzip->add(reply.body, true, small) || small.size() >= reply.body.size()) return;
    reply.body = std::move(small);
  }
  reply.headers.emplace_back("Content-Encoding", "gzip");
}

Reply whole(Reply reply) {
  if (!reply.write_body) return reply;
  // What collects never refuses.
  static_cast<void>(reply.write_body([&](std::string_view part) {
    reply.body += part;
    return true;
  }));
  reply.write_body = nullptr;
  return reply;
}

}  // namespace hygge::server
