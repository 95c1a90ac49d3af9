#include "verbs.h"

#include <array>

#include "house.h"
#include "slo.h"

namespace hygge::command {

namespace {

constexpr std::string_view kCommon =
    "db tz format output human color ascii quiet verbose wide help";

constexpr std::array kFlags = std::to_array<Flag>({
    {"db", 0, "DIR", "the database; else $HYGGE_DB", ""},
    {"url", 0, "URL", "ask a server of Prometheus' API instead of a database; else $HYGGE_URL", ""},
    {"token-file", 0, "FILE", "its first line is the server's bearer token; else $HYGGE_TOKEN_FILE",
     ""},
    {"lookback", 0, "D",
     "how old an instant selector's sample may be, default: 5m; what a forecast goes by: 1d", ""},
    {"tier", 0, "TIER", "read windows from raw samples, or from cells as 5m; default: auto", ""},
    {"threads", 0, "N",
     "threads of a query; default: 0, one per processor, at most 8; serve: of all that run", ""},
    {"strict-promql", 0, "", "refuse what Prometheus would: let, topk_range, zones", ""},
    {"at", 0, "TIME", "the instant of the question; default: now", ""},
    {"range", 0, "R", "1h, -7d..-1d, 2026-03-01..2026-04-01, today, yesterday, last-month, all",
     ""},
    {"step", 0, "D", "distance of the steps; default: range/240, rounded up", ""},
    {"tz", 0, "ZONE", "IANA zone or local, for input and output; default: $HYGGE_TZ or UTC", ""},
    {"format", 0, "F", "how the answer is written; default: $HYGGE_FORMAT, else by -o or terminal",
     ""},
    {"output", 'o', "FILE", "write to FILE instead of stdout; never half a file", ""},
    {"limit", 0, "N", "rows of a table, or all; default 100 on a terminal", ""},
    {"human", 0, "", "round numbers: 12.3 M, 1.2 GiB", ""},
    {"color", 0, "WHEN", "auto, always or never", "auto always never"},
    {"ascii", 0, "", "nothing but ASCII in tables and plots", ""},
    {"quiet", 'q', "", "no notes on stderr, errors only", ""},
    {"verbose", 'v', "", "say more on stderr", ""},
    {"wide", 0, "", "do not fit tables to the terminal", ""},
    {"progress", 0, "WHEN", "auto, json (a line a second on stderr) or never", "auto json never"},
    {"dry-run", 0, "", "read and count only; change nothing", ""},
    {"deep", 0, "", "also read every series as a query does", ""},
    {"yes", 0, "", "do not ask", ""},
    {"now", 0, "", "off the disk, too: no file holds a deleted value when it returns", ""},
    {"explain", 0, "", "how the answer came about", ""},
    {"exact", 0, "", "refuse what expired samples leave only within a bound", ""},
    {"from", 0, "FORMAT:FILE", "ask a file instead of a database; - is stdin", ""},
    {"to", 0, "FORMAT", "openmetrics or csv; slo rules: prometheus", "openmetrics csv prometheus"},
    {"partial", 0, "", "leave out what the other side cannot say, with a comment", ""},
    {"strict", 0, "", "the first bad line ends it with exit 2 and nothing written", ""},
    {"label", 0, "K=V", "add a label to every series; may be repeated", ""},
    {"prefix", 0, "TEXT", "before every metric name", ""},
    {"any-time", 0, "", "take times outside 1990-2100", ""},
    {"delimiter", 0, "CHAR", "between the fields of a csv; default: comma", ""},
    {"keep-created", 0, "", "openmetrics: store _created as series", ""},
    {"type", 0, "TYPE", "of metrics for which the input has none", "counter delta gauge"},
    {"height", 0, "N", "rows of a plot; default 13", ""},
    {"by", 0, "WHAT",
     "metric, label, label=value, or the values of one label: job=value; slo report: week, month, "
     "quarter, year",
     ""},
    {"last", 0, "N", "of --by the last N periods; default: 12", ""},
    {"diff", 0, "R", "compare with an earlier range", ""},
    {"bytes", 0, "", "also what the chunks take; walks those of the range", ""},
    {"only", 0, "NAME", "only the SLO of this name", ""},
    {"static", 0, "", "look at the files only, not at a database", ""},
    {"windows", 0, "D,D", "burn rates over these windows too, for example 1h,6h,3d", ""},
    {"target", 0, "P,P", "percentages to try, for example 99,99.5,99.9; default: the SLO's own",
     ""},
    {"window", 0, "W,W", "windows to try: durations, week, month, quarter, year", ""},
    {"method", 0, "M,M", "methods to try: occurrences, timeslices(5m, 99), ratio-timeslices(5m)",
     ""},
    {"stride", 0, "D", "between the ends of the windows that are tried; default: 1d", ""},
    {"policy", 0, "F,F", "files of alert rules, or the words own and google", ""},
    {"incidents", 0, "CSV", "what the alerts should tell of: id,start,end; slo report: of a page",
     ""},
    {"significant", 0, "P", "share of the budget that makes errors an incident; default: 2%", ""},
    {"slack", 0, "D", "so long after its end an alert may tell of an incident; default: 5m", ""},
    {"night", 0, "H-H", "hours of the night, default: 22-07", ""},
    {"within", 0, "D", "exit 1 where the budget will be gone this soon", ""},
    {"listen", 0, "HOST:PORT", "where to listen; default: 127.0.0.1:4944", ""},
    {"try", 0, "CODEC", "what this codec would make of chunks that are in another", "pack"},
    {"help", 'h', "", "help on the verb", ""},
});

constexpr std::string_view kTables = "tsv table json jsonl csv md";

constexpr std::array kImportExamples = std::to_array<std::string_view>({
    "--db shop.hygge import openmetrics examples/shop/shop.om.gz",
    "--db node.hygge import prometheus --label job=node - < metrics.txt",
    "--db shop.hygge import csv --strict --dry-run samples.csv",
});
constexpr std::array kWriteExamples = std::to_array<std::string_view>({
    "--db live.hygge write < metrics.txt",
    "--db live.hygge write --label host=web1 metrics.txt",
    "--db live.hygge write csv samples.csv",
});
constexpr std::array kExportExamples = std::to_array<std::string_view>({
    "--db shop.hygge export --to openmetrics -o all.om",
    "--db shop.hygge export edge_requests_total --to csv --range 10m --at last",
    "--db shop.hygge export '{job=\"edge\"}' --to csv -o edge.csv",
});
constexpr std::array kDeleteExamples = std::to_array<std::string_view>({
    "--db shop.hygge delete 'edge_requests_total{code=\"500\"}' --range 10m --at last --dry-run",
    "--db shop.hygge delete '{job=\"edge\"}' --range 1h --at last --dry-run --format json",
    "--db node.hygge delete '{job=\"node\"}' --now --yes",
});
constexpr std::array kQueryExamples = std::to_array<std::string_view>({
    "--db shop.hygge query 'sum by (code) (rate(edge_requests_total[5m]))' --at last",
    "--db shop.hygge query up --at last --range 30m --step 5m --format csv",
    "query up --from prometheus:metrics.txt",
});
constexpr std::array kPlotExamples = std::to_array<std::string_view>({
    "--db shop.hygge plot 'sum by (code) (rate(edge_requests_total[1m]))' --at last --range 50m",
    "--db shop.hygge plot up --at last --ascii",
    "--db shop.hygge plot 'rate(edge_requests_total[5m])' --range first..last --step 1m",
});
constexpr std::array kSeriesExamples = std::to_array<std::string_view>({
    "--db shop.hygge series",
    "--db shop.hygge series edge_requests_total --format json",
    "--db shop.hygge series '{job=\"edge\"}' --range 10m --at last",
});
constexpr std::array kLabelsExamples = std::to_array<std::string_view>({
    "--db shop.hygge labels",
    "--db shop.hygge labels job",
    "--db shop.hygge labels code --range 1d --at last --format json",
});
constexpr std::array kCardinalityExamples = std::to_array<std::string_view>({
    "--db shop.hygge cardinality",
    "--db shop.hygge cardinality --by code=value --range 1d --at last --bytes",
    "--db shop.hygge cardinality '{job=\"edge\"}' --at last --range 1d --diff -8d..-7d",
});
constexpr std::array kMetadataExamples = std::to_array<std::string_view>({
    "--db shop.hygge metadata",
    "--db shop.hygge metadata edge_requests_total",
    "--db shop.hygge metadata --format csv",
});
constexpr std::array kLintExamples = std::to_array<std::string_view>({
    "slo lint --static examples/shop/availability.yaml",
    "--db shop.hygge slo lint examples/shop/availability.yaml",
    "slo lint --static --format json - < examples/shop/latency.yaml",
});
constexpr std::array kReportExamples = std::to_array<std::string_view>({
    "--db shop.hygge slo report --at last examples/shop/availability.yaml",
    "--db shop.hygge slo report --at last --explain --only shop-latency examples/shop/latency.yaml",
    "--db shop.hygge slo report --at last --incidents examples/shop/incidents.csv -o shop.html "
    "examples/shop/availability.yaml",
});
constexpr std::array kBurnExamples = std::to_array<std::string_view>({
    "--db shop.hygge slo burn --at 2026-11-24T13:30:00Z examples/shop/availability.yaml",
    "--db shop.hygge slo burn --at last --windows 5m,30m examples/shop/latency.yaml",
    "--db shop.hygge slo burn --at last --format json examples/shop/availability.yaml",
});
constexpr std::array kWhatIfExamples = std::to_array<std::string_view>({
    "--db shop.hygge slo whatif --at last --target 90,95,99 --window 5m,15m --stride 1m "
    "--only shop-availability examples/shop/availability.yaml",
    "--db shop.hygge slo whatif --at last --target 95 --window 10m --stride 5m --method "
    "'occurrences,timeslices(1m, 95)' --only shop-availability examples/shop/availability.yaml",
    "--db shop.hygge slo whatif --at last --target 95 --window 10m --format json "
    "examples/shop/availability.yaml",
});
constexpr std::array kBacktestExamples = std::to_array<std::string_view>({
    "--db shop.hygge slo backtest --at last --incidents examples/shop/incidents.csv --only "
    "shop-availability examples/shop/availability.yaml",
    "--db shop.hygge slo backtest --at last --policy own,google --only shop-availability "
    "examples/shop/availability.yaml",
    "--db shop.hygge slo backtest --at last --night 22-07 --tz Asia/Tokyo --format json "
    "examples/shop/availability.yaml",
});
constexpr std::array kForecastExamples = std::to_array<std::string_view>({
    "--db shop.hygge slo forecast --at last --lookback 10m examples/shop/availability.yaml",
    "--db shop.hygge slo forecast --at last --lookback 10m --within 7d --format json "
    "examples/shop/availability.yaml",
    "--db shop.hygge slo forecast --at last --lookback 10m --format mackerel "
    "examples/shop/latency.yaml",
});
constexpr std::array kConvertExamples = std::to_array<std::string_view>({
    "slo convert examples/shop/availability.yaml",
    "slo convert --format json examples/shop/latency.yaml",
    "slo convert --only shop-availability - < examples/shop/availability.yaml",
});
constexpr std::array kSloRulesExamples = std::to_array<std::string_view>({
    "slo rules --to prometheus examples/shop/availability.yaml",
    "slo rules --to prometheus --only shop-availability examples/shop/availability.yaml",
    "slo rules --to prometheus --partial examples/shop/latency.yaml -o rules.yml",
});
constexpr std::array kSchemaExamples = std::to_array<std::string_view>({
    "slo schema",
    "slo schema -o slo.schema.json",
    "slo schema | head -c 100",
});
constexpr std::array kRollupListExamples = std::to_array<std::string_view>({
    "--db shop.hygge rollup list",
    "--db shop.hygge rollup list --format json",
    "--db shop.hygge rollup list --format md",
});
constexpr std::array kRollupSetExamples = std::to_array<std::string_view>({
    "--db shop.hygge rollup set - <<< '{job=\"edge\"} 1m,5m,1h'",
    "--db shop.hygge rollup set - --dry-run <<< '{__name__=~\".+_seconds\"} 5m,1h sketch=1%'",
    "--db shop.hygge rollup set - --format json <<< '{__name__=~\".+\"} 5m,1h regression'",
});
constexpr std::array kRollupStatsExamples = std::to_array<std::string_view>({
    "--db shop.hygge rollup stats",
    "--db shop.hygge rollup stats --format json",
    "--db shop.hygge rollup stats --format csv",
});
constexpr std::array kRollupVerifyExamples = std::to_array<std::string_view>({
    "--db shop.hygge rollup verify",
    "--db shop.hygge rollup verify --format json",
    "--db shop.hygge rollup verify --format table",
});
constexpr std::array kKeepListExamples = std::to_array<std::string_view>({
    "--db shop.hygge retention list",
    "--db shop.hygge retention list --format json",
    "--db shop.hygge retention list --tz Asia/Tokyo",
});
constexpr std::array kKeepSetExamples = std::to_array<std::string_view>({
    "--db shop.hygge retention set - <<< 'up 30d'",
    "--db shop.hygge retention set - --dry-run <<< '{__name__=~\".+\"} raw=30d 5m=400d'",
    "--db shop.hygge retention set - --format json <<< '{job=\"edge\"} forever'",
});
constexpr std::array kCapExamples = std::to_array<std::string_view>({
    "--db shop.hygge retention cap 20GB",
    "--db shop.hygge retention cap 512MiB --dry-run",
    "--db shop.hygge retention cap none",
});
constexpr std::array kPinExamples = std::to_array<std::string_view>({
    "--db shop.hygge retention pin 'edge_requests_total{code=\"500\"}'",
    "--db shop.hygge retention pin '{job=\"edge\"}' --range 2026-11-01..2026-12-01",
    "--db shop.hygge retention pin '{job=\"edge\"}' --dry-run",
});
constexpr std::array kUnpinExamples = std::to_array<std::string_view>({
    "--db shop.hygge retention unpin 'edge_requests_total{code=\"500\"}'",
    "--db shop.hygge retention unpin '{job=\"edge\"}' --range 2026-11-01..2026-12-01",
    "--db shop.hygge retention unpin '{job=\"edge\"}' --dry-run",
});
constexpr std::array kApplyExamples = std::to_array<std::string_view>({
    "--db shop.hygge retention apply --dry-run",
    "--db shop.hygge retention apply --yes",
    "--db shop.hygge retention apply --yes --format json",
});
constexpr std::array kInfoExamples = std::to_array<std::string_view>({
    "--db shop.hygge db info",
    "--db shop.hygge db info --format json",
    "--db shop.hygge db info --tz Asia/Tokyo",
});
constexpr std::array kStatsExamples = std::to_array<std::string_view>({
    "--db shop.hygge db stats",
    "--db shop.hygge db stats --human",
    "--db shop.hygge db stats --format json",
});
constexpr std::array kVerifyExamples = std::to_array<std::string_view>({
    "--db shop.hygge db verify",
    "--db shop.hygge db verify --format json",
    "--db shop.hygge db verify --deep",
});
constexpr std::array kCompactExamples = std::to_array<std::string_view>({
    "--db shop.hygge db compact",
    "--db shop.hygge db compact --dry-run",
    "--db shop.hygge db compact --format json",
});
constexpr std::array kRepairExamples = std::to_array<std::string_view>({
    "--db shop.hygge db repair --dry-run",
    "--db shop.hygge db repair --yes",
    "--db shop.hygge db repair --yes --format json",
});
constexpr std::array kUpgradeExamples = std::to_array<std::string_view>({
    "--db shop.hygge db upgrade",
    "--db shop.hygge db upgrade --dry-run",
    "--db shop.hygge db upgrade --format json",
});
constexpr std::array kCloneExamples = std::to_array<std::string_view>({
    "--db shop.hygge db clone branch.hygge",
    "--db shop.hygge db clone feature.hygge --format json",
    "--db shop.hygge db clone hotfix.hygge -q",
});
constexpr std::array kSnapshotExamples = std::to_array<std::string_view>({
    "--db shop.hygge db snapshot sunday.hygge",
    "--db shop.hygge db snapshot monday.hygge --format json",
    "--db shop.hygge db snapshot tuesday.hygge -q",
});
constexpr std::array kDiffExamples = std::to_array<std::string_view>({
    "db diff before.hygge shop.hygge",
    "db diff before.hygge shop.hygge 'up{job=\"edge\"}' --range last-10m..last",
    "db diff before.hygge shop.hygge --format json",
});
constexpr std::array kRulesExamples = std::to_array<std::string_view>({
    "rules check examples/shop/rules.yml",
    "rules check --format json examples/shop/rules.yml",
    "rules check - < examples/shop/rules.yml",
});
constexpr std::array kServeExamples = std::to_array<std::string_view>({
    "--db shop.hygge serve",
    "--db shop.hygge serve --listen 127.0.0.1:0",
    "--db live.hygge serve --listen :4945 --threads 1",
});
constexpr std::array kInspectExamples = std::to_array<std::string_view>({
    "--db shop.hygge codec inspect edge_requests_total",
    "--db shop.hygge codec inspect --try pack --range 10m --at last",
    "--db shop.hygge codec inspect '{job=\"edge\"}' --format json",
});
constexpr std::array kHelpExamples = std::to_array<std::string_view>({
    "help query",
    "help db stats",
    "help errors",
});
constexpr std::array kCompletionExamples = std::to_array<std::string_view>({
    "completion bash",
    "completion zsh",
    "completion fish",
});
constexpr std::array kVersionExamples = std::to_array<std::string_view>({
    "version",
    "version --format json",
    "--version",
});

constexpr std::array kVerbs = std::to_array<Verb>({
    {"import", "data", "FORMAT FILE...|-",
     "read whole files; the database is made where there is none",
     "at strict dry-run label prefix type keep-created any-time delimiter progress",
     "tsv table json", 1, kAnyNumber, "FORMAT and FILE", kImportExamples, run_import},
    {"write", "data", "[FORMAT] [FILE...|-]",
     "take samples as they come; commits every second; a sample without a time gets now",
     "label prefix type keep-created any-time delimiter progress", "tsv table json", 0, kAnyNumber,
     "", kWriteExamples, run_write},
    {"export", "data", "[SELECTOR] --to FORMAT", "write samples out, sorted by family and labels",
     "at range to", "openmetrics csv", 0, 1, "", kExportExamples, run_export},
    {"delete", "data", "SELECTOR", "forget samples; asks on a terminal, needs --yes elsewhere",
     "at range now dry-run yes", "tsv table json", 1, 1, "a selector of what to forget",
     kDeleteExamples, run_delete},
    {"query", "asking", "EXPR", "ask PromQL, at an instant or over a range",
     "at range step limit from explain exact url token-file lookback strict-promql tier threads",
     "tsv table json jsonl csv md prom", 1, 1, "an expression", kQueryExamples, run_query},
    {"plot", "asking", "EXPR", "draw the answer over a range; default: the last hour",
     "at range step from height url token-file lookback strict-promql threads", "table", 1, 1,
     "an expression", kPlotExamples, run_plot},
    {"series", "asking", "[SELECTOR]", "series with their samples, first and last time",
     "at range limit from", kTables, 0, 1, "", kSeriesExamples, run_series},
    {"labels", "asking", "[NAME]", "label names, or the values of one", "at range limit from",
     kTables, 0, 1, "", kLabelsExamples, run_labels},
    {"cardinality", "asking", "[SELECTOR]",
     "how many series by metric or label, and how they come and go, by the day",
     "by at range diff bytes limit from", kTables, 0, 1, "", kCardinalityExamples, run_cardinality},
    {"metadata", "asking", "[METRIC]", "type, unit and help of metric families", "limit from",
     kTables, 0, 1, "", kMetadataExamples, run_metadata},
    {"slo lint", "promises", "FILE...", "what can be said about definitions before they are used",
     "at strict static only from", "tsv table json", 1, kAnyNumber, "a file of definitions",
     kLintExamples, run_slo_lint},
    {"slo report", "promises", "FILE...",
     "SLI, error budget and verdict; exit 1 where one is missed",
     "at only explain by last incidents from", "tsv table json csv md openmetrics mackerel html", 1,
     kAnyNumber, "a file of definitions", kReportExamples, run_slo_report},
    {"slo burn", "promises", "FILE...", "burn rates and what fires; exit 1 where an alert does",
     "at only windows from", "tsv table json csv md openmetrics mackerel", 1, kAnyNumber,
     "a file of definitions", kBurnExamples, run_slo_burn},
    {"slo whatif", "promises", "FILE...",
     "which target and window would have held, over the whole history",
     "at range only target window method stride from", "tsv table json csv md", 1, kAnyNumber,
     "a file of definitions", kWhatIfExamples, run_slo_whatif},
    {"slo backtest", "promises", "FILE...",
     "what alert policies would have told of the incidents of the history",
     "at range only policy incidents significant slack night from", "tsv table json csv md", 1,
     kAnyNumber, "a file of definitions", kBacktestExamples, run_slo_backtest},
    {"slo forecast", "promises", "FILE...",
     "when the budget will be gone; exit 1 where it is, or will be --within",
     "at only lookback within from", "tsv table json csv md openmetrics mackerel", 1, kAnyNumber,
     "a file of definitions", kForecastExamples, run_slo_forecast},
    {"slo convert", "promises", "FILE...",
     "definitions as native YAML, those of Sloth and OpenSLO v1 too; or canonical JSON", "only",
     "yaml json", 1, kAnyNumber, "a file of definitions", kConvertExamples, run_slo_convert},
    {"slo rules", "promises", "FILE...",
     "recording and alerting rules for Prometheus, to page through it", "to partial only", "yaml",
     1, kAnyNumber, "a file of definitions", kSloRulesExamples, run_slo_rules},
    {"slo schema", "promises", "", "the JSON Schema of definition files, for editors", "", "json",
     0, 0, "", kSchemaExamples, run_slo_schema},
    {"rules check", "policy", "FILE...",
     "Prometheus rule files: every expression parsed and typed; exit 1 where one is wrong", "",
     "tsv json", 1, kAnyNumber, "a rule file", kRulesExamples, run_rules_check},
    {"rollup list", "policy", "", "which series have which tiers of cells", "",
     "tsv table json csv md", 0, 0, "", kRollupListExamples, run_rollup_list},
    {"rollup set", "policy", "FILE|-",
     "take rules from a file, a line `SELECTOR TIERS [regression] [sketch=1%]` each", "dry-run",
     "tsv table json", 1, 1, "a file of rules", kRollupSetExamples, run_rollup_set},
    {"rollup stats", "policy", "", "rows, cells and bytes of each tier", "",
     "tsv table json csv md", 0, 0, "", kRollupStatsExamples, run_rollup_stats},
    {"rollup verify", "policy", "", "compute all cells again and compare; exit 1 where one differs",
     "", "tsv table json", 0, 0, "", kRollupVerifyExamples, run_rollup_verify},
    {"retention list", "policy", "", "how long samples are kept: rules, pins, cap", "",
     "tsv table json csv md", 0, 0, "", kKeepListExamples, run_retention_list},
    {"retention set", "policy", "FILE|-",
     "take rules from a file: `SELECTOR 30d` or `SELECTOR raw=30d 5m=400d`, a line each", "dry-run",
     "tsv table json", 1, 1, "a file of rules", kKeepSetExamples, run_retention_set},
    {"retention cap", "policy", "SIZE|none",
     "keep the whole directory below a size: the oldest days go first", "dry-run", "tsv table json",
     1, 1, "a size", kCapExamples, run_retention_cap},
    {"retention pin", "policy", "SELECTOR", "keep samples whatever the rules and deletes say",
     "at range dry-run", "tsv table", 1, 1, "a selector of what to keep", kPinExamples,
     run_retention_pin},
    {"retention unpin", "policy", "SELECTOR", "take a pin back; selector and range as it was set",
     "at range dry-run", "tsv table", 1, 1, "a selector of what was pinned", kUnpinExamples,
     run_retention_unpin},
    {"retention apply", "policy", "", "forget now what the rules have done with", "dry-run yes",
     "tsv table json", 0, 0, "", kApplyExamples, run_retention_apply},
    {"db info", "house", "", "what a database is and spans, in a moment", "", "tsv table json", 0,
     0, "", kInfoExamples, run_db_info},
    {"db stats", "house", "", "samples, series, bytes, log", "", "tsv table json openmetrics", 0, 0,
     "", kStatsExamples, run_db_stats},
    {"db verify", "house", "", "read everything and check it; exit 1 where there is damage", "deep",
     "tsv table json", 0, 0, "", kVerifyExamples, run_db_verify},
    {"db compact", "house", "", "seal every day and compact the store", "dry-run", "tsv table json",
     0, 0, "", kCompactExamples, run_db_compact},
    {"db repair", "house", "",
     "make a damaged database one that opens, with all that can be read; exit 1 if damage is left",
     "dry-run yes", "tsv table json", 0, 0, "", kRepairExamples, run_db_repair},
    {"db clone", "house", "TO", "a database of its own at TO, in a moment; both can be written", "",
     "tsv table json", 1, 1, "where to", kCloneExamples, run_db_clone},
    {"db snapshot", "house", "TO", "the same, only to be read", "", "tsv table json", 1, 1,
     "where to", kSnapshotExamples, run_db_snapshot},
    {"db diff", "house", "A B [SELECTOR]",
     "what differs between two databases, by series and range; exit 1 where something does",
     "at range limit", kTables, 2, 3, "two databases", kDiffExamples, run_db_diff},
    {"db upgrade", "house", "", "say what bringing a database to the newest format takes",
     "dry-run", "tsv table json", 0, 0, "", kUpgradeExamples, run_db_upgrade},
    {"serve", "house", "", "Prometheus' HTTP API and remote write; made where there is none",
     "listen threads", "tsv", 0, 0, "", kServeExamples, run_serve},
    {"codec inspect", "house", "[FILE|SELECTOR]",
     "how stored chunks, or one in a FILE, are written", "at range limit try", kTables, 0, 1, "",
     kInspectExamples, run_codec_inspect},
    {"help", "self", "[VERB|errors]", "help on a verb, or on errors and exit codes", "",
     "tsv table", 0, 2, "", kHelpExamples, run_help},
    {"completion", "self", "bash|zsh|fish", "a script that completes verbs, flags and names", "",
     "tsv table", 1, 1, "a shell", kCompletionExamples, run_completion},
    {"version", "self", "", "the version and the formats it knows", "", "tsv table json", 0, 0, "",
     kVersionExamples, run_version},
});

}  // namespace

std::span<const Flag> flags() noexcept { return kFlags; }
std::span<const Verb> verbs() noexcept { return kVerbs; }

const Flag* find_flag(std::string_view name) noexcept {
  for (const Flag& flag : kFlags) {
    if (flag.name == name || (name.size() == 1 && flag.letter == name[0])) return &flag;
  }
  return nullptr;
}

const Verb* find_verb(std::string_view name) noexcept {
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

bool listed(std::string_view list, std::string_view word) noexcept {
  bool found = false;
  for_words(list, [&](std::string_view one) { found = found || one == word; });
  return found;
}

bool takes(const Verb& verb, const Flag& flag) noexcept {
  return listed(kCommon, flag.name) || listed(verb.flags, flag.name);
}

}  // namespace hygge::command
