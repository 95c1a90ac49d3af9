// Why a selector picks no series.
#pragma once

#include <hygge/db.h>
#include <hygge/selector.h>
#include <hygge/slo.h>

#include <string>
#include <vector>

namespace hygge::slo {

/// "there is no metric htp_requests_total (did you mean http_requests_total?)". O(label values).
[[nodiscard]] std::string why_no_match(const Db& db, const Selector& selector);

/// Adds a line where one of the definition's selectors picks no series of the view: no error, since
/// a new service has no data yet, but a name misspelt looks the same.
void note_no_match(const Db& db, const View& view, const Definition& definition,
                   std::vector<std::string>& notes);

}  // namespace hygge::slo
