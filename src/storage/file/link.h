// A second name for a file, for copies that share bytes. Apart from Files: nothing that is written
// is ever linked, so there is no fault for tests to inject.
#pragma once

#include <hygge/error.h>

#include <string>

namespace hygge::storage {

/// Gives the bytes of `from` the name `to` too. False where the file system cannot (another one,
/// one without links, a file of somebody else): copy them then. Errors: those of Files.
[[nodiscard]] Result<bool> link_file(const std::string& from, const std::string& to);

}  // namespace hygge::storage
