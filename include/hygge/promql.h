// PromQL: expressions, and their answers over a database.
#pragma once

#include <hygge/db.h>
#include <hygge/error.h>
#include <hygge/labels.h>
#include <hygge/time.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace hygge::promql {

enum class ValueType : std::uint8_t {
  scalar,  ///< a number at each step
  vector,  ///< series with at most one value per step
  matrix,  ///< series with many values
  string,
};

/// "scalar", "vector", "matrix", "string": as Prometheus' HTTP API names them.
[[nodiscard]] std::string_view to_string(ValueType type) noexcept;

struct Node;  // src/promql/ast.h

/// A parsed and type-checked expression. A cheap value: copies share one immutable tree, which any
/// threads may use at once.
class Expression {
 public:
  [[nodiscard]] ValueType type() const noexcept;
  /// The text that was parsed; places in errors and annotations refer to it.
  [[nodiscard]] const std::string& text() const noexcept;

  // For the engine.
  Expression(std::shared_ptr<const Node> root, std::shared_ptr<const std::string> text) noexcept;
  [[nodiscard]] const Node& root() const noexcept { return *root_; }

 private:
  std::shared_ptr<const Node> root_;
  std::shared_ptr<const std::string> text_;
};

/// Which language a text is in.
enum class Dialect : std::uint8_t {
  hygge,   ///< PromQL, and what only hygge has: let, topk_range, zones of dates
  promql,  ///< nothing that Prometheus would refuse
};

/// Reads `text`. O(bytes). Errors, all with their place: parse (not PromQL, or wrong types),
/// limit (nested too deeply).
[[nodiscard]] Result<Expression> parse(std::string_view text, Dialect dialect = Dialect::hygge);

/// Whether `expression` can be evaluated: all of PromQL parses, but native histograms, anchored and
/// smoothed ranges and start timestamps have no answer yet. Errors: invalid_argument, with its
/// place.
[[nodiscard]] Result<void> supported(const Expression& expression);

/// The expression in PromQL's usual form, which parse() reads back to an equal one.
[[nodiscard]] std::string to_string(const Expression& expression);

/// Limits and settings of one query. 0 means no limit.
struct QueryOptions {
  bool explain = false;                     ///< fill Answer::nodes, which costs a little
  DurationMs lookback_ms = 5 * kMinuteMs;   ///< how old an instant selector's sample may be
  DurationMs subquery_step_ms = kMinuteMs;  ///< where `[1h:]` names none
  /// Where windows are read from: 0 samples, another one that tier of cells wherever it can be
  /// exact; none: what is least work. The answer is the same.
  std::optional<DurationMs> tier = {};
  /// How many threads may read and evaluate selectors of 256 series and more, the calling one
  /// included. The answer is the same, bit for bit. Those beside it end with the query.
  std::size_t threads = 1;
  /// Refuse what could only be answered within a bound, or not at all, because samples have expired
  /// and windows cut the cells that are left (out_of_range; names a range that is exact). Else the
  /// answer goes without those cells, and an info says by how much it may be off.
  bool exact = false;
  std::size_t max_steps = 11'001;
  std::uint64_t max_samples = 50'000'000;           ///< in memory at one time
  std::size_t max_bytes = std::size_t{256} << 20U;  ///< of samples and rows at one time
  std::stop_token cancel = {};                      ///< looked at between series
  /// When it has to be done; looked at between series.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

/// One series of an answer; times strictly rising.
struct AnswerSeries {
  Labels labels;
  std::vector<TimeMs> t;
  std::vector<double> v;
};

/// What was read for an answer.
struct QueryStats {
  std::uint64_t series = 0;        ///< that the selectors matched
  std::uint64_t samples = 0;       ///< decoded
  std::uint64_t cells = 0;         ///< read instead of samples
  std::uint64_t skipped = 0;       ///< samples of chunks whose summaries said enough
  std::vector<DurationMs> tiers;   ///< that the answer was read from, rising; 0: samples
  std::uint64_t peak_samples = 0;  ///< most samples in memory at one time
  std::uint64_t bytes = 0;         ///< most memory in samples and rows at one time
};

/// What one part of an expression did.
struct NodeStats {
  std::string text;           ///< the part, in PromQL's usual form
  std::uint32_t depth = 0;    ///< 0: the whole expression; below it 1, …
  std::uint64_t series = 0;   ///< handed on
  std::uint64_t points = 0;   ///< values handed on
  std::uint64_t samples = 0;  ///< decoded, by selectors
  std::uint64_t cells = 0;    ///< read instead
  std::uint64_t skipped = 0;  ///< samples of chunks whose summaries said enough
  std::string tier;           ///< of selectors of windows: "5m: …" or "raw: …", and why
  double ms = 0;              ///< of this part alone, without those below it
  std::size_t bytes = 0;      ///< most memory of the query while this part ran
};

/// What a query found.
struct Answer {
  /// Of an instant query the expression's type; of a range query `matrix`.
  ValueType type = ValueType::vector;
  /// A scalar is one series without labels. A matrix is sorted by labels.
  std::vector<AnswerSeries> series;
  std::string text;                   ///< of a string
  std::vector<std::string> warnings;  ///< "PromQL warning: … (line:column)"
  std::vector<std::string> infos;     ///< the same, and why an answer is empty
  QueryStats stats;
  /// Of an explained query: its parts in the order of the text, each below what it is part of.
  std::vector<NodeStats> nodes;
};

/// Evaluates at `when`: an instant (instant(t)), or each step of a range (step_ms > 0). All
/// selectors see one view of the database. Answers are Prometheus': windows and lookback are
/// left-open, `rate` and `increase` extrapolate. Thread-safe; many queries at once.
/// Errors: those of parse and supported; invalid_argument (a range over a type that has none,
/// duplicate series, many-to-many matching: with the place); limit (steps, samples, bytes);
/// cancelled; timeout; those of Db::view and of reading. Cost: each selected sample is decoded
/// once, even if several selectors pick it.
[[nodiscard]] Result<Answer> query(const Db& db, const Expression& expression, Steps when,
                                   const QueryOptions& options = {});
[[nodiscard]] Result<Answer> query(const Db& db, std::string_view text, Steps when,
                                   const QueryOptions& options = {});

}  // namespace hygge::promql
