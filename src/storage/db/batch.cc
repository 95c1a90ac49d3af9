#include <hygge/batch.h>

#include <vector>

#include "model/canonical.h"

namespace hygge {

void Batch::add(const Labels& labels, TimeMs t_ms, double v) {
  const std::size_t offset = label_bytes_.size();
  append_canonical(label_bytes_, labels);
  named_.push_back({entries_.size(), offset, label_bytes_.size() - offset, true});
  entries_.push_back({0, t_ms, v});
}

void Batch::add(std::initializer_list<Label> labels, TimeMs t_ms, double v) {
  auto set = Labels::from(std::vector<Label>(labels));
  if (set) return add(*set, t_ms, v);
  // write() says why; the text of the reason stands where the labels would.
  const std::size_t offset = label_bytes_.size();
  label_bytes_ += set.error().message;
  named_.push_back({entries_.size(), offset, label_bytes_.size() - offset, false});
  entries_.push_back({0, t_ms, v});
}

void Batch::clear() noexcept {
  entries_.clear();
  named_.clear();
  label_bytes_.clear();
  metadata_.clear();
  id_.clear();
}

}  // namespace hygge
