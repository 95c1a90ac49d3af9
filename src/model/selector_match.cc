#include "model/selector_match.h"

#include <utility>

namespace hygge {

SelectorMatch::SelectorMatch(Selector selector) : selector_(std::move(selector)) {
  for (const Matcher& matcher : selector_.matchers) {
    std::optional<LabelRegex>& regex = regexes_.emplace_back();
    if (matcher.op != MatchOp::regex && matcher.op != MatchOp::not_regex) continue;
    if (auto compiled = LabelRegex::compile(matcher.value)) regex = std::move(*compiled);
  }
}

bool SelectorMatch::matches(const Labels& labels) const {
  for (std::size_t i = 0; i < selector_.matchers.size(); ++i) {
    const Matcher& matcher = selector_.matchers[i];
    const std::string_view value = labels.get(matcher.name);
    bool good = false;
    switch (matcher.op) {
      case MatchOp::equal:
        good = value == matcher.value;
        break;
      case MatchOp::not_equal:
        good = value != matcher.value;
        break;
      case MatchOp::regex:
        good = regexes_[i] && regexes_[i]->matches(value);
        break;
      case MatchOp::not_regex:
        good = regexes_[i] && !regexes_[i]->matches(value);
        break;
    }
    if (!good) return false;
  }
  return true;
}

}  // namespace hygge
