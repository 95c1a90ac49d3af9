// Series from a database: one view for all selectors of a query.
#pragma once

#include <hygge/db.h>

#include <optional>
#include <vector>

#include "promql/source.h"

namespace hygge::promql {

class DbSource : public SeriesSource {
 public:
  /// `db` must outlive it.
  explicit DbSource(const Db& db) noexcept : db_(db) {}

  [[nodiscard]] Result<void> open(std::span<const SourceRequest> requests) override;
  [[nodiscard]] std::size_t series_count(std::size_t request) const override;
  [[nodiscard]] const Labels& labels(std::size_t request, std::size_t series) const override;
  [[nodiscard]] Result<void> read(std::size_t request, std::size_t series,
                                  SeriesSamples& into) const override;
  [[nodiscard]] const View* view() const override { return view_ ? &*view_ : nullptr; }
  [[nodiscard]] std::string why_empty(std::size_t request) const override;

 private:
  const Db& db_;
  std::vector<SourceRequest> requests_;
  std::optional<View> view_;
};

}  // namespace hygge::promql
