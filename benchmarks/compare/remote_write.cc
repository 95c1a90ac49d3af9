// remote_write --url http://HOST:PORT/PATH [--load NAME] [--hosts N] [--seconds S]: sends a load by
// Prometheus' remote write 1.0, one request after the other, and prints what it sent as JSON.
//
//   services   benchmarks/support/load.h: --hosts hosts of 100 series each, every 10 s
//   page       400 counters and 100 gauges, a day, every 15 s
//   month      10 counters, the thirty days before, every 15 s; two of them are of errors
//
// No sample lies on a multiple of its interval, where peers differ about the ends of windows.
#include <fmt/format.h>
#include <httplib.h>
#include <snappy.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <vector>

#include "benchmarks/support/load.h"

namespace {

using hygge::bench::LabelPairs;

std::string encoded_labels(const LabelPairs& labels) {
  std::string out;
  protozero::pbf_writer series(out);
  for (const auto& [name, value] : labels) {
    protozero::pbf_writer label(series, 1);
    label.add_string(1, name);
    label.add_string(2, value);
  }
  return out;
}

// Gathers samples and posts them, some thousands a request.
class Sender {
 public:
  Sender(const std::string& address, std::string path) : client_(address), path_(std::move(path)) {
    client_.set_keep_alive(true);
    client_.set_read_timeout(120);
    client_.set_tcp_nodelay(true);
  }

  void add(const std::string& labels, std::int64_t t_ms, double value) {
    std::string series = labels;
    protozero::pbf_writer writer(series);
    {
      protozero::pbf_writer sample(writer, 2);
      sample.add_double(1, value);
      sample.add_int64(2, t_ms);
    }
    protozero::pbf_writer(request_).add_message(1, series);
    ++samples_;
    if (++in_request_ == kSamplesPerRequest) send();
  }
  void send() {
    if (in_request_ == 0) return;
    std::string packed;
    snappy::Compress(request_.data(), request_.size(), &packed);
    const httplib::Headers headers{{"Content-Encoding", "snappy"},
                                   {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
    const auto reply = client_.Post(path_, headers, packed, "application/x-protobuf");
    if (!reply || reply->status / 100 != 2) {
      fmt::print(stderr, "remote_write: {}\n",
                 reply ? fmt::format("status {}: {}", reply->status, reply->body)
                       : httplib::to_string(reply.error()));
      std::exit(1);
    }
    request_.clear();
    in_request_ = 0;
  }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }

 private:
  static constexpr int kSamplesPerRequest = 5'000;
  httplib::Client client_;
  std::string path_;
  std::string request_;
  int in_request_ = 0;
  std::uint64_t samples_ = 0;
};

void send_services(Sender& sender, const hygge::bench::LoadSettings& load) {
  auto hosts = hygge::bench::make_hosts(load);
  std::vector<std::vector<std::string>> labels(hosts.size());
  for (std::int64_t k = 0; k < load.scrapes(); ++k) {
    for (std::size_t h = 0; h < hosts.size(); ++h) {
      const auto scrape = hosts[h].scrape(k);
      if (scrape.new_series) {
        labels[h].clear();
        for (std::size_t i = 0; i < hygge::bench::kSeriesPerHost; ++i) {
          labels[h].push_back(encoded_labels(hosts[h].labels(i)));
        }
      }
      for (std::size_t i = 0; i < hygge::bench::kSeriesPerHost; ++i) {
        sender.add(labels[h][i], scrape.t_ms, scrape.values[i]);
      }
    }
  }
}

struct Plain {
  std::string labels;
  std::int64_t phase_ms;
  std::function<double(hygge::bench::Random&, double)> next;
  double value;
};

void send_plain(Sender& sender, std::vector<Plain> series, std::int64_t start_s,
                std::int64_t seconds) {
  hygge::bench::Random random(7);
  for (std::int64_t t_s = start_s; t_s < start_s + seconds; t_s += 15) {
    for (Plain& one : series) {
      one.value = one.next(random, one.value);
      sender.add(one.labels, t_s * 1'000 + one.phase_ms, one.value);
    }
  }
}

double count_up(hygge::bench::Random& random, double value) {
  return value + static_cast<double>(random.next() % 100);
}
double fail_rarely(hygge::bench::Random& random, double value) {
  return value + (random.next() % 40 == 0 ? 1 : 0);
}
double wander(hygge::bench::Random& random, double value) {
  return std::round((value + random.normal()) * 10) / 10;
}

std::vector<Plain> page() {
  std::vector<Plain> out;
  for (int i = 0; i < 500; ++i) {
    const bool counter = i < 400;
    const std::string labels =
        encoded_labels({{"__name__", counter ? "http_requests_total" : "temp"},
                        {"instance", fmt::format("i{}", i)},
                        {"job", fmt::format("j{}", i % 10)}});
    out.push_back(
        {labels, 1'000 + 27 * i % 13'000, counter ? count_up : wander, counter ? 0.0 : 50.0});
  }
  return out;
}

std::vector<Plain> month() {
  std::vector<Plain> out;
  for (int i = 0; i < 10; ++i) {
    const bool error = i % 5 == 0;
    const std::string labels = encoded_labels({{"__name__", "requests_total"},
                                               {"code", error ? "500" : "200"},
                                               {"instance", fmt::format("i{}", i)}});
    out.push_back({labels, 1'000 + 500 * i, error ? fail_rarely : count_up, 0.0});
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::string url;
  std::string name = "services";
  hygge::bench::LoadSettings load;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    if (word == "--url") url = argv[i + 1];
    if (word == "--load") name = argv[i + 1];
    if (word == "--hosts") load.hosts = std::atoi(argv[i + 1]);
    if (word == "--seconds") load.duration_s = std::atoll(argv[i + 1]);
  }
  const std::size_t slash = url.find('/', std::string("http://").size());
  if (!url.starts_with("http://") || slash == std::string::npos) {
    fmt::print(stderr, "remote_write: --url http://HOST:PORT/PATH is needed\n");
    return 2;
  }
  Sender sender(url.substr(0, slash), url.substr(slash));
  if (name == "services") {
    send_services(sender, load);
  } else if (name == "page") {
    send_plain(sender, page(), load.start_s, 86'400);
  } else if (name == "month") {
    // It ends where the others begin: VictoriaMetrics drops samples that are days in the future.
    constexpr std::int64_t kMonth = 30 * 86'400;
    send_plain(sender, month(), load.start_s - kMonth, kMonth);
  } else {
    fmt::print(stderr, "remote_write: no load {}; there are services, page, month\n", name);
    return 2;
  }
  sender.send();
  fmt::print("{{\"samples\":{},\"cpu_s\":{:.2f}}}\n", sender.samples(),
             static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  return 0;
}
