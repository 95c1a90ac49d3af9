#include "storage/log/payloads.h"

#include <bit>
#include <cmath>

#include "base/assert.h"
#include "model/canonical.h"

namespace hygge::storage {

namespace {

constexpr std::size_t kMaxSampleBytes = 5 + kMaxVarintBytes + kMaxVarintBytes;
constexpr double kIntegralLimit = 9007199254740992.0;  // 2^53

tl::unexpected<Error> damaged(const char* what) {
  return fail(ErrorCode::corruption, std::string("log: a record of ") + what + " is damaged");
}

bool is_integral(double v) {
  return std::fabs(v) < kIntegralLimit && std::trunc(v) == v && !(v == 0 && std::signbit(v));
}

std::uint8_t* write_sample(std::uint8_t* at, const IdSample& sample, std::uint32_t id_before,
                           TimeMs base_ms) {
  at = write_varint(
      at, zigzag(static_cast<std::int64_t>(sample.series) - static_cast<std::int64_t>(id_before)));
  // Modulo 2^64: any two times have a difference that comes back.
  const std::uint64_t since =
      static_cast<std::uint64_t>(sample.t_ms) - static_cast<std::uint64_t>(base_ms);
  at = write_varint(at, zigzag(static_cast<std::int64_t>(since)));
  if (is_integral(sample.v)) {
    return write_varint(at, zigzag(static_cast<std::int64_t>(sample.v)) << 1U);
  }
  *at++ = 1;
  store_le(at, std::bit_cast<std::uint64_t>(sample.v));
  return at + 8;
}

}  // namespace

void encode_samples(std::string& out, std::span<const IdSample> samples, const SamplesHead& head) {
  const TimeMs base_ms = samples.empty() ? 0 : samples[0].t_ms;
  put_varint(out, head.synced_sequence);
  put_text(out, head.batch_id);
  if (!head.batch_id.empty()) put_text(out, as_text(head.report));
  put_varint(out, samples.size());
  put_varint(out, zigzag(base_ms));
  const std::size_t start = out.size();
  out.resize(start + samples.size() * kMaxSampleBytes);
  auto* const first = reinterpret_cast<std::uint8_t*>(out.data()) + start;
  std::uint8_t* at = first;
  std::uint32_t id_before = 0;
  for (const IdSample& sample : samples) {
    at = write_sample(at, sample, id_before, base_ms);
    id_before = sample.series;
  }
  out.resize(start + static_cast<std::size_t>(at - first));
}

void encode_series(std::string& out, std::uint32_t id, std::string_view canonical) {
  put_varint(out, id);
  out += canonical;
}

void encode_metadata(std::string& out, std::string_view family, const Metadata& metadata) {
  put_text(out, family);
  out.push_back(static_cast<char>(metadata.type));
  put_text(out, metadata.unit);
  put_text(out, metadata.help);
}

void encode_mark(std::string& out, std::uint64_t mark) { put_varint(out, mark); }

void encode_erase(std::string& out, TimeRange range, std::span<const std::uint32_t> ids,
                  bool samples_only) {
  put_varint(out, zigzag(range.after));
  put_varint(out, zigzag(range.until));
  put_varint(out, ids.size());
  std::uint32_t before = 0;
  for (const std::uint32_t id : ids) {
    HYGGE_ASSERT(id > before);
    put_varint(out, id - before);
    before = id;
  }
  if (samples_only) out.push_back(1);
}

Result<SamplesHead> decode_samples(Bytes payload, std::vector<IdSample>& out) {
  ByteReader in(payload);
  SamplesHead head;
  head.synced_sequence = in.varint();
  head.batch_id = in.text();
  if (head.batch_id.size() > kMaxBatchIdBytes) return damaged("samples");
  if (!head.batch_id.empty()) head.report = as_bytes(in.text());
  const std::uint64_t count = in.varint();
  const std::int64_t base_ms = in.zigzag_varint();
  out.clear();
  // Three bytes a sample at least: no count makes us reserve more than its bytes justify.
  if (!in.ok() || count > in.left() / 3) return damaged("samples");
  out.reserve(static_cast<std::size_t>(count));
  std::int64_t id = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    id = static_cast<std::int64_t>(static_cast<std::uint64_t>(id) +
                                   static_cast<std::uint64_t>(in.zigzag_varint()));
    const auto t =
        static_cast<std::uint64_t>(in.zigzag_varint()) + static_cast<std::uint64_t>(base_ms);
    const std::uint64_t code = in.varint();
    double v = 0;
    if (code == 1) {
      v = std::bit_cast<double>(in.le<std::uint64_t>());
    } else if ((code & 1U) == 0) {
      v = static_cast<double>(unzigzag(code >> 1U));
    } else {
      return damaged("samples");
    }
    if (!in.ok() || id < 0 || id > 0xffff'ffffLL) return damaged("samples");
    out.push_back({static_cast<std::uint32_t>(id), static_cast<TimeMs>(t), v});
  }
  if (!in.done()) return damaged("samples");
  return head;
}

Result<SeriesPayload> decode_series(Bytes payload) {
  ByteReader in(payload);
  const std::uint64_t id = in.varint();
  const std::string_view canonical = as_text(in.rest());
  if (!in.ok() || id == 0 || id > 0xffff'ffffU) return damaged("a series");
  if (!labels_from_canonical(as_bytes(canonical))) return damaged("a series");
  return SeriesPayload{static_cast<std::uint32_t>(id), canonical};
}

Result<MetadataPayload> decode_metadata(Bytes payload) {
  ByteReader in(payload);
  MetadataPayload out;
  out.family = in.text();
  const std::uint8_t type = in.byte();
  out.metadata.unit = in.text();
  out.metadata.help = in.text();
  if (!in.done() || type > static_cast<std::uint8_t>(MetricType::stateset)) {
    return damaged("metadata");
  }
  out.metadata.type = static_cast<MetricType>(type);
  return out;
}

Result<std::uint64_t> decode_mark(Bytes payload) {
  ByteReader in(payload);
  const std::uint64_t mark = in.varint();
  if (!in.done()) return damaged("a mark");
  return mark;
}

void encode_gap(std::string& out, std::uint64_t last_missing) { put_varint(out, last_missing); }

Result<std::uint64_t> decode_gap(Bytes payload) {
  ByteReader in(payload);
  const std::uint64_t last_missing = in.varint();
  if (!in.done()) return damaged("a gap");
  return last_missing;
}

std::optional<Error> payload_error(const LogRecord& record) {
  std::vector<IdSample> samples;
  const auto error_of = [](const auto& result) {
    return result ? std::optional<Error>() : std::optional<Error>(result.error());
  };
  switch (record.type) {
    case RecordType::samples:
      return error_of(decode_samples(record.payload, samples));
    case RecordType::series:
      return error_of(decode_series(record.payload));
    case RecordType::metadata:
      return error_of(decode_metadata(record.payload));
    case RecordType::mark:
      return error_of(decode_mark(record.payload));
    case RecordType::gap:
      return error_of(decode_gap(record.payload));
    case RecordType::erase:
      return error_of(decode_erase(record.payload));
    case RecordType::policy:
      break;
  }
  return std::nullopt;
}

Result<ErasePayload> decode_erase(Bytes payload) {
  ByteReader in(payload);
  ErasePayload out;
  out.range.after = in.zigzag_varint();
  out.range.until = in.zigzag_varint();
  const std::uint64_t count = in.varint();
  // A byte each at least.
  if (!in.ok() || count > in.left() || out.range.empty()) return damaged("a delete");
  out.ids.reserve(static_cast<std::size_t>(count));
  std::uint64_t id = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t step = in.varint();
    if (!in.ok() || step == 0 || step > 0xffff'ffffU) return damaged("a delete");
    id += step;
    if (id > 0xffff'ffffU) return damaged("a delete");
    out.ids.push_back(static_cast<std::uint32_t>(id));
  }
  out.samples_only = in.left() > 0;
  if (out.samples_only && in.byte() != 1) return damaged("a delete");
  if (!in.done()) return damaged("a delete");
  return out;
}

}  // namespace hygge::storage
