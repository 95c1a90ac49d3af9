#include "benchmarks/support/load.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace hygge::bench {

namespace {

enum class Kind : std::uint8_t {
  percent,
  tenth,  // a temperature: one decimal, often the same
  bytes,
  small_integer,
  constant,
  counter,
  seconds_counter,
  noise,
  gc_counter,
  requests,
  all_requests,
  failed_requests,
  bucket,
  bucket_sum,
  bucket_count,
  load,
};

struct Template {
  std::string name;
  Kind kind;
  double scale;  // rate per second, constant, or size of a walk's steps
  LabelPairs extra;
  std::size_t part = 0;  // which code, which bucket
};

using Templates = std::vector<Template>;

void add_machine(Templates& out) {
  for (const char* mode : {"user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal",
                           "guest", "guest_nice"}) {
    out.push_back({std::string("cpu_usage_") + mode, Kind::percent, 1.0, {}});
  }
  out.push_back({"mem_total_bytes", Kind::constant, 25769803776.0, {}});
  for (const char* what : {"available", "used", "free", "cached", "buffered"}) {
    out.push_back({std::string("mem_") + what + "_bytes", Kind::bytes, 8e9, {}});
  }
  out.push_back({"mem_used_percent", Kind::percent, 0.2, {}});
  out.push_back({"mem_available_percent", Kind::percent, 0.2, {}});
  for (const char* path : {"/", "/data"}) {
    out.push_back({"disk_total_bytes", Kind::constant, 270582939648.0, {{"path", path}}});
    out.push_back({"disk_free_bytes", Kind::bytes, 9e10, {{"path", path}}});
    out.push_back({"disk_used_bytes", Kind::bytes, 9e10, {{"path", path}}});
    out.push_back({"disk_used_percent", Kind::percent, 0.05, {{"path", path}}});
  }
}

struct Rate {
  const char* name;
  double per_s;
};

void add_devices(Templates& out) {
  constexpr std::array kDisk = std::to_array<Rate>({{"reads", 80},
                                                    {"writes", 120},
                                                    {"read_bytes", 80 * 16384.},
                                                    {"write_bytes", 120 * 16384.},
                                                    {"read_time_ms", 30},
                                                    {"write_time_ms", 60}});
  constexpr std::array kNet = std::to_array<Rate>({{"bytes_sent", 150000},
                                                   {"bytes_recv", 220000},
                                                   {"packets_sent", 300},
                                                   {"packets_recv", 350},
                                                   {"err_in", 0.0005},
                                                   {"drop_in", 0.01}});
  for (const char* device : {"vda", "vdb"}) {
    for (const Rate& rate : kDisk) {
      out.push_back({std::string("diskio_") + rate.name + "_total",
                     Kind::counter,
                     rate.per_s,
                     {{"device", device}}});
    }
  }
  for (const char* device : {"eth0", "eth1"}) {
    for (const Rate& rate : kNet) {
      out.push_back({std::string("net_") + rate.name + "_total",
                     Kind::counter,
                     rate.per_s,
                     {{"device", device}}});
    }
  }
}

void add_process(Templates& out) {
  for (const char* name : {"load1", "load5", "load15"}) out.push_back({name, Kind::load, 1.0, {}});
  out.push_back({"process_cpu_seconds_total", Kind::seconds_counter, 0.35, {}});
  out.push_back({"process_resident_memory_bytes", Kind::bytes, 4e8, {}});
  out.push_back({"process_open_fds", Kind::small_integer, 120, {}});
  out.push_back({"go_goroutines", Kind::small_integer, 300, {}});
  out.push_back({"go_gc_duration_seconds_sum", Kind::gc_counter, 0.02, {}});
  out.push_back({"process_start_time_seconds", Kind::constant, 1795000000.25, {}});
  out.push_back({"up", Kind::constant, 1, {}});
  out.push_back({"scrape_duration_seconds", Kind::noise, 0.008, {}});
  out.push_back({"kernel_context_switches_total", Kind::counter, 2500, {}});
  out.push_back({"kernel_interrupts_total", Kind::counter, 1800, {}});
  out.push_back({"kernel_boot_time_seconds", Kind::constant, 1794000000, {}});
  out.push_back({"kernel_procs_running", Kind::small_integer, 4, {}});
  out.push_back({"kernel_procs_blocked", Kind::small_integer, 1, {}});
}

void add_service(Templates& out) {
  std::size_t part = 0;
  for (const char* method : {"GET", "POST"}) {
    for (const char* code : {"200", "201", "404", "429", "500", "503"}) {
      out.push_back(
          {"http_requests_total", Kind::requests, 0, {{"code", code}, {"method", method}}, part++});
    }
  }
  part = 0;
  for (const char* le :
       {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"}) {
    out.push_back({"http_request_duration_seconds_bucket", Kind::bucket, 0, {{"le", le}}, part++});
  }
  out.push_back({"http_request_duration_seconds_sum", Kind::bucket_sum, 0, {}});
  out.push_back({"http_request_duration_seconds_count", Kind::bucket_count, 0, {}});
  out.push_back({"app_build_info",
                 Kind::constant,
                 1,
                 {{"branch", "main"},
                  {"goversion", "go1.19.8"},
                  {"revision", "5f3b2a9c"},
                  {"version", "1.42.0"}}});
  out.push_back({"node_os_info",
                 Kind::constant,
                 1,
                 {{"id", "debian"}, {"kernel", "6.1.0-21-amd64"}, {"version_id", "12"}}});
  out.push_back({"node_temperature_celsius", Kind::tenth, 45, {{"sensor", "core0"}}});
  out.push_back({"node_temperature_celsius", Kind::tenth, 47, {{"sensor", "core1"}}});
  out.push_back({"app_queue_depth", Kind::small_integer, 40, {}});
  out.push_back({"app_inflight_requests", Kind::small_integer, 12, {}});
  out.push_back({"app_requests_total", Kind::all_requests, 0, {}});
  out.push_back({"app_errors_total", Kind::failed_requests, 0, {}});
}

const Templates& templates() {
  static const Templates all = [] {
    Templates out;
    add_machine(out);
    add_devices(out);
    add_process(out);
    add_service(out);
    return out;
  }();
  return all;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return Random(a * 0x9E37'79B9'7F4A'7C15U ^ b).next();
}

double rounded(double x, double by) { return std::round(x * by) / by; }
double walk(double from, double by, double low, double high) {
  return std::min(high, std::max(low, from + by));
}

bool counts(Kind kind) {
  switch (kind) {
    case Kind::counter:
    case Kind::seconds_counter:
    case Kind::gc_counter:
    case Kind::requests:
    case Kind::all_requests:
    case Kind::failed_requests:
    case Kind::bucket:
    case Kind::bucket_sum:
    case Kind::bucket_count:
      return true;
    default:
      return false;
  }
}

// Where a series begins.
double first_state(const Template& of, Random& random) {
  switch (of.kind) {
    case Kind::percent:
      return 5 + 90 * random.uniform();
    case Kind::tenth:
      return of.scale + 5 * random.uniform();
    case Kind::bytes:
      return std::floor(of.scale * (0.5 + random.uniform()) / 4096) * 4096;
    case Kind::small_integer:
      return std::floor(of.scale * (0.5 + random.uniform()));
    case Kind::load:
      return 4 * random.uniform();
    case Kind::constant:
      return of.scale;
    case Kind::counter:
      return std::floor(of.scale * 86400 * random.uniform());
    default:
      return 0;
  }
}

}  // namespace

LoadSettings load_of_size(char size) {
  LoadSettings out;
  if (size == 'T') out.hosts = 10;
  if (size == 'M') out.duration_s = 86'400;
  return out;
}

std::uint64_t Random::next() noexcept {
  std::uint64_t z = (state_ += 0x9E37'79B9'7F4A'7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
  return z ^ (z >> 31U);
}
double Random::uniform() noexcept {
  return static_cast<double>(next() >> 11U) * (1.0 / 9007199254740992.0);
}
double Random::normal() noexcept {
  double sum = uniform();
  for (int i = 0; i < 3; ++i) sum += uniform();
  return (sum - 2.0) * 1.7320508;
}

Host::Host(const LoadSettings& settings, int number)
    : settings_(settings),
      number_(number),
      phase_ms_(settings.phases ? 1 + (number * 97) % (settings.interval_s * 1000 - 500) : 0) {
  begin(0);
}

std::string Host::instance() const {
  std::string out = "task-" + std::to_string(number_);
  if (settings_.churn_s > 0) out += "-" + std::to_string(generation_);
  return out;
}

LabelPairs Host::labels(std::size_t series) const {
  const Template& of = templates()[series];
  std::map<std::string, std::string> out = {{"__name__", of.name},
                                            {"dc", "dc" + std::to_string(number_ % 3)},
                                            {"instance", instance()},
                                            {"job", "app"},
                                            {"service", "svc-" + std::to_string(number_ % 5)}};
  for (const auto& [name, value] : of.extra) out[name] = value;
  return {out.begin(), out.end()};
}

void Host::begin(int generation) {
  generation_ = generation;
  random_ = Random(mix(mix(settings_.seed, static_cast<std::uint64_t>(number_)),
                       static_cast<std::uint64_t>(generation)));
  for (std::size_t i = 0; i < kSeriesPerHost; ++i) state_[i] = first_state(templates()[i], random_);
  requests_per_s_ = 30 + 40 * random_.uniform();
  latency_ = 0.6 + 0.8 * random_.uniform();
}

void Host::clear_counters() {
  for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
    if (counts(templates()[i].kind)) state_[i] = 0;
  }
}

Host::Scrape Host::scrape(std::int64_t index) {
  Scrape out{0, index == 0, values_};
  const std::int64_t offset_s = index * settings_.interval_s;
  if (settings_.churn_s > 0) {
    const std::int64_t shift = (number_ * 37) % settings_.churn_s;
    const auto generation = static_cast<int>((offset_s + shift) / settings_.churn_s);
    if (generation != generation_) {
      begin(generation);
      out.new_series = true;
    }
  }
  out.t_ms = (settings_.start_s + offset_s) * 1000 + phase_ms_;
  if (random_.next() % 12000 == 0) clear_counters();  // the host was restarted
  step(offset_s);
  return out;
}

// What the service did in one interval. An hour in six, a service has fifteen bad minutes.
void Host::requests(std::int64_t offset_s, double day) {
  const double wanted = std::floor(requests_per_s_ * static_cast<double>(settings_.interval_s) *
                                   day * (0.8 + 0.4 * random_.uniform()));
  const std::int64_t hour = offset_s / 3600;
  const std::int64_t minute = (offset_s / 60) % 60;
  const auto place = static_cast<std::uint64_t>((number_ % 5) * 1000 + hour);
  const bool bad = mix(settings_.seed ^ 0xabcdU, place) % 6 == 0 && minute >= 10 && minute < 25;
  const double errors = bad ? 0.05 : 0.002;
  const std::array<double, 6> share = {0.975 - errors, 0.01,         0.01,
                                       0.005,          errors * 0.6, errors * 0.4};
  all_ = failed_ = 0;
  for (std::size_t i = 0; i < by_code_.size(); ++i) {
    const double exact = wanted * share[i % 6] * (i < 6 ? 0.8 : 0.2);
    double whole = std::floor(exact);
    if (random_.uniform() < exact - whole) ++whole;
    by_code_[i] = whole;
    all_ += whole;
    if (i % 6 >= 4) failed_ += whole;
  }
  constexpr std::array kBelow = {0.08, 0.25,  0.55,  0.75,   0.88,   0.955,
                                 0.98, 0.992, 0.998, 0.9995, 0.9999, 1.0};
  slowness_ = latency_ * (bad ? 1.8 : 1.0) * (0.95 + 0.1 * random_.uniform());
  double before = 0;
  for (std::size_t i = 0; i < below_.size(); ++i) {
    const bool last = i + 1 == below_.size();
    const double fraction = last ? 1.0 : std::pow(kBelow[i], slowness_);
    double count = std::floor(all_ * fraction + random_.uniform());
    if (count > all_ || last) count = all_;
    below_[i] = before = std::max(count, before);
  }
}

void Host::step(std::int64_t offset_s) {
  constexpr double kPi = 3.14159265358979323846;
  const auto dt = static_cast<double>(settings_.interval_s);
  const double day = 1.0 + 0.5 * std::sin(2 * kPi * static_cast<double>(offset_s) / 86400.0);
  const double load = random_.normal();
  requests(offset_s, day);
  for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
    const Template& of = templates()[i];
    double& v = state_[i];
    double& out = values_[i];
    switch (of.kind) {
      case Kind::percent:
        v = walk(v, of.scale * random_.normal(), 0, 100);
        out = rounded(v, 100);
        break;
      case Kind::load:
        v = walk(v, 0.05 * load, 0, 64);
        out = rounded(v, 100);
        break;
      case Kind::tenth:
        if (random_.next() % 3 == 0) v = walk(v, 0.3 * random_.normal(), 20, 95);
        out = rounded(v, 10);
        break;
      case Kind::bytes:
        if (random_.next() % 2 != 0) {
          v = std::max(0.0, v + 4096.0 * std::floor(256 * random_.normal()));
        }
        out = v;
        break;
      case Kind::small_integer:
        if (random_.next() % 3 == 0) v = std::max(0.0, v + std::floor(3 * random_.uniform()) - 1);
        out = v;
        break;
      case Kind::constant:
        out = v;
        break;
      case Kind::counter: {
        const double exact = of.scale * dt * day * (0.6 + 0.8 * random_.uniform());
        double whole = std::floor(exact);
        if (random_.uniform() < exact - whole) ++whole;
        out = v += whole;
        break;
      }
      case Kind::seconds_counter:
        v += of.scale * dt * (0.6 + 0.8 * random_.uniform());
        out = rounded(v, 100);
        break;
      case Kind::noise:
        out = rounded(of.scale * (0.7 + 0.6 * random_.uniform()), 1e9);
        break;
      case Kind::gc_counter:
        if (random_.next() % 4 == 0) v += 0.0005 * random_.uniform();
        out = rounded(v, 1e9);
        break;
      case Kind::requests:
        out = v += by_code_[of.part];
        break;
      case Kind::all_requests:
      case Kind::bucket_count:
        out = v += all_;
        break;
      case Kind::failed_requests:
        out = v += failed_;
        break;
      case Kind::bucket:
        out = v += below_[of.part];
        break;
      case Kind::bucket_sum:
        out = v += all_ * 0.043 * slowness_ * (0.9 + 0.2 * random_.uniform());
        break;
    }
  }
}

std::vector<Host> make_hosts(const LoadSettings& settings) {
  std::vector<Host> out;
  out.reserve(static_cast<std::size_t>(settings.hosts));
  for (int number = 0; number < settings.hosts; ++number) out.emplace_back(settings, number);
  return out;
}

}  // namespace hygge::bench
