// Databases of a benchmark, gone with it.
#pragma once

#include <hygge/db.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace hygge::bench {

class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "hygge-bench-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string db() const { return path_ + "/db"; }

 private:
  std::string path_;
};

/// Of a database that is filled once and then only read.
inline Options filled_once() {
  Options options;
  options.create_if_missing = true;
  options.sync = Sync::none();
  options.maintenance = Maintenance::manual;
  return options;
}

}  // namespace hygge::bench
