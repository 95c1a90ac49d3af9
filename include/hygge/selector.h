// Selectors: which series.
#pragma once

#include <hygge/error.h>
#include <hygge/labels.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hygge {

enum class MatchOp : std::uint8_t { equal, not_equal, regex, not_regex };

/// One condition on a label. A regex is RE2, anchored at both ends, its dot matches newline. A
/// matcher that matches "" also matches a series without that label.
struct Matcher {
  std::string name;
  MatchOp op = MatchOp::equal;
  std::string value;
  friend bool operator==(const Matcher&, const Matcher&) = default;
};

/// All matchers must hold. The metric's name is a matcher on `__name__`, first if written first.
struct Selector {
  std::vector<Matcher> matchers;
  friend bool operator==(const Selector&, const Selector&) = default;
};

/// Reads `metric{label="value",other=~"re"}` or `{"utf8 name", "label.x"!="v"}`, PromQL's vector
/// selector without range, offset and @. Errors: parse, with the place: grammar, a regex that RE2
/// refuses, or no matcher that excludes the empty string.
[[nodiscard]] Result<Selector> selector(std::string_view text);

/// PromQL's form: `metric{a="b",c=~"d"}`, which selector() reads back.
[[nodiscard]] std::string to_string(const Selector& selector);

}  // namespace hygge
