// The index: label sets to series ids and selectors to sets of ids. All of it in memory, rebuilt
// from the store at open.
//
// Not thread-safe by itself: const calls may run beside each other, add() and remove() need the
// lock alone.
#pragma once

#include <hygge/labels.h>
#include <hygge/selector.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

class Roaring;  // CRoaring's

namespace hygge::storage {

/// How many series of some sets have a label, or a label of one name.
struct LabelCount {
  std::string name;
  std::string value;                  ///< "" where names are counted
  std::uint64_t values = 0;           ///< of the name, among the first set's series
  std::vector<std::uint64_t> series;  ///< of each set
  std::uint64_t weight = 0;           ///< of the first set's series
};
using WeighSeries = std::function<std::uint64_t(std::uint32_t id)>;

class Index {
 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  /// The series with these canonical label bytes. O(bytes), and two or three cache misses.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view canonical) const;
  /// The same for several at once, in order into `out`, as long as `canonical`: the cache misses of
  /// some are waited for together.
  void find(std::span<const std::string_view> canonical,
            std::span<std::optional<std::uint32_t>> out) const;
  /// A new series. The caller vouches for canonical bytes that no series has, and an id that is
  /// new.
  void add(std::uint32_t id, std::string_view canonical);

  /// A series that is there leaves; its id is not given out again. What it took comes back with the
  /// next open, its labels' texts as soon as another series has them. O(labels).
  void remove(std::uint32_t id);

  [[nodiscard]] bool contains(std::uint32_t id) const noexcept;
  /// The canonical bytes of a series that is there, put together from its labels.
  [[nodiscard]] std::string canonical(std::uint32_t id) const;
  [[nodiscard]] Labels labels(std::uint32_t id) const;

  /// The series that `selector` picks, sorted by id. A regex runs once over each value of its
  /// label; what it found is kept. Errors: parse (a regex).
  [[nodiscard]] Result<std::vector<std::uint32_t>> select(const Selector& selector) const;

  /// All names; all values of one name, that a series has. Sorted, which the values are only here:
  /// O(n log n).
  [[nodiscard]] std::vector<std::string> label_names() const;
  [[nodiscard]] std::vector<std::string> label_values(std::string_view name) const;

  /// Per label name, or per label (only of `name`, unless that is ""): how many of each set's
  /// series have it, and what those of the first weigh, if `weigh` is given. Without those that no
  /// series of any set has; in no order. O(labels × sets) and up to O(postings).
  [[nodiscard]] std::vector<LabelCount> count_names(std::span<const ::Roaring* const> sets,
                                                    const WeighSeries& weigh) const;
  [[nodiscard]] std::vector<LabelCount> count_labels(std::string_view name,
                                                     std::span<const ::Roaring* const> sets,
                                                     const WeighSeries& weigh) const;

  [[nodiscard]] std::size_t series_count() const noexcept;
  /// How many series have a label; how many values a label name has had since the open. O(1).
  [[nodiscard]] std::size_t series_with(std::string_view name, std::string_view value) const;
  [[nodiscard]] std::size_t value_count(std::string_view name) const;
  /// All that it takes from the heap, within some percent. O(labels).
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hygge::storage
