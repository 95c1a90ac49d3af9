// The rows of a selector's series, made in shards of 128 series by as many threads as the query may
// use, and handed on by the thread that asks, in the order of the series: what comes of them is the
// same whatever the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "promql/evaluator.h"

namespace hygge::promql {

inline constexpr std::size_t kShardSeries = 128;

/// What was read for a row.
struct RowRead {
  std::uint64_t samples = 0;
  std::uint64_t cells = 0;
  std::uint64_t skipped = 0;  ///< samples of chunks that were not decoded
  DurationMs tier_ms = 0;     ///< 0: no stored rows of cells
  /// What the selector hands on, for an explained query; none: nothing.
  std::optional<std::uint64_t> points;
};

/// Makes rows; one thread at a time.
class RowMaker {
 public:
  RowMaker() = default;
  RowMaker(const RowMaker&) = delete;
  RowMaker& operator=(const RowMaker&) = delete;
  virtual ~RowMaker() = default;

  /// The next series are [first, end), in their order. What was learnt of others is forgotten, so
  /// that a row does not depend on who made those before. `alone`: and this maker makes all that
  /// follow.
  virtual void begin(std::size_t first, std::size_t end, bool alone) = 0;
  /// Fills `row`, which is reset. `above` is whose time windows take, in an explained query.
  [[nodiscard]] virtual Result<RowRead> make(std::size_t series, Row& row, const Node* above) = 0;
};

/// `worker`: 0 for the thread that asks, else as Workers counts them.
using MakerOf = std::function<std::unique_ptr<RowMaker>(std::size_t worker)>;
/// Takes the row of a series, and may move out of it.
using RowTaker = std::function<Result<void>(std::size_t series, Row& row)>;

/// Hands the rows of the selector at `node` that have a value to `take`.
/// Errors: those of making and taking, cancelled, timeout.
[[nodiscard]] Result<void> rows_in_order(Evaluator& evaluator, const Node& node,
                                         const MakerOf& maker_of, const RowTaker& take);

/// cancelled or timeout, once the query is.
[[nodiscard]] Result<void> interrupted(const QueryOptions& options);

}  // namespace hygge::promql
