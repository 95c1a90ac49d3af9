// Any text: the parser ends with a tree or with an error whose place lies in the text; a tree is
// written to text that reads back to the same text.
#include <hygge/promql.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = hygge::promql::parse(text);
  if (!first) {
    const auto& error = first.error();
    if (error.place.line == 0 || error.place.end < error.place.begin) std::abort();
    if (error.place.end > size + 1 || error.message.empty()) std::abort();
    return 0;
  }
  const std::string written = hygge::promql::to_string(*first);
  const auto second = hygge::promql::parse(written);
  if (!second || hygge::promql::to_string(*second) != written) std::abort();
  return 0;
}
