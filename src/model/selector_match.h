// Whether a label set is one that a selector picks: for sets that no index has.
#pragma once

#include <hygge/labels.h>
#include <hygge/selector.h>

#include <optional>
#include <vector>

#include "model/regex.h"

namespace hygge {

/// A selector with its regexes compiled; those that RE2 refuses match nothing. Thread-safe.
class SelectorMatch {
 public:
  explicit SelectorMatch(Selector selector);
  [[nodiscard]] bool matches(const Labels& labels) const;

 private:
  Selector selector_;
  std::vector<std::optional<LabelRegex>> regexes_;  ///< of each matcher
};

}  // namespace hygge
