// The database directory as a whole: what may stand in it, and its file HYGGE on disk.
#pragma once

#include <hygge/error.h>

#include <string>
#include <string_view>

#include "storage/db/identity.h"
#include "storage/file/files.h"

namespace hygge::storage {

[[nodiscard]] std::string join(std::string_view dir, std::string_view name);

[[nodiscard]] DatabaseId random_id();

/// Whether a directory without HYGGE holds nothing, or only the pieces of a creation or copy cut
/// short. Errors: those of listing it.
[[nodiscard]] Result<bool> may_create_in(Files& files, const std::string& dir);

[[nodiscard]] tl::unexpected<Error> no_database(const std::string& dir, bool other_files);

/// Errors: not_found, where there is no database.
[[nodiscard]] Result<void> check_there(Files& files, const std::string& dir);

/// Errors: those of reading it, corruption, version; with the directory's name.
[[nodiscard]] Result<Identity> read_identity(Files& files, const std::string& dir);
/// By rename, durable when it returns.
[[nodiscard]] Result<void> write_identity(Files& files, const std::string& dir,
                                          const Identity& identity);

}  // namespace hygge::storage
