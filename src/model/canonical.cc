#include "model/canonical.h"

#include <cstring>
#include <utility>
#include <vector>

namespace hygge {

namespace {

std::uint8_t* write_text(std::uint8_t* at, std::string_view text) noexcept {
  at = write_varint(at, text.size());
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

// Room is made once: a writer by labels comes here for every sample.
void append_canonical(std::string& out, const Labels& labels) {
  const std::size_t before = out.size();
  std::size_t most = before;
  for (const Label& label : labels) {
    most += label.name.size() + label.value.size() + 2 * kMaxVarintBytes;
  }
  out.resize(most);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(out.data());
  std::uint8_t* end = bytes + before;
  for (const Label& label : labels) end = write_text(write_text(end, label.name), label.value);
  out.resize(static_cast<std::size_t>(end - bytes));
}

void append_canonical(std::string& out, const Label& label) {
  put_text(out, label.name);
  put_text(out, label.value);
}

std::string canonical(const Labels& labels) {
  std::string out;
  append_canonical(out, labels);
  return out;
}

Result<Labels> labels_from_canonical(Bytes bytes) {
  // Room is made once: a query reads those of all its series.
  std::size_t count = 0;
  for (ByteReader in(bytes); in.ok() && in.left() > 0; ++count) {
    static_cast<void>(in.text());
    static_cast<void>(in.text());
  }
  ByteReader in(bytes);
  std::vector<Label> labels;
  labels.reserve(count);
  while (in.ok() && in.left() > 0) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    if (!in.ok()) break;
    const bool sorted = labels.empty() || labels.back().name < name;
    if (name.empty() || value.empty() || !sorted) {
      return fail(ErrorCode::corruption, "label bytes are not in canonical form");
    }
    labels.push_back({std::string(name), std::string(value)});
  }
  if (!in.ok()) return fail(ErrorCode::corruption, "label bytes end early");
  auto result = Labels::from(std::move(labels));
  if (!result) return fail(ErrorCode::corruption, result.error().message);
  return result;
}

}  // namespace hygge
