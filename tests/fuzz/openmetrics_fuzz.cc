// Any bytes as OpenMetrics; what is taken reads back from what is written of it.
#include "tests/fuzz/import_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hygge::formats::test::import_and_write_back("openmetrics", data, size);
  return 0;
}
