// A power cut for a whole process, RocksDB included: what was written and not synced may be lost.
//
// The program that links power.cc has its write(), pwrite(), ftruncate(), fsync() and fdatasync()
// replaced by ones that note, per file, up to where it was written and up to where it was synced.
// The notes lie in a shared file, so that they outlive a SIGKILL and the processes of many rounds.
// After the kill cut_power() takes away some of what was not synced.
//
// Files grow at their end only, which holds for log segments and for all that RocksDB writes. That
// entries of directories are lost too is for tests/storage/log (log_power_test), which has a file
// layer of its own.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace hygge::test {

/// Notes from now on, in `path`, which is made if absent. False: it cannot be mapped.
[[nodiscard]] bool note_writes(const std::string& path);

struct PowerCut {
  std::uint64_t files = 0;  ///< that lost something
  std::uint64_t bytes = 0;
};
/// Takes from the files below `dir` what `path` notes as not synced: everything, a tail, or some
/// pages, as `random` has it. What stays has been written to the disk meanwhile.
PowerCut cut_power(const std::string& path, const std::string& dir, std::mt19937_64& random);

}  // namespace hygge::test
