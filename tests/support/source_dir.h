// Where this repository lies on the machine that built the tests. Known to one file only, so that a
// compiler cache serves every clone.
#pragma once

#include <string>
#include <string_view>

namespace hygge::test {

/// The path of a file of the repository: `in_source("tests/golden/chunks.json")`.
[[nodiscard]] std::string in_source(std::string_view path);

}  // namespace hygge::test
