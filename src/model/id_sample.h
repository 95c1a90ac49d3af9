// A sample of a series by id: what a batch becomes once its labels are resolved.
#pragma once

#include <hygge/time.h>

#include <cstdint>

namespace hygge::storage {

struct IdSample {
  std::uint32_t series = 0;
  TimeMs t_ms = 0;
  double v = 0;
};

}  // namespace hygge::storage
