// What a View holds: copies and handles taken at one moment under the db's lock.
#pragma once

#include <hygge/policy.h>
#include <hygge/view.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/db/lanes.h"
#include "storage/db/partitions.h"
#include "storage/db/presence.h"
#include "storage/db/process.h"
#include "storage/head/head.h"
#include "storage/store/store.h"
#include "storage/upkeep/erase.h"

namespace hygge::storage {

using MetadataMap = std::map<std::string, Metadata>;

/// What must outlive every view: the store, and the lock of the directory.
struct Home {
  std::shared_ptr<void> lock;
  std::shared_ptr<Store> store;
};

class ViewState {
 public:
  /// One captured series. Labels are decoded when first asked for.
  struct Entry {
    std::uint32_t id = 0;
    TimeMs birth_ms = 0;
    std::string canonical;
    std::vector<HeadPiece> pieces;
    LazyLabels labels;
  };

  std::shared_ptr<const Home> home;
  StoreSnapshotPtr snapshot;
  TimeRange range;
  std::vector<Entry> entries;  ///< by id
  std::vector<std::vector<Series>> by_selector;
  Presence presence;
  std::vector<DurationMs> tiers;           ///< of which cells may be stored, rising
  std::vector<Partitions::Sealed> sealed;  ///< days whose cells can be read, by partition
  bool any_expired = false;                ///< of some series and days only cells are left
  Masks masks;                             ///< hide what is deleted and still stored
  std::shared_ptr<const MetadataMap> metadata;
  OnDuplicate on_duplicate = OnDuplicate::last;
  std::shared_ptr<const void> alive;  ///< counts views for Db::close
  Process process;                    ///< that captured it

  [[nodiscard]] const Labels& labels(const Entry& entry) const;
  /// Whether stored cells of the pair, if there are any, say what its samples say.
  [[nodiscard]] bool has_cells(std::int32_t partition, std::uint32_t series) const;
  /// Whether only cells are left of the pair.
  [[nodiscard]] bool is_expired(std::int32_t partition, std::uint32_t series) const;
  /// One iterator for all series of the view, for each thread that asks.
  [[nodiscard]] ChunkScan& scan() const { return lanes_.scan(*this); }
  [[nodiscard]] CellReader& cell_reader() const { return lanes_.cell_reader(*this); }

 private:
  [[nodiscard]] const Partitions::Sealed* find_day(std::int32_t partition) const;

  mutable Lanes lanes_;
};

/// Looks a sample's metric up as View::metadata says.
[[nodiscard]] std::optional<Metadata> find_metadata(const MetadataMap& metadata,
                                                    std::string_view metric);

}  // namespace hygge::storage
