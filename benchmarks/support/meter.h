// What a process used: CPU, wall time, memory, bytes written. For programs that measure a whole
// phase in a process of its own, RocksDB's threads included.
#pragma once

#include <cstdint>
#include <string>

namespace hygge::bench {

struct Usage {
  double cpu_s = 0;                 ///< user and system, all threads
  double wall_s = 0;                ///< of the monotonic clock
  std::uint64_t written_bytes = 0;  ///< handed to write() and its like, so far (/proc/self/io)
};

[[nodiscard]] Usage usage_now();
[[nodiscard]] Usage operator-(const Usage& later, const Usage& earlier);
/// The most memory that the process has ever had resident.
[[nodiscard]] std::uint64_t peak_rss_bytes();
/// Of all regular files below `folder`; 0 where there is none.
[[nodiscard]] std::uint64_t tree_bytes(const std::string& folder);

}  // namespace hygge::bench
