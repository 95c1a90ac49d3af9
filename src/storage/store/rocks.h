// What the files of this room share of RocksDB. Nobody else includes it.
#pragma once

#include <hygge/error.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/status.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store/store.h"

namespace hygge::storage {

/// RocksDB's own log: nothing, so that an open changes no file that a reader might miss.
class NoLog : public rocksdb::Logger {
 public:
  NoLog() : rocksdb::Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

/// `cells` last: a store of format 1 has none.
enum Family : std::size_t { kDefault, kChunks, kSeries, kMeta, kCells, kFamilies };
inline constexpr std::array<const char*, kFamilies> kFamilyNames{"default", "chunks", "series",
                                                                 "meta", "cells"};

/// All families with their options; `default` first.
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> families(
    const std::shared_ptr<rocksdb::Cache>& cache, const StoreOptions& options);

/// How many threads an open may start to open tables. RocksDB's sixteen are made for each family,
/// twice in an open for writing, however few tables there are: 150 threads, 10 ms of an empty
/// store.
[[nodiscard]] int opening_threads(const std::string& dir);

/// Whether a store was made before there were cells: its descriptors are all but the last.
[[nodiscard]] bool lacks_cells(const std::string& dir);

[[nodiscard]] Error to_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace hygge::storage
