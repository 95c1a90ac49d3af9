// A small HTTP service that measures itself: it counts its requests, keeps the counts in a database
// of its own, and shows how well it keeps its promises, with no other program about.
//
//   sli_in_a_service DIRECTORY [PORT]     PORT 0: any; the first line of output says which
//
//   GET /price/ITEM   the service: 200, or 404 for an item nobody sells, or 500 for a broken one
//   GET /slo          its service levels as a page
//   GET /slo.json     the same for programs
//
// SIGTERM ends it; a later run goes on with the counts that are there.
#include <httplib.h>
#include <hygge/hygge.h>
#include <hygge/slo_file.h>
#include <hygge/slo_page.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace hygge;
using namespace std::chrono_literals;

namespace {

// The promises. Counts are written every half a second; a slice of two seconds has some for sure.
constexpr std::string_view kPromises = R"(
slo: price-availability
description: Prices are answered without a server error
target: 99
window: 1h
step: 2s
bad: 'http_requests_total{code=~"5.."}'
total: 'http_requests_total'
alerts: [{spend: 10%, long: 5m, short: 30s, as: page, min_bad: 10}]
---
slo: price-latency
description: Prices are answered within 50 ms
target: 95
window: 1h
step: 2s
good: 'http_request_duration_seconds_bucket{le="0.05"}'
total: 'http_request_duration_seconds_count'
alerts: none
)";

int complain(const Error& error) {
  std::fprintf(stderr, "sli_in_a_service: %s\n", error.message.c_str());
  return 1;
}

TimeMs now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Counts since the start, as counters of a process are. Written by the threads that answer
// requests.
class Requests {
 public:
  static constexpr std::array kCodes{"200", "404", "500"};

  void count(int status, std::chrono::nanoseconds took) {
    const std::size_t code = status >= 500 ? 2 : status >= 400 ? 1 : 0;
    by_code_[code].fetch_add(1, std::memory_order_relaxed);
    if (took <= 50ms) fast_.fetch_add(1, std::memory_order_relaxed);
  }

  void add_to(Batch& batch, TimeMs t_ms) const {
    double all = 0;
    // The part before the whole: what comes between is of the whole only, and never too much.
    const auto fast = static_cast<double>(fast_.load());
    for (std::size_t i = 0; i < kCodes.size(); ++i) {
      const auto requests = static_cast<double>(by_code_[i].load());
      all += requests;
      batch.add({{"__name__", "http_requests_total"}, {"code", kCodes[i]}}, t_ms, requests);
    }
    batch.add({{"__name__", "http_request_duration_seconds_bucket"}, {"le", "0.05"}}, t_ms, fast);
    batch.add({{"__name__", "http_request_duration_seconds_count"}}, t_ms, all);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kCodes.size()> by_code_{};
  std::atomic<std::uint64_t> fast_{0};
};

// Writes the counts every half a second, and a last time when it ends.
class Recorder {
 public:
  Recorder(Db& db, const Requests& requests)
      : db_(db), requests_(requests), thread_([this] { run(); }) {}
  ~Recorder() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
      last = wake_.wait_for(lock, 500ms, [this] { return ended_; });
      Batch batch;
      requests_.add_to(batch, now_ms());
      if (auto wrote = db_.write(batch); !wrote) complain(wrote.error());
    }
  }

  Db& db_;
  const Requests& requests_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::thread thread_;
};

void answer_error(httplib::Response& response, const Error& error) {
  response.status = 503;
  response.set_content(error.message + "\n", "text/plain");
}

void serve_page(const Db& db, const std::vector<slo::Definition>& promises,
                httplib::Response& response) {
  const TimeMs at_ms = now_ms();
  std::vector<formats::PageSlo> slos;
  for (const slo::Definition& promise : promises) {
    std::vector<std::string> notes;
    const auto track = slo::load(db, promise, formats::page_range(promise, at_ms), notes);
    if (!track) return answer_error(response, track.error());
    slos.push_back(formats::page_slo(*track, promise, at_ms));
  }
  response.set_content(formats::slo_page(at_ms, slos), "text/html; charset=utf-8");
}

void serve_json(const Db& db, const std::vector<slo::Definition>& promises,
                httplib::Response& response) {
  const TimeMs at_ms = now_ms();
  std::vector<formats::ReportedSlo> slos;
  for (const slo::Definition& promise : promises) {
    auto report = slo::report(db, promise, at_ms);
    if (!report) return answer_error(response, report.error());
    slos.push_back({promise, std::move(*report)});
  }
  response.set_content(formats::report_json(at_ms, slos), "application/json");
}

void serve_price(const httplib::Request& request, httplib::Response& response) {
  const std::string item = request.matches[1];
  if (item == "broken") {
    response.status = 500;
    response.set_content("out of order\n", "text/plain");
  } else if (item.empty() || item == "unicorn") {
    response.status = 404;
    response.set_content("nobody sells that\n", "text/plain");
  } else {
    response.set_content(std::to_string(100 + item.size()) + "\n", "text/plain");
  }
}

}  // namespace

int main(int argc, char** argv) {
  int port = 0;
  const std::string_view asked = argc > 2 ? argv[2] : "0";
  const auto read = std::from_chars(asked.data(), asked.data() + asked.size(), port);
  if (argc < 2 || argc > 3 || read.ec != std::errc() || read.ptr != asked.data() + asked.size()) {
    std::fprintf(stderr, "usage: sli_in_a_service DIRECTORY [PORT]\n");
    return 2;
  }
  formats::SloFile file = formats::parse_slos(kPromises, "promises");
  for (const formats::SloFileError& error : file.errors) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    return 1;
  }

  Options options;
  options.create_if_missing = true;
  auto opened = Db::open(argv[1], options);
  if (!opened) return complain(opened.error());
  Db db = std::move(*opened);
  // Counters that begin at nothing, so that the first request counts; and promises are judged from
  // the slice on in which the first run began.
  Requests requests;
  const auto bounds = db.time_bounds();
  const TimeMs start_ms = bounds ? bounds->first_ms : now_ms();
  for (slo::Definition& promise : file.definitions) {
    promise.since_ms = start_ms - start_ms % promise.step_ms;
  }
  Batch begin;
  requests.add_to(begin, now_ms());
  if (auto wrote = db.write(begin); !wrote) return complain(wrote.error());

  // Signals come to the main thread only, which waits for them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  httplib::Server server;
  thread_local std::chrono::steady_clock::time_point began;
  server.set_pre_routing_handler([](const httplib::Request&, httplib::Response&) {
    began = std::chrono::steady_clock::now();
    return httplib::Server::HandlerResponse::Unhandled;
  });
  server.set_logger([&](const httplib::Request& request, const httplib::Response& response) {
    if (!request.path.starts_with("/price/")) return;
    requests.count(response.status, std::chrono::steady_clock::now() - began);
  });
  server.Get("/price/(.*)", serve_price);
  server.Get("/slo", [&](const httplib::Request&, httplib::Response& response) {
    serve_page(db, file.definitions, response);
  });
  server.Get("/slo.json", [&](const httplib::Request&, httplib::Response& response) {
    serve_json(db, file.definitions, response);
  });
  if (port == 0) {
    port = server.bind_to_any_port("127.0.0.1");
  } else if (!server.bind_to_port("127.0.0.1", port)) {
    port = -1;
  }
  if (port < 0) {
    std::fprintf(stderr, "sli_in_a_service: the port is taken\n");
    return 1;
  }
  std::printf("http://127.0.0.1:%d\n", port);
  std::fflush(stdout);

  const Recorder recorder(db, requests);
  std::thread listener([&] { server.listen_after_bind(); });
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
  listener.join();
  return 0;
}
