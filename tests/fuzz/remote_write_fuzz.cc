// Remote write bodies: the first byte says whether a snappy block or a bare message follows. No crash,
// and never more memory than the limit allows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/remote_write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::size_t kMaxBytes = 1U << 20U;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t labels_seen = 0;
  std::size_t samples_seen = 0;
  hygge::server::WriteVisitor visitor;
  visitor.series = [&](auto labels, std::size_t count) {
    if (labels.size() > hygge::server::kMaxWriteLabels || labels.size() > count) std::abort();
    labels_seen += labels.size();
    return count % 2 == 0;
  };
  visitor.sample = [&](hygge::TimeMs, double) { ++samples_seen; };
  if (data[0] % 2 == 0) {
    if (hygge::server::walk_write_request(rest, visitor) && labels_seen + samples_seen > size) {
      std::abort();
    }
    return 0;
  }
  const auto message = hygge::server::unsnappy(rest, kMaxBytes);
  if (!message) return 0;
  if (message->size() > kMaxBytes) std::abort();
  (void)hygge::server::walk_write_request(*message, visitor);
  return 0;
}
