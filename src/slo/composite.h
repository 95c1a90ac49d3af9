// SLOs made of others.
#pragma once

#include <hygge/slo.h>

namespace hygge::slo {

/// A component as the composite judges it: over the composite's window.
[[nodiscard]] Definition component_of(const Definition& composite, std::size_t i);

/// The error ratio of the window of weighted or serial, from the reports of the components; none
/// where one of them has no events.
[[nodiscard]] std::optional<double> window_error(const Composite& composite,
                                                 std::span<const Report> components) noexcept;

}  // namespace hygge::slo
