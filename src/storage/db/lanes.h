// What the threads that read a view keep apart: iterators over the store, and labels that are
// decoded when first asked for.
#pragma once

#include <hygge/labels.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "storage/store/store.h"

namespace hygge::storage {

class CellReader;
class ViewState;

/// Labels that are made once, by whichever thread is first. Moving is no reading: one thread.
class LazyLabels {
 public:
  LazyLabels() noexcept = default;
  LazyLabels(LazyLabels&& other) noexcept : labels_(other.labels_.exchange(nullptr)) {}
  LazyLabels& operator=(LazyLabels&& other) noexcept {
    other.labels_ = labels_.exchange(other.labels_.load());
    return *this;
  }
  ~LazyLabels() { delete labels_.load(); }

  template <typename Make>
  [[nodiscard]] const Labels& get(Make&& make) const {
    if (const Labels* known = labels_.load(std::memory_order_acquire)) return *known;
    auto made = std::make_unique<const Labels>(make());
    const Labels* other = nullptr;
    if (!labels_.compare_exchange_strong(other, made.get(), std::memory_order_acq_rel)) {
      return *other;
    }
    return *made.release();
  }

 private:
  mutable std::atomic<const Labels*> labels_ = nullptr;
};

/// One lane for each thread, which is the only one on it.
class Lanes {
 public:
  [[nodiscard]] ChunkScan& scan(const ViewState& state);
  [[nodiscard]] CellReader& cell_reader(const ViewState& state);

 private:
  struct Lane {
    std::optional<ChunkScan> scan;
    std::shared_ptr<CellReader> cells;
  };
  // The lane that a thread was on last: it asks again for each series.
  struct Last {
    std::uint64_t number = 0;
    Lane* lane = nullptr;
  };
  [[nodiscard]] static std::uint64_t next_number() noexcept;
  [[nodiscard]] Lane& own(const ViewState& state);

  const std::uint64_t number_ = next_number();  ///< of these lanes, never given again
  std::mutex mutex_;
  std::map<std::thread::id, Lane> lanes_;  ///< guarded by mutex_, which lane there is; nodes stay
  Lane forked_;  ///< of a child made by fork, where mutex_ may be held for ever
};

}  // namespace hygge::storage
