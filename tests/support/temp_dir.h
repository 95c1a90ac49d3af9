// A folder of a test's own, gone with it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

namespace hygge::test {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hygge-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data()) == nullptr ? std::string() : pattern;
    EXPECT_FALSE(path_.empty());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The files of a folder, with their sizes; what vanishes meanwhile has none.
inline std::map<std::string, std::uintmax_t> files_of(const std::string& folder) {
  std::map<std::string, std::uintmax_t> out;
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, gone)) {
    out[entry.path().string()] = entry.file_size(gone);
  }
  return out;
}

/// A copy of a database's folder as it is, which is about what kill -9 leaves. The store may add
/// and remove files under the copy, of which a manifest copied before tells nothing: then it is
/// made once more.
inline void copy_directory(const std::string& from, const std::string& to) {
  std::error_code gone;
  std::map<std::string, std::uintmax_t> before;
  do {
    before = files_of(from);
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive, gone);
  } while (gone == std::errc::no_such_file_or_directory || files_of(from) != before);
  ASSERT_FALSE(gone) << gone.message();
}

}  // namespace hygge::test
