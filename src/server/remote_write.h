// Remote write 1.0: a snappy block that holds a protobuf WriteRequest. All sizes are checked before
// anything is allocated for them, and a message is walked without being built in memory.
#pragma once

#include <hygge/error.h>
#include <hygge/metadata.h>
#include <hygge/sample.h>
#include <hygge/time.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hygge::server {

/// The bytes in a snappy block. Errors: limit (the block declares more than `max_bytes`; 0: no
/// limit), parse (no snappy block).
[[nodiscard]] Result<std::string> unsnappy(std::string_view block, std::size_t max_bytes);

using LabelPair = std::pair<std::string_view, std::string_view>;

/// What a WriteRequest holds, as it is walked. All views are into the message.
struct WriteVisitor {
  /// The labels of a series, as sent; those past kMaxWriteLabels are counted only. Returns whether
  /// its samples are wanted.
  std::function<bool(std::span<const LabelPair> labels, std::size_t label_count)> series;
  /// Samples of the series before. Null: they are only checked.
  std::function<void(TimeMs t_ms, double v)> sample;
  /// So many histogram samples, or exemplars, of the series before.
  std::function<void(std::size_t count)> histograms;
  std::function<void(std::size_t count)> exemplars;
  std::function<void(std::string_view family, const Metadata& metadata)> metadata;
};

inline constexpr std::size_t kMaxWriteLabels = 1'000;

/// Walks a WriteRequest. O(bytes). Errors: parse (truncated, or not this message); what was visited
/// before stands, so a caller that wants all or nothing walks twice.
[[nodiscard]] Result<void> walk_write_request(std::string_view message,
                                              const WriteVisitor& visitor);

}  // namespace hygge::server
