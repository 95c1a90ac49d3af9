#include "pick.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "context.h"

namespace hygge::command {

Result<Selector> picked_selector(Context& context) {
  const auto& values = context.arguments().values;
  if (values.empty()) return Selector{{{std::string(kNameLabel), MatchOp::regex, ".+"}}};
  context.set_expression(values[0]);
  return selector(values[0]);
}

std::string why_nothing(const Db& db, const Selector& selector) {
  const auto names = db.label_names();
  if (!names) return names.error().message;
  if (names->empty()) return "the database holds no series";
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.op != MatchOp::equal || matcher.value.empty()) continue;
    const bool metric = matcher.name == kNameLabel;
    if (std::find(names->begin(), names->end(), matcher.name) == names->end()) {
      return fmt::format("no label \"{}\"{}", matcher.name, did_you_mean(matcher.name, *names));
    }
    const auto values = db.label_values(matcher.name);
    if (!values) return values.error().message;
    if (std::find(values->begin(), values->end(), matcher.value) != values->end()) continue;
    const std::string near = did_you_mean(matcher.value, *values);
    return metric ? fmt::format("no metric \"{}\"{}", matcher.value, near)
                  : fmt::format("no value \"{}\" of label \"{}\"{}", matcher.value, matcher.name,
                                near);
  }
  return fmt::format("no series matches {} in the range", to_string(selector));
}

}  // namespace hygge::command
