#include "tests/crash/power.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <vector>

namespace hygge::test {

namespace {

struct Note {
  std::uint64_t inode;  ///< 0: free
  std::uint64_t written;
  std::uint64_t synced;
};
constexpr std::size_t kNotes = 16'384;
constexpr std::size_t kNoteBytes = kNotes * sizeof(Note);

Note* notes = nullptr;
std::mutex notes_mutex;

Note* map_notes(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return nullptr;
  // Not through our own ftruncate, which would note it.
  void* memory = MAP_FAILED;
  if (::posix_fallocate(fd, 0, static_cast<off_t>(kNoteBytes)) == 0) {
    memory = ::mmap(nullptr, kNoteBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  ::close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<Note*>(memory);
}

// Under notes_mutex. Null where the table is full or the file is none.
Note* note_of(Note* all, std::uint64_t inode, bool make) {
  for (std::size_t i = 0; i < kNotes; ++i) {
    Note& note = all[(inode + i) % kNotes];
    if (note.inode == inode) return &note;
    if (note.inode != 0) continue;
    if (!make) return nullptr;
    note = {inode, 0, 0};
    return &note;
  }
  return nullptr;
}

std::uint64_t inode_of(int fd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) return 0;
  return about.st_ino;
}

// Before the bytes go out: killed in between, more may be taken away than was written, never less.
void note_write(int fd, std::uint64_t offset, std::uint64_t bytes) {
  if (notes == nullptr || bytes == 0) return;
  const std::uint64_t inode = inode_of(fd);
  if (inode == 0) return;
  const std::lock_guard lock(notes_mutex);
  Note* const note = note_of(notes, inode, true);
  if (note == nullptr) return;
  if (offset == 0) *note = {inode, 0, 0};  // a new file: the number was another's before
  note->written = std::max(note->written, offset + bytes);
}

void note_truncate(int fd, std::uint64_t bytes) {
  if (notes == nullptr) return;
  const std::uint64_t inode = inode_of(fd);
  const std::lock_guard lock(notes_mutex);
  Note* const note = inode == 0 ? nullptr : note_of(notes, inode, false);
  if (note == nullptr) return;
  note->written = std::min(note->written, bytes);
  note->synced = std::min(note->synced, bytes);
}

template <typename Sync>
int noted_sync(int fd, Sync&& sync) {
  const std::uint64_t inode = notes == nullptr ? 0 : inode_of(fd);
  std::uint64_t written = 0;
  if (inode != 0) {
    const std::lock_guard lock(notes_mutex);
    if (const Note* const note = note_of(notes, inode, false)) written = note->written;
  }
  const int code = sync();
  if (code != 0 || inode == 0) return code;
  const std::lock_guard lock(notes_mutex);
  Note* const note = note_of(notes, inode, false);
  if (note != nullptr) note->synced = std::max(note->synced, std::min(written, note->written));
  return code;
}

/// The C library's function behind ours.
template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void zero(int fd, std::uint64_t from, std::uint64_t to) {
  const std::vector<char> zeros(to - from, '\0');
  static_cast<void>(::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(from)));
}

// Log segments are preallocated and keep their length; what is lost reads as zeros. Other files
// end where the last thing kept ends.
std::uint64_t lose(const std::string& path, std::uint64_t synced, std::uint64_t end,
                   std::mt19937_64& random) {
  constexpr std::uint64_t kPage = 4'096;
  const bool segment = path.ends_with(".seg");
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return 0;
  std::uint64_t lost = 0;
  const std::uint64_t kept = random() % 2 == 0 ? synced : synced + random() % (end - synced);
  if (!segment) {
    if (::ftruncate(fd, static_cast<off_t>(kept)) == 0) lost = end - kept;
  } else if (random() % 2 == 0) {
    zero(fd, kept, end);
    lost = end - kept;
  } else {
    for (std::uint64_t page = synced / kPage * kPage; page < end; page += kPage) {
      const std::uint64_t from = std::max(page, synced);
      const std::uint64_t to = std::min(page + kPage, end);
      if (random() % 2 == 0) continue;
      zero(fd, from, to);
      lost += to - from;
    }
  }
  ::close(fd);
  return lost;
}

}  // namespace

bool note_writes(const std::string& path) {
  notes = map_notes(path);
  return notes != nullptr;
}

PowerCut cut_power(const std::string& path, const std::string& dir, std::mt19937_64& random) {
  PowerCut out;
  Note* const all = map_notes(path);
  if (all == nullptr) return out;
  std::error_code ignored;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, ignored)) {
    if (entry.is_regular_file(ignored)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    struct stat about {};
    if (::stat(file.c_str(), &about) != 0) continue;
    Note* const note = note_of(all, about.st_ino, false);
    const auto size = static_cast<std::uint64_t>(about.st_size);
    const std::uint64_t end = note == nullptr ? 0 : std::min(note->written, size);
    if (note == nullptr || note->synced >= end) continue;
    const std::uint64_t lost = lose(file, note->synced, end, random);
    out.files += lost > 0 ? 1 : 0;
    out.bytes += lost;
    // The disk holds what is left.
    const auto left = static_cast<std::uint64_t>(std::filesystem::file_size(file, ignored));
    note->written = note->synced = std::min(end, left);
  }
  ::munmap(all, kNoteBytes);
  return out;
}

}  // namespace hygge::test

// The replacements. Shared libraries find them before the C library's, because the program's own
// symbols come first.
extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  static auto* const next = hygge::test::real<ssize_t(int, const void*, size_t)>("write");
  if (hygge::test::notes != nullptr) {
    const off_t at = ::lseek(fd, 0, SEEK_CUR);
    const bool appends = (::fcntl(fd, F_GETFL) & O_APPEND) != 0;
    struct stat about {};
    if (at >= 0 && ::fstat(fd, &about) == 0) {
      hygge::test::note_write(fd, static_cast<std::uint64_t>(appends ? about.st_size : at), count);
    }
  }
  return next(fd, bytes, count);
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  static auto* const next = hygge::test::real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  hygge::test::note_write(fd, static_cast<std::uint64_t>(offset), count);
  return next(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  return pwrite(fd, bytes, count, offset);
}

int ftruncate(int fd, off_t bytes) noexcept {
  static auto* const next = hygge::test::real<int(int, off_t)>("ftruncate");
  hygge::test::note_truncate(fd, static_cast<std::uint64_t>(bytes));
  return next(fd, bytes);
}

int ftruncate64(int fd, off64_t bytes) noexcept { return ftruncate(fd, bytes); }

int fsync(int fd) {
  static auto* const next = hygge::test::real<int(int)>("fsync");
  return hygge::test::noted_sync(fd, [&] { return next(fd); });
}

int fdatasync(int fd) {
  static auto* const next = hygge::test::real<int(int)>("fdatasync");
  return hygge::test::noted_sync(fd, [&] { return next(fd); });
}

}  // extern "C"
