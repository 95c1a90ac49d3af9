#include "tests/support/source_dir.h"

namespace hygge::test {

std::string in_source(std::string_view path) {
  return std::string(HYGGE_SOURCE_DIR "/").append(path);
}

}  // namespace hygge::test
