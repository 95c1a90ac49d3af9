// delete: forgets samples of the series that a selector matches.
#include <fmt/format.h>
#include <hygge/db.h>

#include <string>

#include "ask.h"
#include "context.h"
#include "figures.h"
#include "json.h"
#include "pick.h"
#include "text.h"

namespace hygge::command {

namespace {

std::string span_of(const Context& context, TimeRange range) {
  if (range == everything()) return "of all times";
  return fmt::format("after {} until {}", context.time(range.after), context.time(range.until));
}

Result<void> write_report(Context& context, const EraseReport& report, bool dry) {
  if (context.format() == "json") {
    Json json;
    json.open('{').member("schema", "hygge.delete/1").member("series", report.series);
    json.member("samples", report.samples).member("cells", report.cells);
    json.member("cells_cut", report.cells_cut).member("bytes", report.bytes);
    json.member("dry_run", dry).close('}');
    return context.out().write(json.out() + "\n");
  }
  Figures figures;
  figures.count("series", report.series);
  figures.count("samples", report.samples);
  if (report.cells > 0) {
    figures.count("cells", report.cells);
    figures.count("cells_cut", report.cells_cut);
  }
  if (report.cells_cut > 0) {
    context.note(
        "cells_cut lie only partly in the range: their samples have expired, so that the rest of "
        "them cannot be computed, and they go whole");
  }
  figures.bytes("bytes", report.bytes);
  return figures.write(context);
}

}  // namespace

Result<int> run_delete(Context& context) {
  const auto selector = picked_selector(context);
  if (!selector) return tl::unexpected<Error>(selector.error());
  const auto dir = context.directory();
  if (!dir) return tl::unexpected<Error>(dir.error());
  const bool dry = context.flag("dry-run");
  auto db = dry ? Db::open_read_only(*dir) : Db::open(*dir);
  if (!db) return tl::unexpected<Error>(db.error());
  const auto range = context.range(*db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  auto report = db->erase(*selector, *range, {.dry_run = true});
  if (!report) return tl::unexpected<Error>(report.error());
  if (report->samples == 0 && report->cells == 0) {
    const auto view = db->view({*selector}, everything());
    if (!view) return tl::unexpected<Error>(view.error());
    context.note(view->series(0).empty() ? why_nothing(*db, *selector)
                                         : "no samples in the range: nothing to delete");
  }
  if (!dry && (report->samples > 0 || report->cells > 0 || context.flag("now"))) {
    const std::string cells =
        report->cells > 0 ? fmt::format(" and {} cells", grouped(report->cells)) : "";
    const std::string question =
        fmt::format("delete {} samples{} of {} series {}?", grouped(report->samples), cells,
                    grouped(report->series), span_of(context, *range));
    if (auto agreed = ask(context, question); !agreed) return tl::unexpected<Error>(agreed.error());
    report = db->erase(*selector, *range, {.now = context.flag("now")});
    if (!report) return tl::unexpected<Error>(report.error());
  }
  if (dry) context.note("dry run: nothing was changed");
  if (auto closed = db->close(); !closed) return tl::unexpected<Error>(closed.error());
  if (auto wrote = write_report(context, *report, dry); !wrote) {
    return tl::unexpected<Error>(wrote.error());
  }
  if (report->still_on_disk) return tl::unexpected<Error>(*report->still_on_disk);
  return 0;
}

}  // namespace hygge::command
