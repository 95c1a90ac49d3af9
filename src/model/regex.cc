#include "model/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "model/quote.h"

namespace hygge {

namespace {

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

// The literal text that every match starts with. None where the first operator may undo what stands
// before it: an alternative, or a repetition of the last character.
std::string prefix_of(std::string_view pattern) {
  if (pattern.find('|') != std::string_view::npos) return {};
  const std::size_t end = pattern.find_first_of(kOperators);
  if (end == std::string_view::npos || end == 0) return {};
  const bool repeats = std::string_view("+*?{").find(pattern[end]) != std::string_view::npos;
  // One byte less may cut a character of several bytes; a prefix of bytes is still right.
  return std::string(pattern.substr(0, repeats ? end - 1 : end));
}

}  // namespace

Result<LabelRegex> LabelRegex::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(8 << 20);
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) {
    return fail(ErrorCode::parse,
                fmt::format("regular expression {}: {}", quoted(pattern), compiled->error()),
                "the syntax is RE2's: no look-around, no back-references");
  }
  LabelRegex out;
  out.alternatives_ = words_of(pattern);
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
