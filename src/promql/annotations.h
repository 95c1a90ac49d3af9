// Warnings and infos that travel with an answer, each once, with the place of its first cause.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/lexer.h"

namespace hygge::promql {

/// Go's %g: the shortest digits, exponents as 1e+06.
[[nodiscard]] std::string go_number(double value);

class Annotations {
 public:
  explicit Annotations(std::string_view text) noexcept : text_(text) {}

  void warn(TextSpan at, std::string_view message) { add(warnings_, "warning", at, message); }
  void inform(TextSpan at, std::string_view message) { add(infos_, "info", at, message); }

  [[nodiscard]] std::vector<std::string> warnings() const { return texts(warnings_); }
  [[nodiscard]] std::vector<std::string> infos() const { return texts(infos_); }

 private:
  struct Entry {
    std::string message;
    std::string text;  // with its place
  };
  void add(std::vector<Entry>& entries, std::string_view kind, TextSpan at,
           std::string_view message) const;
  [[nodiscard]] static std::vector<std::string> texts(const std::vector<Entry>& entries);

  std::string_view text_;
  std::vector<Entry> warnings_;
  std::vector<Entry> infos_;
};

}  // namespace hygge::promql
