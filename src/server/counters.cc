#include "server/counters.h"

#include <fmt/format.h>

#include <iterator>

namespace hygge::server {

void Counters::count_reply(std::string_view path, int status) {
  const std::lock_guard lock(mutex_);
  ++replies_[{path, status}];
}

void Counters::count_query(double seconds) {
  const std::lock_guard lock(mutex_);
  ++queries_;
  query_seconds_ += seconds;
}

void Counters::append_to(std::string& out) const {
  const std::lock_guard lock(mutex_);
  const auto into = std::back_inserter(out);
  fmt::format_to(into,
                 "# TYPE hygge_http_replies counter\n"
                 "# HELP hygge_http_replies Replies by path and status code.\n");
  for (const auto& [key, count] : replies_) {
    fmt::format_to(into, "hygge_http_replies_total{{path=\"{}\",code=\"{}\"}} {}\n", key.first,
                   key.second, count);
  }
  fmt::format_to(into,
                 "# TYPE hygge_query_seconds summary\n"
                 "# UNIT hygge_query_seconds seconds\n"
                 "# HELP hygge_query_seconds Evaluation of queries, without waiting for a place.\n"
                 "hygge_query_seconds_count {}\n"
                 "hygge_query_seconds_sum {}\n",
                 queries_, query_seconds_);
}

}  // namespace hygge::server
