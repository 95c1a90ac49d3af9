#include "model/canonical.h"

#include <utility>
#include <vector>

namespace hygge {

void append_canonical(std::string& out, const Labels& labels) {
  for (const Label& label : labels) {
    put_text(out, label.name);
    put_text(out, label.value);
  }
}

std::string canonical(const Labels& labels) {
  std::string out;
  append_canonical(out, labels);
  return out;
}

Result<Labels> labels_from_canonical(Bytes bytes) {
  ByteReader in(bytes);
  std::vector<Label> labels;
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
