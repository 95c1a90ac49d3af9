// The JSON of an answer, made part by part: a long answer is never in memory as text.
#pragma once

#include <hygge/promql.h>

#include <cstddef>
#include <string>

namespace hygge::server {

/// What stands in an answer beside its data.
struct AnswerExtras {
  TimeMs at_ms = 0;  ///< of a string
  bool stats = false;
  double seconds = 0;        ///< of evaluation
  double queue_seconds = 0;  ///< of waiting for it
};

class AnswerBody {
 public:
  AnswerBody(promql::Answer answer, const AnswerExtras& extras)
      : answer_(std::move(answer)), extras_(extras) {}

  /// Parts are as large, and as much larger as a series' labels or a point are.
  static constexpr std::size_t kPartBytes = std::size_t{64} << 10U;

  /// Appends the next part to `out`; false: it was the last. Series that have been written are no
  /// longer kept.
  [[nodiscard]] bool append_part(std::string& out);

 private:
  void append_head(std::string& out);
  void append_tail(std::string& out);
  [[nodiscard]] bool append_series(std::string& out, std::size_t full);
  [[nodiscard]] bool is_single() const noexcept;

  promql::Answer answer_;
  AnswerExtras extras_;
  bool begun_ = false;
  bool any_ = false;  ///< a series has been written
  std::size_t series_ = 0;
  std::size_t point_ = 0;  ///< of this series
};

}  // namespace hygge::server
