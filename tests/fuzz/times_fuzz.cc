// The time and range grammar of the command: any text, several zones.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tools/hygge/times.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hygge;
  using namespace hygge::command;
  static const cctz::time_zone zones[] = {
      cctz::utc_time_zone(), parse_zone("Europe/Berlin").value_or(cctz::time_zone()),
      parse_zone("America/Sao_Paulo").value_or(cctz::time_zone())};
  if (size == 0) return 0;
  TimeSetting setting;
  setting.now_ms = 1'772'356'530'250;
  setting.zone = zones[data[0] % 3];
  setting.bounds = []() -> Result<TimeBounds> { return TimeBounds{kMinTimeMs, kMaxTimeMs}; };
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (const auto t_ms = parse_time(text, setting)) {
    if (*t_ms < kMinTimeMs || *t_ms > kMaxTimeMs) __builtin_trap();
    (void)format_time(*t_ms, setting.zone);
  }
  const auto range = parse_range(text, setting, setting.now_ms);
  if (range && range->empty()) __builtin_trap();
  if (range && *range != everything()) {
    const Steps steps = steps_of(*range, 0);
    if (steps.step_ms <= 0 || steps.start_ms > steps.end_ms || steps.start_ms < range->after ||
        steps.end_ms > range->until) {
      __builtin_trap();
    }
  }
  return 0;
}
