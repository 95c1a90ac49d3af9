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
  if (this != &other) {
    const Db closes(std::move(*this));
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Db::~Db() {
  if (!impl_) return;
  if (impl_->process().forked()) {
    storage::leave_alone(std::move(impl_));
  } else {
    impl_->abandon();
  }
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

Result<SeriesId> Db::series(const Labels& labels) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->series(labels);
}

Result<SeriesId> Db::series(std::initializer_list<Label> labels) {
  auto set = Labels::from(std::vector<Label>(labels));
  if (!set) return tl::unexpected<Error>(set.error());
  return series(*set);
}

Result<WriteReport> Db::write(const Batch& batch) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->write(batch);
}
Result<void> Db::set_write_policy(const WritePolicy& policy) {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->set_write_policy(policy);
}
WritePolicy Db::write_policy() const {
  return impl_->process().forked() ? WritePolicy() : impl_->write_policy();
}

Result<View> Db::view(std::span<const Selector> selectors, TimeRange range) const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
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
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  const std::shared_lock lock(impl_->state_mutex_);
  return impl_->index_->label_names();
}

Result<std::vector<std::string>> Db::label_values(std::string_view name) const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  const std::shared_lock lock(impl_->state_mutex_);
  return impl_->index_->label_values(name);
}

Result<Cardinality> Db::cardinality(const CardinalityQuestion& question) const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->cardinality(question);
}

std::map<std::string, Metadata> Db::metadata() const {
  if (impl_->process().forked()) return {};
  const std::shared_lock lock(impl_->state_mutex_);
  return *impl_->metadata_;
}

std::optional<TimeBounds> Db::time_bounds() const {
  if (impl_->process().forked()) return std::nullopt;
  const std::shared_lock lock(impl_->state_mutex_);
  return impl_->bounds_;
}

Result<EraseReport> Db::erase(std::span<const Selector> selectors, TimeRange range,
                              const EraseOptions& options) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->erase(selectors, range, options);
}

Result<EraseReport> Db::erase(const Selector& selector, TimeRange range,
                              const EraseOptions& options) {
  return erase(std::span(&selector, 1), range, options);
}

Result<void> Db::set_retention(std::vector<RetentionRule> rules) {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->set_retention(std::move(rules));
}
Result<void> Db::set_rollups(std::vector<RollupRule> rules) {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->set_rollups(std::move(rules));
}
std::vector<RollupRule> Db::rollups() const {
  return impl_->process().forked() ? std::vector<RollupRule>() : impl_->rollups();
}
Result<RollupStats> Db::rollup_stats() const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->rollup_stats();
}
Retention Db::retention() const {
  return impl_->process().forked() ? Retention() : impl_->retention();
}
std::vector<RetentionFloors> Db::retention_floors() const {
  return impl_->process().forked() ? std::vector<RetentionFloors>() : impl_->retention_floors();
}
Result<void> Db::set_retention_cap(std::uint64_t bytes) {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->set_retention_cap(bytes);
}
Result<void> Db::pin(const Selector& selector, TimeRange range) {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->pin({selector, range});
}
Result<void> Db::unpin(const Selector& selector, TimeRange range) {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->unpin({selector, range});
}
Result<RetentionReport> Db::apply_retention() {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->apply_retention();
}
Result<RetentionReport> Db::retention_dry_run(
    const std::optional<std::vector<RetentionRule>>& rules,
    std::optional<std::uint64_t> cap_bytes) const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->retention_dry_run(rules, cap_bytes);
}

Result<MaintainReport> Db::maintain(const Maintain& how) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->maintain(how);
}
Result<void> Db::flush() {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->flush();
}
Result<MaintainReport> Db::compact(const Maintain& how) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->compact(how);
}
Result<void> Db::sync() {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->sync();
}
Result<void> Db::refresh() {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->refresh();
}
Result<CopyReport> Db::clone(const std::string& to) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->copy(to, /*snapshot=*/false);
}
Result<CopyReport> Db::snapshot(const std::string& to) {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->copy(to, /*snapshot=*/true);
}
Result<void> Db::close() {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->close();
}
Result<VerifyReport> Db::verify() const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->verify();
}
Result<Stats> Db::stats() const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  return impl_->stats();
}
Result<std::string> Db::metrics() const {
  if (auto ours = impl_->process().check(); !ours) return tl::unexpected<Error>(ours.error());
  auto stats = impl_->quick_stats();
  if (!stats) return tl::unexpected<Error>(stats.error());
  return to_openmetrics(*stats);
}
Result<void> Db::inspect_chunks(
    const Selector& selector, TimeRange range, bool try_pack,
    const std::function<void(const Labels&, const ChunkReport&)>& each) const {
  if (auto ours = impl_->process().check(); !ours) return ours;
  return impl_->inspect_chunks(selector, range, try_pack, each);
}
const OpenReport& Db::open_report() const noexcept { return impl_->open_report(); }
const std::string& Db::directory() const noexcept { return impl_->directory(); }
bool Db::read_only() const noexcept { return impl_->read_only(); }

}  // namespace hygge
