// What a track is read from.
#pragma once

#include <hygge/db.h>
#include <hygge/slo.h>

#include <string>
#include <vector>

namespace hygge::slo {

/// The samples that the track of `range` needs, of both selectors. Errors: validate, Db::view.
[[nodiscard]] Result<View> view_of(const Db& db, const Definition& definition, TimeRange range);

/// Of a source that has unserved_until_ms: what that is, and the step that would be served.
[[nodiscard]] std::string unserved_text(const TrackSource& source, const Definition& definition);
/// Adds a line where samples have expired and no cells serve the step.
void note_unserved(const Track& track, const Definition& definition,
                   std::vector<std::string>& notes);

/// Errors: invalid_argument where the definition is a composite without slices.
[[nodiscard]] Result<void> needs_slices(const Definition& definition, const char* verb);

}  // namespace hygge::slo
