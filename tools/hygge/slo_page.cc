// slo report --format html: the reports as a page.
#include <hygge/slo_file.h>
#include <hygge/slo_page.h>

#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "slo.h"

namespace hygge::command {

namespace {

Result<formats::PageSlo> page_of(const Context& context, const Db& db,
                                 const slo::Definition& definition, TimeMs at_ms,
                                 const formats::PageOptions& options) {
  std::vector<std::string> notes;
  const auto track =
      slo::load(db, definition, formats::page_range(definition, at_ms, options), notes);
  if (!track) return tl::unexpected<Error>(track.error());
  formats::PageSlo out = formats::page_slo(*track, definition, at_ms, options);
  out.report.notes.insert(out.report.notes.end(), notes.begin(), notes.end());
  auto periods = periods_of(context, db, definition, at_ms);
  if (!periods) return tl::unexpected<Error>(periods.error());
  out.by = periods->by;
  out.periods = std::move(periods->reports);
  return out;
}

}  // namespace

Result<int> run_slo_page(Context& context, const Definitions& definitions, const Db& db,
                         TimeMs at_ms) {
  formats::PageOptions options;
  options.tz = context.zone().name();
  if (const auto path = context.arguments().get("incidents")) {
    auto incidents = formats::load_incidents(*path);
    if (!incidents) return tl::unexpected<Error>(incidents.error());
    options.incidents = std::move(*incidents);
  }
  std::vector<formats::PageSlo> slos;
  bool breached = false, insufficient = false;
  for (const slo::Definition& definition : definitions) {
    auto page = page_of(context, db, definition, at_ms, options);
    if (!page) return tl::unexpected<Error>(page.error());
    breached = breached || page->report.verdict == slo::Verdict::breached;
    insufficient = insufficient || page->report.verdict == slo::Verdict::insufficient;
    tell_notes(context, definition, page->report.notes);
    slos.push_back(std::move(*page));
  }
  return finish_slo(context.out().write(formats::slo_page(at_ms, slos)),
                    worst_of(breached, insufficient));
}

}  // namespace hygge::command
