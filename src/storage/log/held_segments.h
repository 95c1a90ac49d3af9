// The log as a reader beside a live writer needs it: the writer unlinks a segment as soon as the
// store has what is in it, so that a slow reader would find the log begun past its mark, every time
// it starts over. An open file outlives its name.
#pragma once

#include <hygge/error.h>

#include <string>
#include <vector>

#include "storage/log/segment.h"

namespace hygge::storage {

/// One thread. Held segments take a file descriptor each until this is destroyed.
class HeldSegments {
 public:
  /// Opens the segments of `dir` that are not held yet; one that goes meanwhile is left out. A
  /// reader calls it before it asks for the mark and again once it has the store: what the store
  /// was made of is then held from the mark on, unless a segment came and went between the two
  /// calls, which replay() reports as missing. Errors: those of the files.
  [[nodiscard]] Result<void> take(Files& files, const std::string& dir, const LogId& id);

  /// In order. A segment that was being written when it was taken is read to where it has come.
  [[nodiscard]] const std::vector<SegmentFile>& segments() const noexcept { return segments_; }

 private:
  std::vector<SegmentFile> segments_;
};

}  // namespace hygge::storage
