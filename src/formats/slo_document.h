// YAML documents of files that people write: bounded, and what yaml-cpp throws stays here.
#pragma once

#include <hygge/error.h>
#include <hygge/slo_file.h>
#include <yaml-cpp/yaml.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace hygge::formats {

inline constexpr std::size_t kMaxTextFileBytes = 1U << 20U;

/// A whole file, "-" for standard input; a byte more than is allowed at most. Errors: not_found,
/// io.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);

/// Calls `read` with each document that is not empty; what is no YAML, too large or nested too
/// deeply becomes an error E_YAML of `out`.
void for_each_document(std::string_view yaml, const std::string& name, SloFile& out,
                       const std::function<void(const YAML::Node&)>& read);

/// The first of the errors, one a line, as one. `errors` is not empty.
[[nodiscard]] Error error_of(std::span<const SloFileError> errors);

}  // namespace hygge::formats
