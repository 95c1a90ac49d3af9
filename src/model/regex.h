// A label's regular expression: RE2, anchored at both ends, its dot matches newline.
#pragma once

#include <hygge/error.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace hygge {

/// Linear time in the text whatever the pattern, and bounded memory. Words (`a|b|c`) and a literal
/// start are found without RE2. Thread-safe once made; cheap to copy.
class LabelRegex {
 public:
  /// Errors: parse (what RE2 says, which does not tell where; or too large a pattern).
  [[nodiscard]] static Result<LabelRegex> compile(std::string_view pattern);

  [[nodiscard]] bool matches(std::string_view text) const;

  /// `a|b|c` without any operator: its words, sorted, each once. Otherwise empty: ask matches().
  [[nodiscard]] const std::vector<std::string>& alternatives() const noexcept {
    return alternatives_;
  }

 private:
  std::vector<std::string> alternatives_;
  std::string prefix_;                        ///< every match starts with it
  std::shared_ptr<const re2::RE2> compiled_;  ///< null where `alternatives_` say it all
};

}  // namespace hygge
