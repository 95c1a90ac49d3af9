// What can be done with a database directory as a whole, whether or not somebody has it open:
// copies, checks, repair.
#pragma once

#include <hygge/clock.h>
#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/time.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hygge {

/// What a directory says that it is.
struct Directory {
  std::uint32_t format = 0;         ///< of its files
  std::uint32_t newest_format = 0;  ///< that this library writes
  std::string id;                   ///< 32 hexadecimal digits; copies have others
  TimeMs created_ms = 0;
  bool snapshot = false;  ///< only to be read
};
/// Reads the file HYGGE. Errors: not_found, corruption, version (a newer format; names both).
[[nodiscard]] Result<Directory> identify(const std::string& dir);

/// Makes a database of its own at `to`, which must not exist, of the one at `dir`: every batch
/// acknowledged before the call, none in part. Tables are shared by hard links where the file
/// system can, so that a clone of any size takes a moment and no space; elsewhere they are copied.
/// Both can be written afterwards, and share nothing that changes. Nothing in `dir` is changed; a
/// writer may be at work on it, in this process or another. Grows in `to`.tmp; cut short at any
/// step, nothing stands at `to`. O(files + bytes of log since the mark). Errors: already_exists;
/// busy (another copy to that name is at work); not_found, corruption (of the original), no_space,
/// io.
[[nodiscard]] Result<CopyReport> clone(const std::string& dir, const std::string& to);
/// The same, but the copy is only ever read: Db::open refuses it, Db::open_read_only and clone()
/// take it.
[[nodiscard]] Result<CopyReport> snapshot(const std::string& dir, const std::string& to);

struct VerifyOptions {
  bool deep = false;  ///< also read every series as a query does
};
/// Db::verify of a directory that may be too damaged to open, as a reader. Errors: not_found (no
/// database), version, and others that are not damage.
[[nodiscard]] Result<VerifyReport> verify(const std::string& dir,
                                          const VerifyOptions& options = {});

struct RepairOptions {
  bool dry_run = false;  ///< only say what is damaged
  Clock clock = system_clock();
};
struct RepairReport {
  bool whole = false;                ///< nothing is damaged any more; of a dry run: nothing was
  std::vector<Damage> damage;        ///< what was found
  std::vector<std::string> actions;  ///< what was done; for people to read
  std::string quarantine;            ///< folder with what was set aside; "" if nothing was
};
/// Makes a damaged database one that opens, with all that can still be read of it. What is damaged
/// is set aside in `dir`/quarantine, never removed. Needs about the size of the store free. Errors:
/// busy (somebody has it open for writing), not_found, version, no_space, io; corruption where
/// nothing says which database this is. May be called again after any of them.
[[nodiscard]] Result<RepairReport> repair(const std::string& dir,
                                          const RepairOptions& options = {});

}  // namespace hygge
