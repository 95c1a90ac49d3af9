// The decoder of Gorilla payloads: any bytes give samples or an error. What decodes must encode and
// decode again to the same.
#include <hygge/gorilla.h>

#include <bit>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hygge::gorilla;
  Samples first;
  if (decode({data, size}, first) != Error::none) return 0;
  Samples second;
  if (decode(encode(first.t, first.v), second) != Error::none) std::abort();
  if (first.t != second.t || first.v.size() != second.v.size()) std::abort();
  for (std::size_t i = 0; i < first.v.size(); ++i) {
    if (std::bit_cast<std::uint64_t>(first.v[i]) != std::bit_cast<std::uint64_t>(second.v[i]))
      std::abort();
  }
  return 0;
}
