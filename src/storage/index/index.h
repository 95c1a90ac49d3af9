// The index: label sets to series ids and selectors to sets of ids. All of it in memory, rebuilt
// from the store at open.
//
// Not thread-safe by itself: const calls may run beside each other, add() needs the lock alone.
#pragma once

#include <hygge/labels.h>
#include <hygge/selector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::storage {

class Index {
 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  /// The series with these canonical label bytes. O(bytes), and two or three cache misses.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view canonical) const;
  /// A new series. The caller vouches for canonical bytes that no series has, and an id that is
  /// new.
  void add(std::uint32_t id, std::string_view canonical);

  [[nodiscard]] bool contains(std::uint32_t id) const noexcept;
  /// The canonical bytes of a series that is there, put together from its labels.
  [[nodiscard]] std::string canonical(std::uint32_t id) const;
  [[nodiscard]] Labels labels(std::uint32_t id) const;

  /// The series that `selector` picks, sorted by id. A regex runs once over each value of its
  /// label; what it found is kept. Errors: parse (a regex).
  [[nodiscard]] Result<std::vector<std::uint32_t>> select(const Selector& selector) const;

  /// All names; all values of one name. Sorted, which the values are only here: O(n log n).
  [[nodiscard]] std::vector<std::string> label_names() const;
  [[nodiscard]] std::vector<std::string> label_values(std::string_view name) const;

  [[nodiscard]] std::size_t series_count() const noexcept;
  /// All that it takes from the heap, within some percent. O(labels).
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hygge::storage
