// From slices of events to the track that a definition judges: exclusions first, then the method.
#pragma once

#include <hygge/slo.h>

#include "slo/slices.h"

namespace hygge::slo {

/// Errors: invalid_argument (counts that are not finite).
[[nodiscard]] Result<Track> make_track(const Definition& definition, RawSlices raw);

}  // namespace hygge::slo
