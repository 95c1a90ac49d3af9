// Rules of retention: the text of a file, or, behind a first byte of 0, the entry of `meta`. What
// is read, is written to what reads the same.
#include <hygge/retention.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "storage/upkeep/retention.h"

namespace {

using namespace hygge;

void require(bool holds) {
  if (!holds) std::abort();
}

void text(std::string_view rules) {
  const auto first = parse_retention(rules);
  if (!first) {
    require(!first.error().message.empty());
    return;
  }
  for (const RetentionRule& rule : *first) require(!rule.keep_ms || *rule.keep_ms > 0);
  const auto second = parse_retention(to_text(*first));
  require(second && *second == *first);
}

void entry(Bytes bytes) {
  const auto first = storage::decode_policy(bytes);
  if (!first) return;
  const std::string again = storage::encode_policy(*first);
  const auto second = storage::decode_policy(as_bytes(again));
  require(second && storage::encode_policy(*second) == again);
  require(second->cap_bytes == first->cap_bytes && second->pins == first->pins);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0 && data[0] == 0) {
    entry(Bytes(data, size).subspan(1));
  } else {
    text({reinterpret_cast<const char*>(data), size});
  }
  return 0;
}
