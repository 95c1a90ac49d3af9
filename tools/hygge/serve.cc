// serve: the Prometheus HTTP API over a database.
#include <fmt/format.h>
#include <hygge/server.h>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>

#include "context.h"
#include "interrupt.h"
#include "threads.h"

namespace hygge::command {

namespace {

// HOST:PORT, :PORT, or HOST; an IPv6 address stands in brackets.
Result<server::Options> listen_options(const std::string& text) {
  server::Options options;
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  std::string host = text.substr(0, has_port ? colon : text.size());
  bool good = true;
  if (has_port) {
    const std::string port = text.substr(colon + 1);
    const auto read = std::from_chars(port.data(), port.data() + port.size(), options.port);
    good = read.ec == std::errc() && read.ptr == port.data() + port.size();
  }
  if (!host.empty() && host.front() == '[') {
    good = good && host.back() == ']';
    host = host.substr(1, host.size() - 2);
  } else {
    good = good && host.find(':') == std::string::npos;
  }
  if (!good) {
    return fail(
        ErrorCode::invalid_argument, fmt::format("--listen {} is no HOST:PORT", text),
        "for example 127.0.0.1:4944, 0.0.0.0:4944, [::1]:4944; port 0 takes any that is free");
  }
  if (!host.empty()) options.host = host;
  return options;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

// ^C or SIGTERM, from the moment this exists on.
class Interrupt {
 public:
  Interrupt() {
    on_interrupt([this] {
      const std::lock_guard lock(mutex_);
      came_ = true;
      changed_.notify_one();
    });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return came_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool came_ = false;  // guarded by mutex_
};

}  // namespace

Result<int> run_serve(Context& context) {
  auto options = listen_options(context.arguments().get("listen").value_or(""));
  if (!options) return tl::unexpected<Error>(options.error());
  const auto threads = threads_of(context.arguments().get("threads"));
  if (!threads) return tl::unexpected<Error>(threads.error());
  options->query.threads = *threads;
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  hygge::Options opening;
  opening.create_if_missing = true;
  auto db = Db::open(*dir, opening);
  if (!db) return tl::unexpected<Error>(db.error());
  for (const std::string& line : db->open_report().notes) context.note(line);
  auto server = server::Server::start(*db, *options);
  if (!server) return tl::unexpected<Error>(server.error());
  // Before anybody is told: whoever reads that may stop us at once.
  Interrupt interrupt;
  context.note(fmt::format("serving {} at {}", *dir, server->url()));
  if (!is_loopback(options->host)) {
    context.note("whoever reaches this address may read and write everything");
  }
  interrupt.wait();
  server->stop();
  if (auto closed = db->close(); !closed) return tl::unexpected<Error>(closed.error());
  context.detail("stopped");
  return 0;
}

}  // namespace hygge::command
