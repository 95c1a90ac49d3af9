// What the API has done since it began, for its own /metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace hygge::server {

/// Thread-safe.
class Counters {
 public:
  /// `path` is one of the API's own and outlives this.
  void count_reply(std::string_view path, int status);
  void count_query(double seconds);

  /// Appends OpenMetrics families, without `# EOF`.
  void append_to(std::string& out) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string_view, int>, std::uint64_t> replies_;  // guarded by mutex_
  std::uint64_t queries_ = 0;                                          // guarded by mutex_
  double query_seconds_ = 0;                                           // guarded by mutex_
};

}  // namespace hygge::server
