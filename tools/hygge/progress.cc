#include "progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "context.h"
#include "json.h"
#include "text.h"

namespace hygge::command {

Progress::Progress(std::string when, std::string verb, bool quiet, Unit unit)
    : verb_(std::move(verb)), unit_(unit) {
  if (when == "json") {
    kind_ = Kind::json;
  } else if (when != "never" && !quiet && progress_on_terminal()) {
    kind_ = Kind::bar;
  }
}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void Progress::update(std::uint64_t done, std::optional<std::uint64_t> total,
                      std::uint64_t acknowledged) {
  done_ = done;
  total_ = total;
  acknowledged_ = acknowledged;
  if (kind_ == Kind::none) return;
  const auto now = Clock::now();
  const auto between = kind_ == Kind::bar && drawn_ ? std::chrono::milliseconds(200)
                                                    : std::chrono::milliseconds(1000);
  if (now - shown_ < between) return;
  shown_ = now;
  if (kind_ == Kind::json) return show_json();
  show_bar(std::chrono::duration<double>(now - begun_).count());
}

void Progress::finish() {
  if (kind_ == Kind::json) show_json();
  if (std::exchange(drawn_, false)) fmt::print(stderr, "\r\033[K");
}

void Progress::show_bar(double seconds) {
  const double rate = static_cast<double>(acknowledged_) / seconds;
  std::string line = verb_;
  if (total_ && *total_ > 0) {
    constexpr std::size_t kCells = 20;
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(*total_));
    const auto full = static_cast<std::size_t>(share * kCells);
    const double left = share > 0 ? seconds / share - seconds : 0;
    line += fmt::format("  [{}{}] {:3.0f} %  {:.0f} s left", std::string(full, '#'),
                        std::string(kCells - full, '.'), share * 100, left);
  } else {
    line += fmt::format("  {}", human_bytes(done_));
  }
  line += fmt::format("  {} {}, {}/s", grouped(acknowledged_),
                      unit_ == Unit::bytes ? "samples" : "series", human_number(rate));
  fmt::print(stderr, "\r\033[K{}", line);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::show_json() const {
  Json json;
  json.open('{').member("schema", "hygge.progress/1").member("done", done_).key("total");
  if (total_) {
    json.number(*total_);
  } else {
    json.null();
  }
  json.member("unit", unit_ == Unit::bytes ? "bytes" : "series")
      .member("acknowledged", acknowledged_)
      .close('}');
  fmt::print(stderr, "{}\n", json.out());
}

}  // namespace hygge::command
