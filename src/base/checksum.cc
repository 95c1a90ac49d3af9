#include "base/checksum.h"

#include <xxhash.h>

namespace hygge {

std::uint64_t hash64(Bytes bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace hygge
