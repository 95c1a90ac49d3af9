// Db is a shared_ptr to its Impl: views keep what they need of it alive.
#include <hygge/db.h>

#include <algorithm>
#include <utility>

#include "model/canonical.h"
#include "storage/db/db_impl.h"

namespace hygge {

Db::Db(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Db::Db(Db&&) noexcept = default;

Db& Db::operator=(Db&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) static_cast<void>(impl_->close());
  impl_ = std::move(other.impl_);
  return *this;
}

Db::~Db() {
  if (impl_) impl_->abandon();
}

Result<Db> Db::open(const std::string& dir, const Options& options) {
  auto impl = Impl::open(dir, options);
  if (!impl) return tl::unexpected<Error>(impl.error());
  return Db(std::move(*impl));
}

Result<Db> Db::open_read_only(const std::string& dir, const Options& options) {
  auto impl = Impl::open_read_only(dir, options);
  if (!impl) return tl::unexpected<Error>(impl.error());
  return Db(std::move(*impl));
}

Result<SeriesId> Db::series(const Labels& labels) { return impl_->series(labels); }

Result<SeriesId> Db::series(std::initializer_list<Label> labels) {
  auto set = Labels::from(std::vector<Label>(labels));
  if (!set) return tl::unexpected<Error>(set.error());
  return impl_->series(*set);
}

Result<WriteReport> Db::write(const Batch& batch) { return impl_->write(batch); }
Result<void> Db::set_write_policy(const WritePolicy& policy) {
  return impl_->set_write_policy(policy);
}
WritePolicy Db::write_policy() const { return impl_->write_policy(); }

Result<View> Db::view(std::span<const Selector> selectors, TimeRange range) const {
  std::vector<std::vector<std::size_t>> picked;
  auto state = impl_->capture(selectors, range, picked);
  if (!state) return tl::unexpected<Error>(state.error());
  for (const std::vector<std::size_t>& entries : picked) {
    std::vector<Series>& series = (*state)->by_selector.emplace_back();
    series.reserve(entries.size());
    for (const std::size_t entry : entries) series.push_back(Series(state->get(), entry));
  }
  return View(std::move(*state));
}

Result<View> Db::view(std::initializer_list<Selector> selectors, TimeRange range) const {
  return view(std::span(selectors.begin(), selectors.size()), range);
}

Result<std::vector<std::string>> Db::label_names() const {
  const std::shared_lock lock(impl_->state_mutex_);
  return impl_->index_->label_names();
}

Result<std::vector<std::string>> Db::label_values(std::string_view name) const {
  const std::shared_lock lock(impl_->state_mutex_);
  return impl_->index_->label_values(name);
}

Result<Cardinality> Db::cardinality(const CardinalityQuestion& question) const {
  return impl_->cardinality(question);
}

std::map<std::string, Metadata> Db::metadata() const {
  const std::shared_lock lock(impl_->state_mutex_);
  return *impl_->metadata_;
}

std::optional<TimeBounds> Db::time_bounds() const {
  const std::shared_lock lock(impl_->state_mutex_);
  return impl_->bounds_;
}

Result<EraseReport> Db::erase(std::span<const Selector> selectors, TimeRange range,
                              const EraseOptions& options) {
  return impl_->erase(selectors, range, options);
}

Result<EraseReport> Db::erase(const Selector& selector, TimeRange range,
                              const EraseOptions& options) {
  return impl_->erase(std::span(&selector, 1), range, options);
}

Result<void> Db::set_retention(std::vector<RetentionRule> rules) {
  return impl_->set_retention(std::move(rules));
}
Retention Db::retention() const { return impl_->retention(); }
Result<void> Db::pin(const Selector& selector, TimeRange range) {
  return impl_->pin({selector, range});
}
Result<void> Db::unpin(const Selector& selector, TimeRange range) {
  return impl_->unpin({selector, range});
}
Result<RetentionReport> Db::apply_retention() { return impl_->apply_retention(); }
Result<RetentionReport> Db::retention_dry_run(
    const std::optional<std::vector<RetentionRule>>& rules) const {
  return impl_->retention_dry_run(rules);
}

Result<MaintainReport> Db::maintain(const Maintain& how) { return impl_->maintain(how); }
Result<void> Db::flush() { return impl_->flush(); }
Result<MaintainReport> Db::compact(const Maintain& how) { return impl_->compact(how); }
Result<void> Db::sync() { return impl_->sync(); }
Result<void> Db::close() { return impl_->close(); }
Result<VerifyReport> Db::verify() const { return impl_->verify(); }
Result<Stats> Db::stats() const { return impl_->stats(); }
Result<void> Db::inspect_chunks(
    const Selector& selector, TimeRange range, bool try_pack,
    const std::function<void(const Labels&, const ChunkReport&)>& each) const {
  return impl_->inspect_chunks(selector, range, try_pack, each);
}
const OpenReport& Db::open_report() const noexcept { return impl_->open_report(); }
const std::string& Db::directory() const noexcept { return impl_->directory(); }
bool Db::read_only() const noexcept { return impl_->read_only(); }

}  // namespace hygge
