// Writes groups of residuals; see format.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hygge::pack {

/// Bytes that may be written behind a group's end, to be written over by what follows.
inline constexpr std::size_t kWriteSlackBytes = 72;

/// Writes the groups of r (zeros up to lane_room(n)) with width bytes as Kernels::choose_widths
/// gave them. Returns the end; up to kWriteSlackBytes behind it are touched.
std::uint8_t* write_groups(std::uint8_t* at, const std::uint64_t* r, std::size_t n,
                           const std::uint8_t* widths) noexcept;

}  // namespace hygge::pack
