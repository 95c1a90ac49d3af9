// What a track is read from.
#pragma once

#include <hygge/db.h>
#include <hygge/slo.h>

namespace hygge::slo {

/// The samples that the track of `range` needs, of both selectors. Errors: validate, Db::view.
[[nodiscard]] Result<View> view_of(const Db& db, const Definition& definition, TimeRange range);

/// Errors: invalid_argument where the definition is a composite without slices.
[[nodiscard]] Result<void> needs_slices(const Definition& definition, const char* verb);

}  // namespace hygge::slo
