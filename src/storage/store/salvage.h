// What a damaged store still gives. Reads every table by itself, around what is damaged in it, and
// needs neither CURRENT nor a manifest.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace hygge::storage {

struct FileDamage {
  std::string file;  ///< "store/000012.sst"
  std::string what;
};

/// Reads every byte of every table of the store at `dir`, and opens it. Empty if it is whole; then
/// it can be opened for writing. Nothing is changed.
[[nodiscard]] std::vector<FileDamage> examine_store(const std::string& dir);

/// Opens the store at `dir` for reading and names the tables that it is made of. Errors: those of
/// Store::open.
[[nodiscard]] Result<std::vector<std::string>> tables_of(const std::string& dir);

struct SalvageReport {
  std::uint64_t entries = 0;    ///< written to the new store
  std::uint64_t dropped = 0;    ///< `keep` said no
  std::uint64_t uncertain = 0;  ///< of `entries`: a newer version may have been lost
  std::vector<FileDamage> damage;
};

/// Builds a new store at `to` from what can be read of the one at `from`, which is left as it is.
/// `keep` is asked for each entry, by family name; a later call for the same key replaces an
/// earlier. `all_tables`: also of those that the manifest does not name, which is known to have
/// lost its end. Errors: io, no_space; never corruption.
[[nodiscard]] Result<SalvageReport> salvage_store(
    const std::string& from, const std::string& to, bool all_tables,
    const std::function<bool(std::string_view family, Bytes key, Bytes value)>& keep);

}  // namespace hygge::storage
