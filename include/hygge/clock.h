// The clock that a database asks. Computations never read one: they are given their `now`.
#pragma once

#include <cstdint>
#include <functional>

namespace hygge {

/// Returns milliseconds since the epoch, UTC. Called from any thread.
using Clock = std::function<std::int64_t()>;

/// The system's clock.
[[nodiscard]] Clock system_clock();

}  // namespace hygge
