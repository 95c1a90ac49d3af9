#include "model/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace hygge {

namespace {

// Of the program and of the automaton that RE2 makes of it while matching.
constexpr std::int64_t kMaxBytes = 8 << 20U;

constexpr std::string_view kOperators = R"(.+*?()|[]{}^$\)";

// The words of `a|b|c`; empty if the pattern is anything else.
std::vector<std::string> words_of(std::string_view pattern) {
  std::vector<std::string> words;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= pattern.size(); ++i) {
    if (i == pattern.size() || pattern[i] == '|') {
      words.emplace_back(pattern.substr(start, i - start));
      start = i + 1;
    } else if (kOperators.find(pattern[i]) != std::string_view::npos) {
      return {};
    }
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

// Whether the operator that ends a literal may undo its last character: a repetition, or what may
// stand between the two without being anything: `a(?i)?` and `a\Q\E?` are `a?`.
bool may_repeat(std::string_view at_operator) {
  constexpr std::string_view kRepetitions = "+*?{";
  return kRepetitions.find(at_operator[0]) != std::string_view::npos ||
         at_operator.starts_with("(?") || at_operator.starts_with("\\Q") ||
         at_operator.starts_with("\\E");
}

// The literal text that every match starts with. None where there are alternatives.
std::string prefix_of(std::string_view pattern) {
  if (pattern.find('|') != std::string_view::npos) return {};
  std::size_t end = pattern.find_first_of(kOperators);
  if (end == std::string_view::npos || end == 0) return {};
  if (may_repeat(pattern.substr(end))) {
    const auto continues = [&](std::size_t at) {
      return (static_cast<unsigned char>(pattern[at]) & 0xc0U) == 0x80U;
    };
    do {
      --end;
    } while (end > 0 && continues(end));
  }
  return std::string(pattern.substr(0, end));
}

}  // namespace

Result<LabelRegex> LabelRegex::compile(std::string_view pattern) {
  LabelRegex out;
  if (is_utf8(pattern)) out.alternatives_ = words_of(pattern);
  if (!out.alternatives_.empty()) return out;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kMaxBytes);
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) {
    return fail(ErrorCode::parse, "error parsing regexp: " + compiled->error(),
                "the syntax is RE2's: no look-around, no back-references");
  }
  out.prefix_ = prefix_of(pattern);
  out.compiled_ = std::move(compiled);
  return out;
}

bool LabelRegex::matches(std::string_view text) const {
  if (!alternatives_.empty()) {
    return std::binary_search(alternatives_.begin(), alternatives_.end(), text);
  }
  if (!text.starts_with(prefix_)) return false;
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

}  // namespace hygge
