// Checks that verify() and repair() share.
#pragma once

#include <hygge/db.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "model/chunk_key.h"
#include "storage/db/identity.h"
#include "storage/file/files.h"
#include "storage/store/store.h"

namespace hygge::storage {

/// Decodes a chunk and compares it with its key and envelope; "" if it is whole. `range` is set to
/// what the envelope says that it spans.
[[nodiscard]] std::string what_is_wrong(const ChunkKey& key, Bytes value, TimeRange& range);

/// Entry `mark` of `meta`: everything up to this record of the log was flushed together with it.
inline constexpr std::string_view kMarkName = "mark";
[[nodiscard]] std::string encode_stored_mark(std::uint64_t mark);

/// What the store says of the last mark that it was flushed for; 0 if it says nothing, or cannot be
/// opened.
[[nodiscard]] std::uint64_t store_mark(const Store& store);
[[nodiscard]] std::uint64_t store_mark(const std::string& store_dir);
[[nodiscard]] Error behind(const std::string& dir, std::uint64_t stored, std::uint64_t mark);
/// Errors: corruption where the store is behind the log's mark. What cannot be read is no matter
/// here.
[[nodiscard]] Result<void> check_not_behind(Files& files, const std::string& dir,
                                            const DatabaseId& id);
/// Whether the store lacks what the log's mark says that it holds: its manifest has lost its end.
[[nodiscard]] bool store_is_behind(Files& files, const std::string& dir, const DatabaseId& id,
                                   const Store& store);

/// The id that the log's segments name; empty where none has a whole header.
[[nodiscard]] std::optional<DatabaseId> id_in_log(Files& files, const std::string& dir);
/// Whether a directory is a database, or what is left of one.
[[nodiscard]] bool may_be_ours(Files& files, const std::string& dir);

/// Adds what verify_log finds.
void verify_log_into(Files& files, const std::string& dir, const DatabaseId& id, VerifyReport& out);

}  // namespace hygge::storage
