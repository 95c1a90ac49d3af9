// The write policies: which samples of a batch are kept, before anything of it is logged.
//
// Only the head is asked; what lies in the store is compared when it is read and when a late buffer
// closes. Under OnDuplicate::error the store is asked too: it must not come to a second value.
#pragma once

#include <hygge/db.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/id_sample.h"
#include "storage/head/head.h"

namespace hygge::storage {

/// What the head is going to know of pairs (partition, series) that it does not know yet; sorted.
using Touch = std::pair<std::int32_t, std::uint32_t>;
using Knowledge = std::vector<std::pair<Touch, Head::Known>>;

/// The value that the store has of a series at a time.
using StoredValue = std::function<Result<std::optional<double>>(std::uint32_t series, TimeMs t_ms)>;

struct Decision {
  std::vector<IdSample> kept;  ///< in the order of the batch
  WriteReport report;          ///< without labels, and without series_new
  /// Under OnDuplicate::error, the first sample that brings a second value, and the value there.
  std::optional<std::pair<IdSample, double>> conflict;
};

/// O(n log n) in the samples of the batch. For out_of_order other than any, head or `known` must
/// know the newest partition of every series. Errors: those of `stored`.
[[nodiscard]] Result<Decision> decide(const Head& head, const Knowledge& known,
                                      const WritePolicy& policy, std::span<const IdSample> samples,
                                      const StoredValue& stored);

}  // namespace hygge::storage
