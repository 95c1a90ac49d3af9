// Dots and lines in characters: braille (two by four dots each), or one ASCII character a cell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hygge::command {

struct Dot {
  int x = 0;
  int y = 0;  ///< downwards
};

/// Several curves on one surface; where they share a cell the last drawn gives its colour.
class Canvas {
 public:
  Canvas(std::size_t cells_across, std::size_t cells_down, bool ascii);

  [[nodiscard]] std::size_t cells_across() const noexcept { return across_; }
  [[nodiscard]] std::size_t dots_across() const noexcept { return across_ * (ascii_ ? 1 : 2); }
  [[nodiscard]] std::size_t dots_down() const noexcept { return down_ * (ascii_ ? 1 : 4); }

  /// A straight line of curve `index`, both ends included. What lies outside is left out.
  void line(Dot from, Dot to, std::size_t index);

  /// A row of cells as text, without blanks at its end.
  [[nodiscard]] std::string row(std::size_t row, bool color) const;
  /// What stands for curve `index` in a legend.
  [[nodiscard]] std::string mark(std::size_t index, bool color) const;

 private:
  struct Cell {
    std::uint8_t dots = 0;  ///< braille's bits; with ASCII 1
    std::uint8_t curve = 0;
  };
  void set(Dot dot, std::size_t index);

  std::size_t across_, down_;
  bool ascii_;
  std::vector<Cell> cells_;
};

}  // namespace hygge::command
