// verify() of a directory, which may be too damaged to open.
#include <hygge/house.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "storage/db/directory.h"
#include "storage/db/verify.h"
#include "storage/log/segment.h"
#include "storage/store/salvage.h"

namespace hygge {

namespace storage {

// The id that the log's segments name. Empty: there is no whole header.
std::optional<DatabaseId> id_in_log(Files& files, const std::string& dir) {
  const auto segments = list_segments(files, join(dir, kLogDir));
  if (!segments) return std::nullopt;
  for (const SegmentFile& segment : *segments) {
    auto file = files.open_read(segment.path);
    if (!file) continue;
    const auto header = (*file)->read_at(0, kSegmentHeaderBytes);
    if (!header) continue;
    if (header->size() < kSegmentHeaderBytes) continue;
    constexpr std::size_t kIdAt = 12;
    DatabaseId id;
    std::copy_n(as_bytes(*header).begin() + kIdAt, id.size(), id.begin());
    if (parse_segment_header(as_bytes(*header), id)) return id;
  }
  return std::nullopt;
}

bool may_be_ours(Files& files, const std::string& dir) {
  return files.exists(join(dir, kIdentityFile)) ||
         (files.exists(join(dir, kLogDir)) && files.exists(join(dir, kStoreDir)));
}

}  // namespace storage

using storage::Files;
using storage::join;

namespace {

// Reads a series as a query does.
std::string what_is_read(const Series& series, const std::optional<TimeBounds>& bounds,
                         TimeRange& range) {
  BlockCursor blocks = series.blocks();
  TimeMs last_ms = std::numeric_limits<TimeMs>::min();
  while (const Block* block = blocks.next()) {
    for (const TimeMs t_ms : block->t) {
      range = {t_ms - 1, t_ms};
      if (t_ms <= last_ms) return "its times do not rise";
      if (t_ms < series.birth_ms()) return "a sample before the birth of its series";
      if (!bounds || t_ms < bounds->first_ms || t_ms > bounds->last_ms) {
        return "a sample outside the bounds of the database";
      }
      last_ms = t_ms;
    }
  }
  // Named by its chunk already.
  return {};
}

Result<void> read_everything(const Db& db, VerifyReport& out) {
  const auto view = db.view({Selector{}}, everything());
  if (!view) return tl::unexpected<Error>(view.error());
  const auto bounds = db.time_bounds();
  for (const Series& series : view->series(0)) {
    TimeRange range;
    std::string what = what_is_read(series, bounds, range);
    if (!what.empty()) out.damage.push_back({"series", std::move(what), series.labels(), range});
  }
  return {};
}

void add_store_damage(const std::string& dir, VerifyReport& out) {
  for (storage::FileDamage& damage : storage::examine_store(join(dir, storage::kStoreDir))) {
    out.damage.push_back({std::move(damage.file), std::move(damage.what), std::nullopt, {}});
  }
}

// Of a directory that does not open.
VerifyReport examine(Files& files, const std::string& dir) {
  VerifyReport out;
  const auto identity = storage::read_identity(files, dir);
  auto id = identity ? std::optional(identity->id) : storage::id_in_log(files, dir);
  if (!identity) {
    out.damage.push_back(
        {std::string(storage::kIdentityFile), identity.error().message, std::nullopt, {}});
  }
  if (id) storage::verify_log_into(files, dir, *id, out);
  if (!id) {
    out.damage.push_back({"log", "no segment has a whole header", std::nullopt, {}});
  }
  add_store_damage(dir, out);
  return out;
}

}  // namespace

Result<VerifyReport> verify(const std::string& dir, const VerifyOptions& options) {
  Files& files = storage::posix_files();
  const auto db = Db::open_read_only(dir);
  if (db) {
    auto report = db->verify();
    if (!report || !options.deep) return report;
    if (auto read = read_everything(*db, *report); !read)
      return tl::unexpected<Error>(read.error());
    return report;
  }
  const bool damaged = db.error().code == ErrorCode::corruption ||
                       db.error().code == ErrorCode::not_found || db.error().code == ErrorCode::io;
  if (!damaged || !storage::may_be_ours(files, dir)) return tl::unexpected<Error>(db.error());
  VerifyReport out = examine(files, dir);
  if (out.ok()) out.damage.push_back({dir, db.error().message, std::nullopt, {}});
  return out;
}

}  // namespace hygge
