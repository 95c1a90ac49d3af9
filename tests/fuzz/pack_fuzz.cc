// The decoder of Pack payloads: any bytes give samples or an error, the same with all kernels that
// the processor runs. What decodes must encode and decode again to the same.
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "codec/pack/pack.h"

namespace {

using hygge::Bytes;
using namespace hygge::pack;

struct Samples {
  std::vector<hygge::TimeMs> t;
  std::vector<double> v;
  bool operator==(const Samples& other) const {
    return t == other.t && v.size() == other.v.size() &&
           (v.empty() || std::memcmp(v.data(), other.v.data(), v.size() * sizeof(double)) == 0);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const UsableKernels usable = usable_kernels();
  Samples first;
  const Error error = decode({data, size}, first.t, first.v, *usable.sets[0]);
  for (std::size_t i = 1; i < usable.count; ++i) {
    Samples other;
    if (decode({data, size}, other.t, other.v, *usable.sets[i]) != error) std::abort();
    if (error == Error::none && !(other == first)) std::abort();
  }
  if (error != Error::none) return 0;
  std::string payload;
  Encoder().append(first.t, first.v, payload);
  Samples second;
  if (decode(hygge::as_bytes(payload), second.t, second.v) != Error::none) std::abort();
  if (!(second == first)) std::abort();
  return 0;
}
