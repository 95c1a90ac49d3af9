// Named figures, one a line: what a report or a database amounts to.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::command {

class Context;

class Figures {
 public:
  void count(std::string_view name, std::uint64_t value);
  void bytes(std::string_view name, std::uint64_t value);
  void text(std::string_view name, std::string value);
  /// As a table grouped or --human; otherwise `name TAB value`, numbers as they are.
  [[nodiscard]] Result<void> write(Context& context) const;

 private:
  enum class Kind : std::uint8_t { count, bytes, text };
  struct Figure {
    Kind kind;
    std::string name;
    std::uint64_t value;
    std::string text;
  };
  std::vector<Figure> figures_;
};

}  // namespace hygge::command
