// Any bytes as Prometheus text.
#include "tests/fuzz/import_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hygge::formats::test::import_and_write_back("prometheus", data, size);
  return 0;
}
