#include "formats/importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "model/quote.h"

namespace hygge::formats {

namespace {

constexpr std::chrono::milliseconds kHeartbeat{100};

constexpr std::array<std::string_view, static_cast<std::size_t>(Warning::count)> kWarnings{
    "a # TYPE contradicts an earlier one, which stays",
    "a # HELP or # UNIT differs from an earlier one, which stays",
    "a family comes in several pieces; all of it is stored",
    "times of a series go back; all of it is stored",
    "no \"# EOF\" at the end: the file may be cut short",
    "the last line does not end in a line feed: the file may be cut short",
    "the file ends in \"# EOF\" and its times are seconds: `hygge import openmetrics` reads it",
    "a label of the input is replaced by the one that is added to all series",
    "the column start_ms is not stored",
};

}  // namespace

std::string excerpt(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return quoted(text);
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return quoted(text.substr(0, end)) + "…";
}

Importer::Importer(Input& input, const ImportOptions& options, Sink& sink, Families& families,
                   const ImportProgress& before, std::uint64_t number)
    : input_(input),
      options_(options),
      sink_(sink),
      families_(families),
      before_(before),
      number_(number),
      now_ms_(options.clock ? options.clock() : options.now_ms) {
  input_.while_waiting(kHeartbeat, [this] { return tell_progress(); });
}

Importer::~Importer() { input_.while_waiting(kHeartbeat, {}); }

Result<void> Importer::tell_progress() {
  if (options_.cancel.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
  if (!options_.progress) return {};
  ImportProgress now = before_;
  now.consumed += input_.consumed();
  now.lines += report_.lines;
  now.samples += report_.samples;
  return options_.progress(now);
}

Result<void> Importer::block_read() {
  if (options_.clock) now_ms_ = options_.clock();
  return tell_progress();
}

Result<void> Importer::reject(std::uint64_t line, std::string reason) {
  ++report_.rejected;
  if (options_.strict) {
    return fail(ErrorCode::parse, fmt::format("{}:{}: {}", file(), line, reason),
                "nothing was written; without --strict bad lines are counted and left out");
  }
  if (report_.rejects.size() < kKeptRejects) {
    report_.rejects.push_back({file(), line, std::move(reason)});
  }
  return {};
}

Result<void> Importer::read_failed(std::uint64_t line, const Error& error) {
  if (error.code != ErrorCode::parse) return tl::unexpected<Error>(error);
  std::string_view reason = error.message;
  if (reason.starts_with(file() + ": ")) reason.remove_prefix(file().size() + 2);
  return reject(line, std::string(reason));
}

Result<std::optional<std::uint32_t>> Importer::series(std::vector<Label> labels,
                                                      std::string& reason) {
  for (const Label& extra : options_.add_labels) {
    const auto same = [&](const Label& label) { return label.name == extra.name; };
    if (std::erase_if(labels, same) > 0) warn(Warning::label_replaced);
    labels.push_back(extra);
  }
  if (!options_.prefix.empty()) {
    for (Label& label : labels) {
      if (label.name == kNameLabel && !label.value.empty())
        label.value = options_.prefix + label.value;
    }
  }
  auto set = Labels::from(std::move(labels));
  if (!set) {
    reason = set.error().message;
    return std::optional<std::uint32_t>();
  }
  if (set->empty()) {
    reason = "a series without a name and without labels";
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

ImportReport Importer::finish() {
  for (std::size_t i = 0; i < warnings_.size(); ++i) {
    if (warnings_[i] > 0) report_.warnings[std::string(kWarnings[i])] += warnings_[i];
  }
  return std::move(report_);
}

}  // namespace hygge::formats
