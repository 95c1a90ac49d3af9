// export: samples out, sorted by family and labels, streamed.
#include <fmt/format.h>
#include <hygge/formats.h>

#include <string>
#include <string_view>

#include "context.h"
#include "pick.h"
#include "text.h"

namespace hygge::command {

namespace {

// Samples of one series; its family and itself are announced with the first of them.
Result<void> export_series(const formats::ExportFamily& family, bool& announced,
                           const Series& series, formats::Exporter& exporter) {
  BlockCursor blocks = series.blocks();
  bool named = false;
  while (const Block* block = blocks.next()) {
    if (block->t.empty()) continue;
    if (!announced) {
      if (auto done = exporter.family(family); !done) return done;
    }
    announced = true;
    if (!named) {
      if (auto done = exporter.series(series.labels()); !done) return done;
    }
    named = true;
    if (auto done = exporter.samples(block->t, block->v); !done) return done;
  }
  if (const Error* error = blocks.error()) return tl::unexpected<Error>(*error);
  return {};
}

Result<void> export_view(const View& view, formats::Exporter& exporter) {
  const std::span<const Series> all = view.series(0);
  const auto families = formats::group_families(
      all.size(), [&](std::size_t index) -> const Labels& { return all[index].labels(); },
      [&](std::string_view metric) { return view.metadata(metric); });
  if (auto begun = exporter.begin(); !begun) return begun;
  for (const formats::ExportFamily& family : families) {
    bool announced = false;
    for (const std::size_t index : family.series) {
      if (auto done = export_series(family, announced, all[index], exporter); !done) return done;
    }
  }
  return exporter.end();
}

void tell_what_is_missing(const Context& context, const formats::Exporter& exporter) {
  const auto tell = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) context.note(fmt::format("{} {}", grouped(count), what));
  };
  tell(exporter.stale_left_out, "staleness markers were left out: csv can say them");
  tell(exporter.types_unknown, "families were written as unknown: csv can say their type");
  tell(exporter.units_left_out,
       "families were written without their unit, which is not in the name");
  tell(exporter.nameless_left_out, "samples of series without a metric name were left out");
}

}  // namespace

Result<int> run_export(Context& context) {
  const auto selector = picked_selector(context);
  if (!selector) return tl::unexpected<Error>(selector.error());
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto range = context.range(*db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  auto view = db->view({*selector}, *range);
  if (!view) return tl::unexpected<Error>(view.error());
  auto exporter = formats::make_exporter(
      context.format(), [&](std::string_view text) { return context.out().write(text); });
  if (!exporter) return tl::unexpected<Error>(exporter.error());
  if (auto done = export_view(*view, **exporter); !done) return tl::unexpected<Error>(done.error());
  if (view->series(0).empty()) context.note(why_nothing(*db, *selector));
  tell_what_is_missing(context, **exporter);
  return 0;
}

}  // namespace hygge::command
