// codec inspect: how chunks are written.
#include <fmt/format.h>
#include <hygge/chunk_report.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "json.h"
#include "pick.h"

namespace hygge::command {

namespace {

// No chunk value is larger: 65,535 samples in full width.
constexpr std::uintmax_t kMaxFileBytes = 4U << 20U;

std::string ratio(std::uint64_t bytes, std::uint64_t samples) {
  return samples == 0
             ? ""
             : fmt::format("{:.3f}", static_cast<double>(bytes) / static_cast<double>(samples));
}

// "delta /100", "grid /1 ~last bits, 3 exceptions", "xor"
std::string values_text(const ChunkReport::Packing& packing) {
  if (packing.values != "scaled") return std::string(packing.values);
  std::string out = fmt::format("{} /{}", packing.predictor, packing.divisor);
  if (packing.last_bits) out += " + last bits";
  if (packing.exceptions > 0) out += fmt::format(" + {} as they are", packing.exceptions);
  return out;
}

struct Total {
  std::uint64_t chunks = 0;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  void add(std::uint64_t more_samples, std::uint64_t more_bytes) {
    ++chunks;
    samples += more_samples;
    bytes += more_bytes;
  }
};

struct Totals {
  Total all;
  std::map<std::string_view, Total> by_codec;
  std::uint64_t smaller_bytes = 0;  // with the smaller of the chunk and its trial
};

void write_total(Json& json, const Total& total) {
  json.open('{').member("chunks", total.chunks).member("samples", total.samples);
  json.member("bytes", total.bytes).close('}');
}

void write_chunk(Json& json, const Labels* labels, const ChunkReport& chunk) {
  json.open('{');
  if (labels != nullptr) {
    json.key("labels").open('{');
    for (const Label& label : *labels) json.member(label.name, label.value);
    json.close('}');
  }
  json.member("codec", chunk.codec).member("shape", chunk.shape).member("from", chunk.first_ms);
  json.member("to", chunk.last_ms).member("samples", chunk.samples).member("bytes", chunk.bytes);
  json.member("bytes_per_sample",
              static_cast<double>(chunk.bytes) / static_cast<double>(chunk.samples));
  if (chunk.packing) {
    const ChunkReport::Packing& packing = *chunk.packing;
    json.key("pack").open('{').member("bytes", packing.bytes).member("times", packing.times);
    json.member("values", packing.values);
    if (packing.values == "scaled") {
      json.member("predictor", packing.predictor).member("divisor", packing.divisor);
      json.member("last_bits", packing.last_bits).member("exceptions", packing.exceptions);
    }
    json.close('}');
  }
  json.close('}');
}

// Takes the reports as they come and writes them in the format that was asked for.
class Writer {
 public:
  Writer(Context& context, bool of_series, bool trying)
      : context_(context),
        trying_(trying),
        of_series_(of_series),
        table_(columns(of_series, trying)) {
    if (is_json()) wrote_ = context_.out().write(R"({"schema":"hygge.codec/1","chunks":[)");
  }

  void add(const Labels* labels, const ChunkReport& chunk) {
    totals_.all.add(chunk.samples, chunk.bytes);
    totals_.by_codec[chunk.codec].add(chunk.samples, chunk.bytes);
    totals_.smaller_bytes +=
        chunk.packing ? std::min(chunk.bytes, chunk.packing->bytes) : chunk.bytes;
    if (!wrote_) return;
    if (is_json() || context_.format() == "jsonl") {
      Json json;
      write_chunk(json, labels, chunk);
      const std::string_view before = is_json() && totals_.all.chunks > 1 ? "," : "";
      wrote_ =
          context_.out().write(fmt::format("{}{}{}", before, json.out(), is_json() ? "" : "\n"));
    } else {
      table_.add(row(labels, chunk));
    }
  }

  Result<void> finish() {
    if (!wrote_) return wrote_;
    if (is_json()) {
      Json json;
      json.open('{').member("chunks", totals_.all.chunks).member("samples", totals_.all.samples);
      json.member("bytes", totals_.all.bytes).key("by_codec").open('{');
      for (const auto& [codec, total] : totals_.by_codec) {
        json.key(codec);
        write_total(json, total);
      }
      json.close('}');
      if (trying_) json.member("smaller_bytes", totals_.smaller_bytes);
      json.close('}');
      return context_.out().write(fmt::format("],\"total\":{}}}\n", json.out()));
    }
    if (context_.format() != "jsonl" && (table_.size() > 0 || context_.format() != "table")) {
      wrote_ = context_.write_table(table_);
    }
    if (totals_.all.chunks > 0) context_.note(summary());
    return wrote_;
  }

  [[nodiscard]] bool empty() const noexcept { return totals_.all.chunks == 0; }

 private:
  [[nodiscard]] bool is_json() const { return context_.format() == "json"; }

  static std::vector<Column> columns(bool of_series, bool trying) {
    std::vector<Column> out;
    if (of_series) out.push_back({"series", false, true, 0});
    out.push_back({"from", false, false, 3});
    out.push_back({"samples", true, false, 0});
    out.push_back({"bytes", true, false, 4});
    out.push_back({"per_sample", true, false, 0});
    out.push_back({"codec", false, false, 0});
    out.push_back({"shape", false, false, 2});
    if (trying) {
      out.push_back({"pack_bytes", true, false, 0});
      out.push_back({"pack_per_sample", true, false, 0});
    }
    out.push_back({"times", false, false, 1});
    out.push_back({"values", false, false, 0});
    return out;
  }

  [[nodiscard]] std::vector<std::string> row(const Labels* labels, const ChunkReport& chunk) const {
    const auto& packing = chunk.packing;
    std::vector<std::string> out;
    if (of_series_) out.push_back(labels != nullptr ? to_string(*labels) : "");
    out.push_back(labels != nullptr ? context_.time(chunk.first_ms) : "");
    out.push_back(std::to_string(chunk.samples));
    out.push_back(std::to_string(chunk.bytes));
    out.push_back(ratio(chunk.bytes, chunk.samples));
    out.emplace_back(chunk.codec);
    out.emplace_back(chunk.shape);
    if (trying_) {
      out.push_back(packing ? std::to_string(packing->bytes) : "");
      out.push_back(packing ? ratio(packing->bytes, chunk.samples) : "");
    }
    out.emplace_back(packing ? packing->times : "");
    out.push_back(packing ? values_text(*packing) : "");
    return out;
  }

  [[nodiscard]] std::string summary() const {
    const Total& all = totals_.all;
    std::string out = fmt::format("{} chunks, {} samples, {} bytes: {} per sample", all.chunks,
                                  all.samples, all.bytes, ratio(all.bytes, all.samples));
    for (const auto& [codec, total] : totals_.by_codec) {
      out += fmt::format("; {} {} in {} chunks", codec, ratio(total.bytes, total.samples),
                         total.chunks);
    }
    if (trying_) {
      out +=
          fmt::format("; {} with the smaller of both", ratio(totals_.smaller_bytes, all.samples));
    }
    return out;
  }

  Context& context_;
  bool trying_;
  bool of_series_;
  Table table_;
  Totals totals_;
  Result<void> wrote_;
};

bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

Result<ChunkReport> inspect_file(const std::string& path, bool trying) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorCode::io, fmt::format("{}: {}", path, error.message()));
  if (size > kMaxFileBytes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}: {} bytes are more than any chunk has", path, size),
                "FILE holds one chunk value, or one payload of Gorilla or Pack");
  }
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(in)),
                               std::istreambuf_iterator<char>());
  if (!in && !in.eof()) return fail(ErrorCode::io, fmt::format("{}: it cannot be read", path));
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  auto report = inspect_chunk(bytes, 0, trying);
  if (report) return report;
  return fail(report.error().code, fmt::format("{}: {}", path, report.error().message),
              "FILE holds one chunk value, or one payload of Gorilla or Pack");
}

}  // namespace

Result<int> run_codec_inspect(Context& context) {
  const bool trying = context.arguments().get("try").has_value();
  const auto& values = context.arguments().values;
  if (!values.empty() && is_file(values[0])) {
    const auto report = inspect_file(values[0], trying);
    if (!report) return tl::unexpected<Error>(report.error());
    Writer writer(context, false, trying);
    writer.add(nullptr, *report);
    if (auto wrote = writer.finish(); !wrote) return tl::unexpected<Error>(wrote.error());
    return 0;
  }
  const auto selector = picked_selector(context);
  if (!selector) {
    Error error = selector.error();
    if (!values.empty()) error.message += "; nor is there a file of that name";
    return tl::unexpected<Error>(std::move(error));
  }
  auto db = context.open_to_read();
  if (!db) return tl::unexpected<Error>(db.error());
  const auto range = context.range(*db, "all", false);
  if (!range) return tl::unexpected<Error>(range.error());
  Writer writer(context, true, trying);
  const auto walked = db->inspect_chunks(
      *selector, *range, trying,
      [&](const Labels& labels, const ChunkReport& chunk) { writer.add(&labels, chunk); });
  if (!walked) return tl::unexpected<Error>(walked.error());
  if (writer.empty()) {
    const std::string why = why_nothing(*db, *selector);
    context.note(why.empty() ? "no stored chunk: what is still open is in memory" : why);
  }
  if (auto wrote = writer.finish(); !wrote) return tl::unexpected<Error>(wrote.error());
  return 0;
}

}  // namespace hygge::command
