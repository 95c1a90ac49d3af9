#include "storage/db/directory.h"

#include <fmt/format.h>
#include <hygge/house.h>

#include <random>
#include <utility>

namespace hygge::storage {

std::string join(std::string_view dir, std::string_view name) {
  return fmt::format("{}/{}", dir, name);
}

DatabaseId random_id() {
  std::random_device random;
  DatabaseId id;
  for (std::uint8_t& byte : id) byte = static_cast<std::uint8_t>(random());
  return id;
}

Result<bool> may_create_in(Files& files, const std::string& dir) {
  auto entries = files.list(dir);
  if (!entries) return tl::unexpected<Error>(entries.error());
  for (const FileInfo& entry : *entries) {
    const bool ours = entry.name == kLockFile || entry.name == kLogDir || entry.name == kStoreDir ||
                      entry.name.starts_with("HYGGE.");
    if (!ours) return false;
  }
  return true;
}

tl::unexpected<Error> no_database(const std::string& dir, bool other_files) {
  // One that we may not look into is not one that holds nothing.
  const auto listed = posix_files().list(dir);
  if (!listed && listed.error().code == ErrorCode::read_only) {
    return tl::unexpected<Error>(listed.error());
  }
  return fail(
      ErrorCode::not_found,
      fmt::format("{} is not a hygge database: {}", dir,
                  other_files ? "it holds other files and no HYGGE" : "there is no HYGGE in it"),
      "name another directory, or let `hygge import` or Options::create_if_missing make one");
}

Result<Identity> read_identity(Files& files, const std::string& dir) {
  auto text = files.read(join(dir, kIdentityFile));
  if (!text) return tl::unexpected<Error>(text.error());
  auto identity = parse_identity(*text);
  if (!identity) {
    Error error = identity.error();
    error.message = fmt::format("{}: {}", dir, error.message);
    return tl::unexpected<Error>(std::move(error));
  }
  return identity;
}

Result<void> check_there(Files& files, const std::string& dir) {
  if (files.exists(join(dir, kIdentityFile))) return {};
  if (files.exists(dir)) return no_database(dir, /*other_files=*/false);
  return fail(ErrorCode::not_found, fmt::format("{}: no such database", dir),
              "`hygge import` makes one");
}

Result<void> write_identity(Files& files, const std::string& dir, const Identity& identity) {
  const std::string temporary = join(dir, "HYGGE.tmp");
  if (auto wrote = files.write_synced(temporary, to_text(identity)); !wrote) return wrote;
  if (auto moved = files.rename(temporary, join(dir, kIdentityFile)); !moved) return moved;
  return files.sync_directory(dir);
}

}  // namespace hygge::storage

namespace hygge {

Result<Directory> identify(const std::string& dir) {
  storage::Files& files = storage::posix_files();
  if (auto there = storage::check_there(files, dir); !there) {
    return tl::unexpected<Error>(there.error());
  }
  const auto identity = storage::read_identity(files, dir);
  if (!identity) return tl::unexpected<Error>(identity.error());
  Directory out{
      identity->format, storage::kFormatVersion, {}, identity->created_ms, identity->snapshot};
  for (const std::uint8_t byte : identity->id) out.id += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace hygge
