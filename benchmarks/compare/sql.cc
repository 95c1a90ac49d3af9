#include "benchmarks/compare/sql.h"

namespace hygge::bench {

namespace {

std::string series_where(const Question& question) {
  std::string name(question.metrics);
  std::string out;
  if (name.back() == '*') {
    name.back() = '%';
    out = "name LIKE '" + name + "'";
  } else {
    out = "name='" + name + "'";
  }
  if (question.hosts < 0) out += " AND instance='task-7'";
  if (question.hosts > 0) {
    out += " AND instance IN (";
    for (int h = 0; h < question.hosts; ++h) {
      out += (h > 0 ? ",'task-" : "'task-") + std::to_string(h) + "'";
    }
    out += ")";
  }
  return out;
}

}  // namespace

std::string sql_of(const Question& question, const Work& work, const std::string& divide) {
  const std::string picked = "sid IN (SELECT sid FROM series WHERE " + series_where(question) + ")";
  const std::string within =
      "ts>" + std::to_string(work.start_ms()) + " AND ts<=" + std::to_string(work.end_ms());
  const std::string window = "(ts-1)" + divide + std::to_string(question.window_ms);
  const std::string from = " FROM samples WHERE " + picked + " AND " + within;
  switch (question.function) {
    case Question::Function::avg:
      return "SELECT sid," + window + " AS w,avg(v)" + from + " GROUP BY 1,2";
    case Question::Function::max:
      return "SELECT sid," + window + " AS w,max(v)" + from + " GROUP BY 1,2";
    case Question::Function::increase:
      break;
  }
  return "SELECT sid," + window +
         " AS w,sum(CASE WHEN v>=p THEN v-p ELSE v END) FROM (SELECT sid,ts,v,lag(v) OVER "
         "(PARTITION BY sid ORDER BY ts) AS p" +
         from + ") WHERE p IS NOT NULL GROUP BY 1,2";
}

std::string series_rows(const Host& host) {
  std::string out;
  for (std::size_t i = 0; i < kSeriesPerHost; ++i) {
    const std::size_t sid = static_cast<std::size_t>(host.number()) * kSeriesPerHost + i;
    std::string name;
    for (const auto& [label, value] : host.labels(i)) {
      if (label == "__name__") name = value;
    }
    if (!out.empty()) out += ',';
    out += "(" + std::to_string(sid) + ",'" + name + "','" + host.instance() + "')";
  }
  return out;
}

}  // namespace hygge::bench
