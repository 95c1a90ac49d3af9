#include "storage/db/batch_ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "storage/log/payloads.h"

namespace hygge::storage {

namespace {

tl::unexpected<Error> damaged() {
  return fail(ErrorCode::corruption, "the report of a batch is damaged");
}

void put_refused(std::string& out, const WriteReport::Refused& refused) {
  out.push_back(static_cast<char>(refused.reason));
  put_varint(out, refused.series.value);
  put_varint(out, zigzag(refused.t_ms));
  put_le(out, std::bit_cast<std::uint64_t>(refused.v));
}

std::optional<WriteReport::Refused> read_refused(ByteReader& in) {
  WriteReport::Refused out;
  const std::uint8_t reason = in.byte();
  const std::uint64_t series = in.varint();
  out.t_ms = in.zigzag_varint();
  out.v = std::bit_cast<double>(in.le<std::uint64_t>());
  const bool known = reason <= static_cast<std::uint8_t>(WriteReport::Refused::Reason::expired);
  if (!in.ok() || !known || series > 0xffff'ffffU) return std::nullopt;
  out.reason = static_cast<WriteReport::Refused::Reason>(reason);
  out.series = SeriesId{static_cast<std::uint32_t>(series)};
  return out;
}

}  // namespace

std::string encode_report(const WriteReport& report) {
  std::string out;
  for (const std::uint64_t figure :
       {report.samples, report.series_new, report.out_of_order, report.replaced, report.duplicates,
        report.refused_out_of_order, report.outdone}) {
    put_varint(out, figure);
  }
  put_varint(out, report.first_refused.size());
  for (const WriteReport::Refused& refused : report.first_refused) put_refused(out, refused);
  return out;
}

Result<WriteReport> decode_report(Bytes bytes) {
  ByteReader in(bytes);
  WriteReport out;
  for (std::uint64_t* const figure :
       {&out.samples, &out.series_new, &out.out_of_order, &out.replaced, &out.duplicates,
        &out.refused_out_of_order, &out.outdone}) {
    *figure = in.varint();
  }
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > kMaxFirstRefused) return damaged();
  for (std::uint64_t i = 0; i < count; ++i) {
    auto refused = read_refused(in);
    if (!refused) return damaged();
    out.first_refused.push_back(std::move(*refused));
  }
  if (!in.done()) return damaged();
  return out;
}

std::optional<std::string_view> BatchIds::find(std::string_view id) const {
  const auto at = by_id_.find(std::string(id));
  if (at == by_id_.end()) return std::nullopt;
  return ring_[at->second].report;
}

void BatchIds::remember(std::string_view id, std::string_view report) {
  if (by_id_.contains(std::string(id))) return;
  put({last_number_ + 1, std::string(id), std::string(report)});
}

void BatchIds::put(Entry entry) {
  const auto place = static_cast<std::size_t>(entry.number % kRemembered);
  if (ring_.size() <= place) ring_.resize(place + 1);
  Entry& old = ring_[place];
  if (old.number > entry.number) return;
  // An id that was forgotten and came again may stand at a later place already.
  if (const auto at = by_id_.find(old.id); at != by_id_.end() && at->second == place) {
    by_id_.erase(at);
  }
  last_number_ = std::max(last_number_, entry.number);
  by_id_[entry.id] = place;
  old = std::move(entry);
}

std::vector<std::pair<std::string, std::string>> BatchIds::take_changes() {
  std::vector<std::pair<std::string, std::string>> out;
  if (last_number_ - taken_number_ > kRemembered) taken_number_ = last_number_ - kRemembered;
  while (taken_number_ < last_number_) {
    const std::size_t place = ++taken_number_ % kRemembered;
    const Entry& entry = ring_[place];
    std::string value;
    put_varint(value, entry.number);
    put_text(value, entry.id);
    value += entry.report;
    out.emplace_back(fmt::format("{}{:04x}", kPrefix, place), std::move(value));
  }
  return out;
}

Result<void> BatchIds::load(std::string_view name, Bytes value) {
  ByteReader in(value);
  Entry entry;
  entry.number = in.varint();
  entry.id = in.text();
  entry.report = as_text(in.rest());
  const bool named = name == fmt::format("{}{:04x}", kPrefix,
                                         static_cast<std::size_t>(entry.number % kRemembered));
  if (!in.ok() || !named || entry.number == 0 || entry.id.empty() ||
      entry.id.size() > kMaxBatchIdBytes || !decode_report(as_bytes(entry.report))) {
    return fail(ErrorCode::corruption, fmt::format("meta: entry {} is damaged", name));
  }
  put(std::move(entry));
  taken_number_ = last_number_;
  return {};
}

}  // namespace hygge::storage
