// A batch: samples that are committed whole or not at all.
#pragma once

#include <hygge/labels.h>
#include <hygge/metadata.h>
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hygge {

/// Collects samples for Db::write. Not thread-safe; may be cleared and used again. Nothing is
/// checked here: a label set that is no label set makes write() refuse the batch and name it.
class Batch {
 public:
  /// By series id (from Db::series): the fast path.
  void add(SeriesId series, TimeMs t_ms, double v) { entries_.push_back({series.value, t_ms, v}); }

  /// By labels, in any order; the series is created if it is new. O(bytes of labels).
  void add(const Labels& labels, TimeMs t_ms, double v);
  void add(std::initializer_list<Label> labels, TimeMs t_ms, double v);

  /// Type, unit and help of a metric family; the last declaration in a database stands.
  void describe(std::string family, Metadata metadata) {
    metadata_.emplace_back(std::move(family), std::move(metadata));
  }

  /// Names the batch, so that it may be sent again when nobody knows whether it arrived: a database
  /// that has taken a batch of this id changes nothing and gives its first report, marked as a
  /// repeat. The last 65,536 ids are remembered. At most 64 bytes; "", the default: no id.
  void set_id(std::string id) { id_ = std::move(id); }
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

  /// Also forgets the id.
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty() && metadata_.empty(); }

  // For the engine and for tests.
  struct Entry {
    std::uint32_t series;  ///< id, or, in the entries listed in `named`, an index into it
    TimeMs t_ms;
    double v;
  };
  struct Named {
    std::size_t entry;   ///< index into entries
    std::size_t offset;  ///< canonical label bytes in `label_bytes`
    std::size_t bytes;
    bool valid;  ///< false: the labels were no label set; `offset` then holds their text
  };
  [[nodiscard]] std::span<const Entry> entries() const noexcept { return entries_; }
  [[nodiscard]] std::span<const Named> named() const noexcept { return named_; }
  [[nodiscard]] const std::string& label_bytes() const noexcept { return label_bytes_; }
  [[nodiscard]] std::span<const std::pair<std::string, Metadata>> metadata() const noexcept {
    return metadata_;
  }

 private:
  std::vector<Entry> entries_;
  std::vector<Named> named_;
  std::string label_bytes_;
  std::vector<std::pair<std::string, Metadata>> metadata_;
  std::string id_;
};

}  // namespace hygge
