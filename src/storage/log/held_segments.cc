#include "storage/log/held_segments.h"

#include <utility>

#include "storage/log/scan.h"

namespace hygge::storage {

Result<void> HeldSegments::take(Files& files, const std::string& dir, const LogId& id) {
  auto listed = begun_segments(files, dir, id);
  if (!listed) return tl::unexpected<Error>(listed.error());
  for (SegmentFile& segment : *listed) {
    // Segments come at the end and go at the beginning.
    if (!segments_.empty() && segment.first_sequence <= segments_.back().first_sequence) continue;
    auto file = files.open_read(segment.path);
    if (!file) {
      if (file.error().code == ErrorCode::not_found) continue;
      return tl::unexpected<Error>(file.error());
    }
    segment.held = std::move(*file);
    segments_.push_back(std::move(segment));
  }
  return {};
}

}  // namespace hygge::storage
