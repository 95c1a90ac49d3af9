#include <hygge/clock.h>

#include <chrono>

namespace hygge {

Clock system_clock() {
  return [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  };
}

}  // namespace hygge
