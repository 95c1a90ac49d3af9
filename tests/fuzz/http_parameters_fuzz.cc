// Query strings and forms: what is decoded is no longer than what came, times and durations stay in
// what can be stored.
#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/form.h"
#include "server/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  hygge::server::Form form;
  if (form.add(text)) {
    for (const char* name : {"query", "time", "start", "end", "step", "timeout", "limit"}) {
      const std::string_view value = form.get(name);
      if (value.size() > size) std::abort();
      std::string json;
      hygge::server::append_text(json, value);
      if (json.size() < 2 || json.back() != '"') std::abort();
    }
  }
  for (const std::string_view value : {text, form.get("time"), form.get("step")}) {
    const auto time = hygge::server::parse_api_time(value);
    if (time && (*time < 2 * hygge::kMinTimeMs || *time > hygge::kMaxTimeMs)) std::abort();
    (void)hygge::server::parse_api_duration(value);
  }
  return 0;
}
