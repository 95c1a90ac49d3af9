// Numbers in digits without an exponent.
#pragma once

#include <string>

namespace hygge {

/// Appends the fewest digits that read back as `value`, which is finite, and zeros up to the point:
/// 1e23 as a one and 23 zeros, where std::to_chars writes all digits of the double nearest to it.
/// Fewer than 400 bytes.
void append_fixed(std::string& out, double value);

}  // namespace hygge
