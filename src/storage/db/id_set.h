// Entries of `meta` that hold a set of series per partition: "<prefix><8 hex digits>", the sign bit
// of the partition flipped so that names sort as numbers do, and a roaring set in its portable
// form.
#pragma once

#include <hygge/error.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

class Roaring;  // CRoaring's

namespace hygge::storage {

/// Shared with views; whoever changes one makes it its own first (see own()).
using IdSet = std::shared_ptr<::Roaring>;

[[nodiscard]] std::string partition_name(std::string_view prefix, std::int32_t partition);
/// Errors: corruption.
[[nodiscard]] Result<std::int32_t> parse_partition_name(std::string_view prefix,
                                                        std::string_view name);

[[nodiscard]] std::string encode_ids(const ::Roaring& ids);
/// Never null. Errors: corruption, naming the entry.
[[nodiscard]] Result<IdSet> decode_ids(std::string_view name, Bytes value);

/// The set behind `ids` for changing: made if there is none, copied if a view holds it too.
[[nodiscard]] ::Roaring& own(IdSet& ids);

}  // namespace hygge::storage
