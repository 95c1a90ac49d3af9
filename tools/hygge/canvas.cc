#include "canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace hygge::command {

namespace {

constexpr std::string_view kAsciiMarks = "*+xo#@%=";
constexpr std::array<int, 8> kColors = {36, 33, 35, 32, 31, 34, 96, 93};

std::string colored(std::string_view text, std::size_t index, bool color) {
  return color ? fmt::format("\033[{}m{}\033[0m", kColors[index % kColors.size()], text)
               : std::string(text);
}

// U+2800 + dots, in UTF-8.
std::string braille(std::uint8_t dots) {
  const unsigned code = 0x2800U + dots;
  return {static_cast<char>(0xe0U | (code >> 12U)),
          static_cast<char>(0x80U | ((code >> 6U) & 0x3fU)),
          static_cast<char>(0x80U | (code & 0x3fU))};
}

}  // namespace

Canvas::Canvas(std::size_t cells_across, std::size_t cells_down, bool ascii)
    : across_(cells_across), down_(cells_down), ascii_(ascii), cells_(across_ * down_) {}

void Canvas::set(Dot dot, std::size_t index) {
  if (dot.x < 0 || dot.y < 0) return;
  const auto x = static_cast<std::size_t>(dot.x);
  const auto y = static_cast<std::size_t>(dot.y);
  if (x >= dots_across() || y >= dots_down()) return;
  // Bits of the dots of a braille character, by row and column (Unicode 2800–28FF).
  constexpr std::uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  Cell& cell = ascii_ ? cells_[y * across_ + x] : cells_[y / 4 * across_ + x / 2];
  cell.dots = static_cast<std::uint8_t>(cell.dots | (ascii_ ? 1U : kBits[y % 4][x % 2]));
  cell.curve = static_cast<std::uint8_t>(index);
}

void Canvas::line(Dot from, Dot to, std::size_t index) {
  const int steps = std::max(std::abs(to.x - from.x), std::abs(to.y - from.y));
  for (int i = 0; i <= steps; ++i) {
    const int half = steps / 2;
    const auto between = [&](int a, int b) {
      if (steps == 0) return a;
      const int moved = (b - a) * i;
      return a + (moved + (moved < 0 ? -half : half)) / steps;
    };
    set({between(from.x, to.x), between(from.y, to.y)}, index);
  }
}

std::string Canvas::row(std::size_t row, bool color) const {
  std::string out;
  std::size_t blanks = 0;
  std::string run;  // neighbours of one colour share its escape
  std::size_t run_curve = 0;
  const auto end_run = [&] {
    if (!run.empty()) out += colored(std::exchange(run, ""), run_curve, color);
  };
  for (std::size_t x = 0; x < across_; ++x) {
    const Cell& cell = cells_[row * across_ + x];
    if (cell.dots == 0) {
      ++blanks;
      continue;
    }
    if (blanks > 0 || cell.curve != run_curve) end_run();
    out.append(std::exchange(blanks, 0), ' ');
    run_curve = cell.curve;
    run +=
        ascii_ ? std::string(1, kAsciiMarks[cell.curve % kAsciiMarks.size()]) : braille(cell.dots);
  }
  end_run();
  return out;
}

std::string Canvas::mark(std::size_t index, bool color) const {
  const std::size_t letter = index % kAsciiMarks.size();
  return colored(ascii_ ? kAsciiMarks.substr(letter, 1) : "⣿", index, color);
}

}  // namespace hygge::command
