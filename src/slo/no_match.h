// Why a selector picks no series.
#pragma once

#include <hygge/db.h>
#include <hygge/selector.h>

#include <string>

namespace hygge::slo {

/// "there is no metric htp_requests_total (did you mean http_requests_total?)". O(label values).
[[nodiscard]] std::string why_no_match(const Db& db, const Selector& selector);

}  // namespace hygge::slo
