// Opens a database, writes, reads windows, asks PromQL and an SLO. Run: embed DIRECTORY [SLO.yaml]
#include <hygge/hygge.h>
#include <hygge/slo_file.h>

#include <cstdio>
#include <string>

using namespace hygge;
using namespace std::chrono_literals;

namespace {

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto opened = Db::open(argv[1], {.create_if_missing = true, .sync = Sync::every(1s)});
  if (!opened) return complain(opened.error());
  Db db = std::move(*opened);

  // Write: by series id, the fast path, or by labels.
  const TimeMs start_ms = 1'767'225'600'000;
  const auto ok = db.series({{"__name__", "http_requests_total"}, {"job", "shop"}, {"code", "200"}});
  const auto bad = db.series({{"__name__", "http_requests_total"}, {"job", "shop"}, {"code", "500"}});
  if (!ok || !bad) return complain(!ok ? ok.error() : bad.error());
  TimeMs now_ms = start_ms;
  for (int i = 0; i <= 240; ++i, now_ms = start_ms + i * 15'000) {
    Batch batch;
    batch.add(*ok, now_ms, 100.0 * i);
    batch.add(*bad, now_ms, i < 200 ? 0 : 10.0 * (i - 200));
    batch.add({{"__name__", "up"}, {"job", "shop"}}, now_ms, 1.0);
    if (auto written = db.write(batch); !written) return complain(written.error());
  }
  now_ms = start_ms + 240 * 15'000;

  // Read: one view for all selectors, then windows over it.
  const auto all = selector("http_requests_total");
  if (!all) return complain(all.error());
  const Window five = Window::increase(5min);
  const Steps at = steps(start_ms + 600'000, now_ms, 5min);
  const auto view = db.view({*all}, range_for(five, at));
  if (!view) return complain(view.error());
  const auto rows = window(*view, 0, five, at);
  if (!rows) return complain(rows.error());
  for (const Row& row : rows->rows) {
    std::printf("%s grew by %.0f in the last 5 minutes\n", to_string(row.labels).c_str(),
                row.v.back());
  }

  // Ask.
  const auto answer = promql::query(
      db, R"(sum(rate(http_requests_total{code="500"}[5m])) / sum(rate(http_requests_total[5m])))",
      instant(now_ms));
  if (!answer) return complain(answer.error());
  for (const auto& series : answer->series) std::printf("error ratio %.4f\n", series.v.back());

  if (argc > 2) {
    const auto slos = formats::load_slos(std::string(argv[2]));
    if (!slos) return complain(slos.error());
    for (const auto& definition : *slos) {
      const auto report = slo::report(db, definition, now_ms);
      if (!report) return complain(report.error());
      std::printf("%s: %.0f bad of %.0f, %s\n", definition.name.c_str(), report->counts.bad,
                  report->counts.total, std::string(to_string(report->verdict)).c_str());
    }
  }
  return 0;
}
