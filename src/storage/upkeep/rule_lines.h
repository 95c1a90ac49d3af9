// Policy files: a rule a line, a selector first. Blank lines and lines that begin with # are none.
#pragma once

#include <hygge/error.h>
#include <hygge/selector.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::storage {

/// A line of the file, without the blanks around it.
struct RuleLine {
  std::string_view text;
  std::uint32_t number = 0;
  std::size_t offset = 0;  ///< of `text` in the file
  std::size_t column = 0;  ///< of its first byte, from 0

  /// The last word begins at `begin`; what is before it ends at `before`, 0 if nothing is.
  struct LastWord {
    std::size_t before = 0;
    std::size_t begin = 0;
  };
  [[nodiscard]] LastWord last_word() const;
  /// An error of parsing about [begin, end).
  [[nodiscard]] tl::unexpected<Error> wrong(std::size_t begin, std::size_t end,
                                            std::string_view what, std::string_view help) const;
  /// The selector in [0, end).
  [[nodiscard]] Result<Selector> selector_before(std::size_t end, std::string_view help) const;
};

[[nodiscard]] std::vector<RuleLine> rule_lines(std::string_view text);

}  // namespace hygge::storage
