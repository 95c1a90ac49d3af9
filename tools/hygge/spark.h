// A series in one line of text.
#pragma once

#include <hygge/time.h>

#include <span>
#include <string>

namespace hygge::command {

/// Twenty characters for the steps, or fewer where there are fewer steps: the mean of what each
/// stands for, between the series' least and largest; a blank where there is nothing.
[[nodiscard]] std::string sparkline(std::span<const TimeMs> t, std::span<const double> v,
                                    const Steps& when, bool ascii);

}  // namespace hygge::command
