// The reader of SLO definitions: any text gives definitions or errors with places.
#include <hygge/slo_file.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = hygge::formats::parse_slos(text, "fuzz");
  if (file.definitions.empty() && file.errors.empty()) std::abort();
  for (const auto& definition : file.definitions) {
    if (definition.objective.num >= definition.objective.den) std::abort();
    static_cast<void>(hygge::formats::lint_text({definition, hygge::slo::lint(definition)}));
  }
  return 0;
}
