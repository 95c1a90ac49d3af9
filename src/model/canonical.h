// The canonical bytes of a label set: what is hashed, compared, logged and stored.
//
//   for each label, sorted by name:  varint bytes | name | varint bytes | value
#pragma once

#include <hygge/labels.h>

#include <string>

#include "base/bytes.h"

namespace hygge {

void append_canonical(std::string& out, const Labels& labels);
/// One of them.
void append_canonical(std::string& out, const Label& label);
[[nodiscard]] std::string canonical(const Labels& labels);

/// Reads canonical bytes that may be anything. Errors: corruption (not shortest varints, not
/// sorted, a name twice, an empty name or value, text that is not UTF-8).
[[nodiscard]] Result<Labels> labels_from_canonical(Bytes bytes);

}  // namespace hygge
