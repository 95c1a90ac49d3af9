// The Prometheus HTTP API over a database: to be served here, or mounted in a server of your own.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/promql.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::server {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One HTTP request, as it came.
struct Request {
  std::string method;      ///< "GET"
  std::string path;        ///< "/api/v1/query"
  std::string query;       ///< what follows the `?`, still encoded
  Headers headers;         ///< names in any case
  std::string body;        ///< not decompressed
  bool too_large = false;  ///< the body was larger than Limits::body_bytes and is not here

  /// The value of the first header of that name, in any case; or "".
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// Takes the next part of a body, which is valid during the call. False: nobody wants the rest.
using BodySink = std::function<bool(std::string_view part)>;
/// Hands a body to `sink` part by part, some 64 KiB each. To be called once; false if the sink
/// was. What it holds goes with it, so call it or drop it soon; the Api may have ended by then.
using BodyWriter = std::function<bool(const BodySink& sink)>;

struct Reply {
  int status = 200;
  std::string content_type;
  Headers headers;
  std::string body;
  /// Of Api::answer_in_parts: writes the body, and `body` is empty. Else there is none.
  BodyWriter write_body = {};
};

/// What one request may ask of the host. 0: no limit.
struct Limits {
  std::size_t body_bytes = std::size_t{32} << 20U;   ///< of a request, as sent
  std::size_t write_bytes = std::size_t{64} << 20U;  ///< of a remote write, decompressed
  std::size_t queries = 20;                          ///< at a time; more wait for their turn
  std::size_t connections = 512;                     ///< at a time; more wait for their turn
  DurationMs query_timeout_ms = 2 * kMinuteMs;       ///< also the most that `timeout=` may ask
};

struct Options {
  /// The interface to listen on. Whoever reaches it may read and write everything.
  std::string host = "127.0.0.1";
  std::uint16_t port = 4944;  ///< 0: any that is free
  Limits limits;
  /// Where a request says nothing else. Its `threads` are shared: a query that begins beside n
  /// others gets an (n + 1)th of them, one at least.
  promql::QueryOptions query;
  Clock clock = system_clock();
};

/// The handlers without a network: hand them what your own server has received.
///
///     /api/v1/query, /api/v1/query_range   GET, and POST of a form
///     /api/v1/write                        POST: remote write 1.0
///     /metrics                             GET: the engine's figures and its own, OpenMetrics
///     /-/ready, /-/healthy                 GET
///
/// Thread-safe: any number of requests at once. Replies are gzip-compressed where the request
/// accepts it and that is worth it.
class Api {
 public:
  /// `db` must outlive it.
  explicit Api(Db& db, Options options = {});
  Api(Api&&) noexcept;
  Api& operator=(Api&&) noexcept;
  ~Api();

  /// The reply, whatever was asked: errors are replies too, with Prometheus' status codes and error
  /// types. Once `cancel` is requested a query ends with status 499.
  [[nodiscard]] Reply answer(const Request& request, std::stop_token cancel = {}) const;
  /// The same, but the body of a long answer is left to Reply::write_body: its text is never whole
  /// in memory, and its samples leave memory as they are written. Send such a body as chunks.
  [[nodiscard]] Reply answer_in_parts(const Request& request, std::stop_token cancel = {}) const;

 private:
  class Impl;  // src/server/api.cc
  std::unique_ptr<const Impl> impl_;
};

/// Serves an Api over HTTP/1.1, on threads of its own, until it is stopped or destroyed.
class Server {
 public:
  /// Listens and answers from now on. `db` must outlive it. Errors: io (the address cannot be
  /// listened on: it is in use, or none of this host).
  [[nodiscard]] static Result<Server> start(Db& db, Options options = {});
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();  ///< stops

  /// "http://127.0.0.1:4944"
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Takes no more requests, cancels running queries, lets writes finish, and returns when all
  /// threads have ended. May be called again.
  void stop();

 private:
  class Impl;  // src/server/server.cc
  explicit Server(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hygge::server
