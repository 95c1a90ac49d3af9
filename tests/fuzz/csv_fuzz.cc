// Any bytes as CSV, in the long form if the header is right.
#include "tests/fuzz/import_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hygge::formats::test::import_and_write_back("csv", data, size);
  return 0;
}
