#include "storage/store/rocks.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_partitioner.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace hygge::storage {

namespace {

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                              int restart_interval) {
  rocksdb::BlockBasedTableOptions table;
  table.block_restart_interval = restart_interval;
  table.block_cache = cache;
  table.block_size = 16 * 1024;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  return table;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                            std::size_t memtable_bytes, int restart_interval = 16) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = 2;
  options.target_file_size_base = 64U << 20U;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(
      rocksdb::NewBlockBasedTableFactory(table_options(cache, restart_interval)));
  return options;
}

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view doing) {
  ErrorCode code = ErrorCode::io;
  if (status.IsNoSpace()) code = ErrorCode::no_space;
  if (status.IsCorruption()) code = ErrorCode::corruption;
  if (status.IsNotFound() || status.IsPathNotFound()) code = ErrorCode::not_found;
  if (status.IsNotSupported()) code = ErrorCode::read_only;
  const char* const help = code == ErrorCode::corruption
                               ? "`hygge db verify` says what is damaged, `hygge db repair` keeps "
                                 "what can be read"
                               : "";
  std::string message = fmt::format("store: {}: {}", doing, status.ToString());
  // A table that is missing is named as RocksDB looks for it last, as no release has called one.
  for (std::size_t at = 0; (at = message.find(".ldb", at)) != std::string::npos;) {
    message.replace(at, 4, ".sst");
  }
  return {code, std::move(message), help, {}};
}

int opening_threads(const std::string& dir) {
  std::vector<std::string> names;
  if (!rocksdb::Env::Default()->GetChildren(dir, &names).ok()) return 1;  // it is not there yet
  const auto tables = std::count_if(names.begin(), names.end(), [](const std::string& name) {
    return std::string_view(name).ends_with(".sst");
  });
  constexpr std::ptrdiff_t kTablesEach = 32;
  constexpr std::ptrdiff_t kMost = 16;
  return static_cast<int>(std::clamp<std::ptrdiff_t>(tables / kTablesEach, 1, kMost));
}

bool lacks_cells(const std::string& dir) {
  std::vector<std::string> names;
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<NoLog>();
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(options, dir, &names);
  return listed.ok() && std::find(names.begin(), names.end(), kFamilyNames[kCells]) == names.end();
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const std::shared_ptr<rocksdb::Cache>& cache,
                                                      const StoreOptions& options) {
  // A seek goes from the restart before it from key to key, each a chunk of hundreds of bytes
  // behind the last: with RocksDB's 16 that was a quarter of it.
  rocksdb::ColumnFamilyOptions chunks = family_options(cache, options.chunk_memtable_bytes, 4);
  // What is not sealed yet is written again by its seal: fewer compactions before that. Of a day of
  // size M 13 bytes a sample are written so, with RocksDB's 4 files 15.
  chunks.level0_file_num_compaction_trigger = 8;
  chunks.bottommost_compression = rocksdb::kZSTD;
  chunks.bottommost_compression_opts.enabled = true;
  // Of a seal level 3 is 40 % and saves 0.1 % of the bytes.
  chunks.bottommost_compression_opts.level = 2;
  // A day's files hold nothing else, so that forgetting a day unlinks them.
  chunks.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(4);
  rocksdb::ColumnFamilyOptions cells = family_options(cache, 16U << 20U);
  cells.bottommost_compression = rocksdb::kZSTD;
  cells.bottommost_compression_opts = chunks.bottommost_compression_opts;
  cells.sst_partitioner_factory = rocksdb::NewSstPartitionerFixedPrefixFactory(8);
  rocksdb::ColumnFamilyOptions series = family_options(cache, 16U << 20U);
  series.compression = rocksdb::kLZ4Compression;
  std::vector<rocksdb::ColumnFamilyDescriptor> out;
  out.emplace_back(kFamilyNames[kDefault], family_options(cache, 1U << 20U));
  out.emplace_back(kFamilyNames[kChunks], chunks);
  out.emplace_back(kFamilyNames[kSeries], series);
  out.emplace_back(kFamilyNames[kMeta], family_options(cache, 1U << 20U));
  out.emplace_back(kFamilyNames[kCells], cells);
  return out;
}

}  // namespace hygge::storage
