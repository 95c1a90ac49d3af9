// Payloads of log records, and entries of `meta`, that may be any bytes: the first byte picks the
// kind. What decodes, encodes to what decodes the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "storage/db/batch_ids.h"
#include "storage/db/meta.h"
#include "storage/log/payloads.h"

namespace {

using namespace hygge;
using namespace hygge::storage;

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const IdSample& a, const IdSample& b) {
  return a.series == b.series && a.t_ms == b.t_ms && same_bits(a.v, b.v);
}

void samples(Bytes bytes) {
  std::vector<IdSample> first;
  const auto head = decode_samples(bytes, first);
  if (!head) return;
  std::string again;
  encode_samples(again, first, *head);
  std::vector<IdSample> second;
  const auto head_again = decode_samples(as_bytes(again), second);
  require(head_again && head_again->batch_id == head->batch_id);
  require(head_again->synced_sequence == head->synced_sequence);
  require(as_text(head_again->report) == as_text(head->report));
  require(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) require(same(first[i], second[i]));
}

void report(Bytes bytes) {
  const auto decoded = decode_report(bytes);
  if (!decoded) return;
  const std::string again = encode_report(*decoded);
  const auto second = decode_report(as_bytes(again));
  require(second && encode_report(*second) == again);
}

void policy(Bytes bytes) {
  const auto decoded = decode_write_policy(bytes);
  if (!decoded) return;
  const auto second = decode_write_policy(as_bytes(encode_write_policy(*decoded)));
  require(second && *second == *decoded);
}

void erase(Bytes bytes) {
  const auto decoded = decode_erase(bytes);
  if (!decoded) return;
  require(!decoded->range.empty());
  std::string again;
  encode_erase(again, decoded->range, decoded->ids, decoded->samples_only);
  const auto second = decode_erase(as_bytes(again));
  require(second && second->ids == decoded->ids && second->range == decoded->range);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes = Bytes(data, size).subspan(1);
  switch (data[0] % 8) {
    case 0:
      samples(bytes);
      break;
    case 1:
      report(bytes);
      break;
    case 2:
      policy(bytes);
      break;
    case 3: {
      BatchIds ids;
      static_cast<void>(ids.load("batch_id/0001", bytes));
      break;
    }
    case 7:
      erase(bytes);
      break;
    default:
      // Series, metadata, marks, gaps: nothing but an error may come of them.
      for (const RecordType type :
           {RecordType::series, RecordType::metadata, RecordType::mark, RecordType::gap}) {
        static_cast<void>(payload_error({type, 1, bytes}));
      }
  }
  return 0;
}
