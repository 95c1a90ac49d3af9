// An SLO on the page.
#pragma once

#include <hygge/slo_page.h>

#include <string>

namespace hygge::formats::page {

/// Its section, with the charts and all tables.
[[nodiscard]] std::string card(const PageSlo& slo);

}  // namespace hygge::formats::page
