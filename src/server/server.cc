// The network: cpp-httplib reads requests and writes replies, the Api answers them.
#include <fmt/format.h>
#include <hygge/server.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "server/connection.h"
#include "server/threads.h"

namespace hygge::server {

namespace {

constexpr int kKeepAliveMs = 120'000;
constexpr std::chrono::milliseconds kWatchEvery{50};

// The socket of the request that this thread reads: the library calls the handler without it.
thread_local int current_socket = -1;

struct Running {
  int socket;
  std::stop_source stop;
};

// Cancels the requests of clients that have hung up, and all of them when the server stops.
class Watcher {
 public:
  Watcher() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}

  [[nodiscard]] std::list<Running>::iterator add(int socket) {
    const std::lock_guard lock(mutex_);
    const auto at = running_.insert(running_.end(), {socket, {}});
    if (stopping_) at->stop.request_stop();
    changed_.notify_one();
    return at;
  }
  void remove(std::list<Running>::iterator at) {
    const std::lock_guard lock(mutex_);
    running_.erase(at);
  }
  void cancel_all() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Running& one : running_) one.stop.request_stop();
  }

 private:
  void watch(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !running_.empty(); })) {
      for (Running& one : running_) {
        if (hung_up(one.socket)) one.stop.request_stop();
      }
      changed_.wait_for(lock, stop, kWatchEvery, [] { return false; });
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Running> running_;  // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
  std::jthread thread_;
};

class Watched {
 public:
  explicit Watched(Watcher& watcher) : watcher_(watcher), at_(watcher.add(current_socket)) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { watcher_.remove(at_); }
  [[nodiscard]] std::stop_token token() const { return at_->stop.get_token(); }

 private:
  Watcher& watcher_;
  std::list<Running>::iterator at_;
};

// The library would decompress requests without a bound, and compress replies its own slow way: it
// does not get to see the headers that make it.
constexpr const char* kHidden = "X-Hygge-";
constexpr const char* kHiddenNames[] = {"Accept-Encoding", "Content-Encoding", "Expect"};

void hide_encodings(httplib::Request& request) {
  for (const char* name : kHiddenNames) {
    const std::string value = request.get_header_value(name);
    if (!request.has_header(name)) continue;
    request.headers.erase(name);
    request.headers.emplace(kHidden + std::string(name), value);
  }
}

Request request_of(const httplib::Request& from) {
  Request request;
  request.method = from.method;
  const std::size_t mark = from.target.find('?');
  request.path = from.path;
  if (mark != std::string::npos) {
    request.query = from.target.substr(mark + 1, from.target.find('#') - mark - 1);
  }
  for (const auto& [name, value] : from.headers) {
    const bool hidden = name.rfind(kHidden, 0) == 0;
    request.headers.emplace_back(
        hidden ? name.substr(std::char_traits<char>::length(kHidden)) : name, value);
  }
  return request;
}

constexpr int kTooLarge = 413;

class Listener : public httplib::Server {
 public:
  Listener(const Api& api, const server::Options& options, int wake)
      : api_(api), body_bytes_(options.limits.body_bytes), wake_(wake) {
    new_task_queue = [most = options.limits.connections] { return new GrowingThreads(most); };
    set_tcp_nodelay(true);
    set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    });
    set_payload_max_length(body_bytes_ == 0 ? SIZE_MAX : body_bytes_);
    const auto bare = [this](const httplib::Request& from, httplib::Response& to) {
      answer(request_of(from), from.version, to);
    };
    Get(".*", bare);
    Options(".*", bare);
    const auto with_body = [this](const httplib::Request& from, httplib::Response& to,
                                  const httplib::ContentReader& read) {
      Request request = request_of(from);
      read_body(read, request);
      // A declared length over the limit: httplib has said so and read nothing.
      request.too_large = request.too_large || to.status == kTooLarge;
      answer(request, from.version, to);
    };
    Post(".*", with_body);
    Put(".*", with_body);
    Delete(".*", with_body);
    Patch(".*", with_body);
  }

  void cancel_all() { watcher_.cancel_all(); }

 private:
  bool process_and_close_socket(socket_t socket) override {
    Connection connection(socket, wake_);
    current_socket = socket;
    while (connection.wait_for_request(kKeepAliveMs)) {
      bool closed = false;
      if (!process_request(connection, false, closed, hide_encodings) || closed) break;
    }
    current_socket = -1;
    return true;
  }

  void read_body(const httplib::ContentReader& read, Request& request) const {
    read([&](const char* data, std::size_t bytes) {
      if (body_bytes_ != 0 && request.body.size() + bytes > body_bytes_) {
        request.too_large = true;
        return false;
      }
      request.body.append(data, bytes);
      return true;
    });
  }

  void answer(const Request& request, const std::string& version, httplib::Response& to) {
    Reply reply;
    {
      const Watched watched(watcher_);
      // HTTP/1.0 knows no chunks.
      reply = version == "HTTP/1.0" ? api_.answer(request, watched.token())
                                    : api_.answer_in_parts(request, watched.token());
    }
    to.status = reply.status;
    for (auto& [name, value] : reply.headers) to.set_header(name, value);
    if (!reply.content_type.empty() && !reply.write_body) {
      to.set_header("Content-Type", reply.content_type);
    }
    to.body = std::move(reply.body);
    if (!reply.write_body) return;
    // All of it in one call: the library would not ask again once the server stops.
    to.set_chunked_content_provider(
        reply.content_type,
        [write = std::move(reply.write_body)](std::size_t /*offset*/, httplib::DataSink& sink) {
          const auto send = [&sink](std::string_view part) {
            return sink.write(part.data(), part.size());
          };
          if (!write(send)) return false;
          sink.done();
          return true;
        });
  }

  const Api& api_;
  const std::size_t body_bytes_;
  const int wake_;
  Watcher watcher_;
};

}  // namespace

class Server::Impl {
 public:
  Impl(Db& db, Options options)
      : options_(std::move(options)),
        api_(db, options_),
        wake_(::eventfd(0, EFD_CLOEXEC)),
        listener_(api_, options_, wake_) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    stop();
    if (wake_ >= 0) ::close(wake_);
  }

  Result<void> start() {
    port_ = options_.port == 0 ? listener_.bind_to_any_port(options_.host)
            : listener_.bind_to_port(options_.host, options_.port) ? options_.port
                                                                   : -1;
    if (wake_ < 0 || port_ <= 0) {
      return fail(ErrorCode::io,
                  fmt::format("cannot listen on {}:{}", options_.host, options_.port),
                  "another program listens there, or the address is none of this host's; name "
                  "another one");
    }
    thread_ = std::thread([this] { listener_.listen_after_bind(); });
    while (!listener_.is_running()) std::this_thread::yield();
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    // Never read again: from now on every connection sees that the server stops.
    [[maybe_unused]] const ssize_t wrote = ::write(wake_, &one, sizeof(one));
    listener_.cancel_all();
    listener_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string url() const {
    const bool v6 = options_.host.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", options_.host, v6 ? "]" : "", port_);
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return static_cast<std::uint16_t>(port_); }

 private:
  const Options options_;
  const Api api_;
  const int wake_;
  Listener listener_;
  int port_ = -1;
  std::thread thread_;
};

Server::Server(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::start(Db& db, Options options) {
  auto impl = std::make_unique<Impl>(db, std::move(options));
  if (auto started = impl->start(); !started) return tl::unexpected<Error>(started.error());
  return Server(std::move(impl));
}

std::string Server::url() const { return impl_->url(); }
std::uint16_t Server::port() const noexcept { return impl_->port(); }
void Server::stop() { impl_->stop(); }

}  // namespace hygge::server
