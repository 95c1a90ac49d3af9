#include "promql/budget.h"

#include <fmt/format.h>

namespace hygge::promql {

Result<void> Budget::charge(std::size_t bytes, std::uint64_t samples, const Node& node) {
  const std::lock_guard lock(mutex_);
  if (max_samples_ != 0 && samples > max_samples_ - std::min(max_samples_, samples_)) {
    Error error{ErrorCode::limit,
                "query processing would load too many samples into memory in query execution",
                fmt::format("more than {} at {}", max_samples_, to_text(node)),
                {}};
    error.place = {0, 0, node.span.begin, node.span.end};
    return tl::unexpected(std::move(error));
  }
  if (max_bytes_ != 0 && bytes > max_bytes_ - std::min(max_bytes_, bytes_)) {
    Error error{ErrorCode::limit,
                fmt::format("the query needs more than its {} bytes of memory, at {}", max_bytes_,
                            to_text(node)),
                "ask for a shorter range, a longer step or fewer series, or raise the limit",
                {}};
    error.place = {0, 0, node.span.begin, node.span.end};
    return tl::unexpected(std::move(error));
  }
  bytes_ += bytes;
  samples_ += samples;
  peak_bytes_ = std::max(peak_bytes_, bytes_);
  peak_samples_ = std::max(peak_samples_, samples_);
  return {};
}

Result<Scalar> Scalar::filled(Budget& budget, std::size_t steps, double value, const Node& node) {
  Scalar scalar(budget);
  if (auto charged = scalar.charge_.add(steps * sizeof(double), 0, node); !charged) {
    return tl::unexpected(std::move(charged.error()));
  }
  scalar.values_.assign(steps, value);
  return scalar;
}

}  // namespace hygge::promql
