// What the records of the log carry. "text" is a varint length and that many bytes.
//
//   samples   varint   the highest sequence known to be synced when this was written
//             text     batch id; empty: none
//             text     only with a batch id: what write() said of the batch (db/batch_ids.h)
//             varint   count
//             zigzag   base time, ms
//             then, for each sample:
//               zigzag   series id − the id before it (the first: − 0)
//               zigzag   time − base time
//               varint   zigzag(v) · 2 for an integral |v| < 2^53 that is not −0,
//                        or 1, then the 8 bytes of v
//   series    varint id | canonical label bytes
//   metadata  text family | byte type | text unit | text help
//   erase     zigzag after | zigzag until | varint count | for each id, rising: varint id − the id
//             before it (the first: − 0): samples of these series in (after, until] are gone;
//             a byte 1 may follow: these are whole days, and their cells stay
//   mark      varint: everything up to this sequence is in the store's files
//   gap       varint: the records from this one's sequence to that one are lost
#pragma once

#include <hygge/error.h>
#include <hygge/metadata.h>
#include <hygge/time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/id_sample.h"
#include "storage/log/record.h"

namespace hygge::storage {

inline constexpr std::size_t kMaxBatchIdBytes = 64;

/// What a record of samples says beside them.
struct SamplesHead {
  std::uint64_t synced_sequence = 0;
  std::string_view batch_id = {};  ///< of a decoded one both point into the payload
  Bytes report = {};               ///< only with a batch id
};

void encode_samples(std::string& out, std::span<const IdSample> samples, const SamplesHead& head);
void encode_series(std::string& out, std::uint32_t id, std::string_view canonical);
void encode_metadata(std::string& out, std::string_view family, const Metadata& metadata);
void encode_mark(std::string& out, std::uint64_t mark);
/// `ids` rise.
void encode_erase(std::string& out, TimeRange range, std::span<const std::uint32_t> ids,
                  bool samples_only = false);

/// Replaces `out`. Errors of all decoders: corruption.
[[nodiscard]] Result<SamplesHead> decode_samples(Bytes payload, std::vector<IdSample>& out);

struct SeriesPayload {
  std::uint32_t id = 0;
  std::string_view canonical;  ///< points into the payload; checked to be a label set
};
[[nodiscard]] Result<SeriesPayload> decode_series(Bytes payload);

struct MetadataPayload {
  std::string family;
  Metadata metadata;
};
[[nodiscard]] Result<MetadataPayload> decode_metadata(Bytes payload);
[[nodiscard]] Result<std::uint64_t> decode_mark(Bytes payload);

void encode_gap(std::string& out, std::uint64_t last_missing);
[[nodiscard]] Result<std::uint64_t> decode_gap(Bytes payload);

/// What is wrong with the payload of a record whose checksum holds; empty if it decodes.
[[nodiscard]] std::optional<Error> payload_error(const LogRecord& record);
struct ErasePayload {
  TimeRange range;
  std::vector<std::uint32_t> ids;  ///< rising
  bool samples_only = false;
};
[[nodiscard]] Result<ErasePayload> decode_erase(Bytes payload);

}  // namespace hygge::storage
