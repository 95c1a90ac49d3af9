#include "formats/importer.h"

#include <fmt/format.h>

#include <utility>

#include "model/quote.h"

namespace hygge::formats {

std::string excerpt(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return quoted(text);
  return quoted(text.substr(0, kShown)) + "…";
}

Result<void> Importer::reject(std::uint64_t line, std::string reason) {
  constexpr std::size_t kKept = 10;
  ++report_.rejected;
  if (options_.strict) {
    return fail(ErrorCode::parse, fmt::format("{}:{}: {}", file_, line, reason),
                "nothing was written; without --strict bad lines are counted and left out");
  }
  if (report_.rejects.size() < kKept) report_.rejects.push_back({file_, line, std::move(reason)});
  return {};
}

Result<std::optional<std::uint32_t>> Importer::series(std::vector<Label> labels,
                                                      std::string& reason) {
  for (const Label& extra : options_.add_labels) {
    std::erase_if(labels, [&](const Label& label) { return label.name == extra.name; });
    labels.push_back(extra);
  }
  if (!options_.prefix.empty()) {
    for (Label& label : labels) {
      if (label.name == kNameLabel) label.value = options_.prefix + label.value;
    }
  }
  auto set = Labels::from(std::move(labels));
  if (!set) {
    reason = set.error().message;
    return std::optional<std::uint32_t>();
  }
  auto id = sink_.series(*set);
  if (!id) {
    // What the database refuses about one series (a limit) is that line's fault, not the import's.
    const ErrorCode code = id.error().code;
    if (code != ErrorCode::limit && code != ErrorCode::invalid_argument) {
      return tl::unexpected<Error>(id.error());
    }
    reason = id.error().message;
    return std::optional<std::uint32_t>();
  }
  ++report_.series;
  return std::optional<std::uint32_t>(*id);
}

}  // namespace hygge::formats
