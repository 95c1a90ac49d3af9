#include "slo/no_match.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/near.h"

namespace hygge::slo {

namespace {

// Farther away than this is another word.
constexpr std::size_t kMaxEdits = 3;

std::string guess(std::string_view name, const std::vector<std::string>& names) {
  const std::string_view near = nearest(name, std::span<const std::string>(names), kMaxEdits);
  return near.empty() ? std::string() : fmt::format(" (did you mean {}?)", near);
}

bool holds(const std::vector<std::string>& sorted, std::string_view name) {
  return std::find(sorted.begin(), sorted.end(), name) != sorted.end();
}

}  // namespace

std::string why_no_match(const Db& db, const Selector& selector) {
  const auto names = db.label_names();
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.op == MatchOp::not_equal || matcher.op == MatchOp::not_regex) continue;
    if (matcher.value.empty()) continue;
    if (matcher.name != kNameLabel && names && !holds(*names, matcher.name)) {
      return fmt::format("no series has a label {}{}", matcher.name, guess(matcher.name, *names));
    }
    if (matcher.op != MatchOp::equal) continue;
    const auto values = db.label_values(matcher.name);
    if (!values || holds(*values, matcher.value)) continue;
    if (matcher.name == kNameLabel) {
      return fmt::format("there is no metric {}{}", matcher.value, guess(matcher.value, *values));
    }
    return fmt::format("no series has {}=\"{}\"{}", matcher.name, matcher.value,
                       guess(matcher.value, *values));
  }
  return "each part of it matches some series, but no series matches all of it";
}

namespace {

// Of the definition whose selectors stand in the view from `first` on.
void note_one(const Db& db, const View& view, const Definition& definition, std::size_t first,
              std::vector<std::string>& notes) {
  if (view.series(first + 1).empty()) {
    notes.push_back(fmt::format("{} matches nothing: {}", definition.ok ? "ok" : "total",
                                why_no_match(db, definition.total)));
  } else if (view.series(first).empty()) {
    notes.push_back(fmt::format(
        "{} matches nothing, which counts as {}: {}", definition.part_is_good ? "good" : "bad",
        definition.part_is_good ? "all bad" : "no bad event", why_no_match(db, definition.part)));
  }
}

}  // namespace

void note_no_match(const Db& db, const View& view, const Definition& definition,
                   std::vector<std::string>& notes) {
  if (!definition.composite) return note_one(db, view, definition, 0, notes);
  for (std::size_t i = 0; i < definition.components.size(); ++i) {
    std::vector<std::string> own;
    note_one(db, view, definition.components[i], 2 * i, own);
    for (const std::string& note : own) {
      notes.push_back(fmt::format("{}: {}", definition.components[i].name, note));
    }
  }
}

}  // namespace hygge::slo
