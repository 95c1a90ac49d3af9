#include "codec/pack/groups_writer.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "codec/pack/format.h"

namespace hygge::pack {

namespace {

// Eight values of fewer than 16 bits: a tree of shifts, one word or two.
void write8_narrow(std::uint8_t* at, const std::uint64_t* r, unsigned w) noexcept {
  const std::uint64_t low = (r[0] | r[1] << w) | (r[2] | r[3] << w) << 2 * w;
  const std::uint64_t high = (r[4] | r[5] << w) | (r[6] | r[7] << w) << 2 * w;
  store_le(at, low | high << 4 * w);
  if (w > 8) store_le(at + 8, high >> (64 - 4 * w));
}

// Eight values of w bits, 1 … 57 or 64.
void write8(std::uint8_t* at, const std::uint64_t* r, unsigned w) noexcept {
  if (w < 16) {
    write8_narrow(at, r, w);
    return;
  }
  std::uint64_t word = 0;
  unsigned filled = 0;
  for (std::size_t k = 0; k < kHalf; ++k) {
    word |= r[k] << filled;
    filled += w;
    if (filled < 64) continue;
    store_le(at, word);
    at += 8;
    filled -= 64;
    word = filled == 0 ? 0 : r[k] >> (w - filled);
  }
  store_le(at, word);
}

std::uint8_t* write_sparse(std::uint8_t* at, const std::uint64_t* r, unsigned w) noexcept {
  std::uint64_t kept[kHalf] = {};
  std::size_t count = 0;
  unsigned mask = 0;
  for (std::size_t k = 0; k < kHalf; ++k) {
    const unsigned here = r[k] != 0 ? 1 : 0;
    kept[count] = r[k];  // a zero is written over by what follows, or stays as the zero it is
    count += here;
    mask |= here << k;
  }
  *at++ = static_cast<std::uint8_t>(mask);
  write8(at, kept, w);
  return at + (count * w + 7) / 8;
}

}  // namespace

std::uint8_t* write_groups(std::uint8_t* at, const std::uint64_t* r, std::size_t n,
                           const std::uint8_t* widths) noexcept {
  std::memcpy(at, widths, group_count(n));
  at += group_count(n);
  for (std::size_t i = 0; i < n; i += kHalf) {
    const std::uint8_t width_byte = widths[i / kGroup];
    const unsigned w = width_byte & kWidthMask;
    if (w == 0) continue;
    if (width_byte >= kSparse) {
      at = write_sparse(at, r + i, w);
    } else {
      write8(at, r + i, w);
      at += (std::min(kHalf, n - i) * w + 7) / 8;
    }
  }
  return at;
}

}  // namespace hygge::pack
