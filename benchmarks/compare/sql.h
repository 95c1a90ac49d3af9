// The questions as SQL over samples(sid, ts, v) and series(sid, name, instance).
#pragma once

#include <string>

#include "benchmarks/compare/work.h"

namespace hygge::bench {

/// A row per value, which is its last column. `divide` is the engine's integer division.
[[nodiscard]] std::string sql_of(const Question& question, const Work& work,
                                 const std::string& divide);
/// Rows for the table of series, "(sid,'name','instance'),…", of one host.
[[nodiscard]] std::string series_rows(const Host& host);

}  // namespace hygge::bench
