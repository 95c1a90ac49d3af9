#include "codec/pack/integer_encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/assert.h"
#include "base/bytes.h"
#include "codec/pack/groups_writer.h"

namespace hygge::pack {

namespace {

std::uint64_t as_word(std::int64_t x) noexcept { return static_cast<std::uint64_t>(x); }
std::uint64_t zigzag_word(std::uint64_t x) noexcept { return zigzag(static_cast<std::int64_t>(x)); }

std::size_t varint_bytes(std::uint64_t x) noexcept {
  return x == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(x)) + 6) / 7;
}

// Element number `k` of the sorted values, by counting them into buckets of equal reach.
std::int64_t select(std::span<const std::int64_t> values, std::size_t k,
                    std::vector<std::int64_t>& bucket_values) {
  constexpr unsigned kBucketBits = 9;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const std::uint64_t low = as_word(*least);
  const auto bits = static_cast<unsigned>(std::bit_width(as_word(*most) - low));
  const unsigned shift = bits > kBucketBits ? bits - kBucketBits : 0;
  std::array<std::uint16_t, 1U << kBucketBits> counts{};
  for (const std::int64_t value : values) ++counts[(as_word(value) - low) >> shift];
  std::size_t bucket = 0;
  while (k >= counts[bucket]) k -= counts[bucket++];
  if (shift == 0) return static_cast<std::int64_t>(low + bucket);
  bucket_values.clear();
  for (const std::int64_t value : values) {
    if ((as_word(value) - low) >> shift == bucket) bucket_values.push_back(value);
  }
  const auto place = bucket_values.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(bucket_values.begin(), place, bucket_values.end());
  return *place;
}

}  // namespace

void IntegerEncoder::reserve(std::size_t n) {
  if (x_.size() >= lane_room(n)) return;
  const std::size_t room = lane_room(n);
  x_.resize(room);
  steps_.resize(room);
  for (Choice* choice : {&best_, &other_}) {
    choice->residuals.resize(room);
    choice->widths.resize(group_count(n));
  }
}

// Steps are most often all alike, or nearly: then one count of the likely one settles it.
std::int64_t IntegerEncoder::middle_step(std::size_t count) {
  if (count == 0) return 0;
  const std::size_t k = count / 2;
  const std::int64_t a = steps_[0];
  const std::int64_t b = steps_[k];
  const std::int64_t c = steps_[count - 1];
  const std::int64_t likely = std::max(std::min(a, b), std::min(std::max(a, b), c));
  std::size_t below = 0;
  std::size_t equal = 0;
  with_->rank(steps_.data(), count, likely, below, equal);
  if (below <= k && k < below + equal) return likely;
  return select(std::span(steps_).first(count), k, sorted_);
}

void IntegerEncoder::measure(Choice& choice) {
  const IntegerRule& rule = choice.rule;
  const std::uint64_t any =
      with_->residuals(rule, x_.data(), steps_.data(), n_, choice.residuals.data());
  choice.all_zero = any == 0;
  choice.bytes = varint_bytes(zigzag_word(rule.base));
  if (rule.predictor == Predictor::grid) choice.bytes += varint_bytes(zigzag_word(rule.low));
  if (choice.all_zero) return;
  choice.bytes +=
      group_count(n_) + with_->choose_widths(choice.residuals.data(), n_, choice.widths.data());
}

// Whether no predictor that comes later takes fewer bytes. Without residuals there is but the base,
// which is the same for all after the first, and takes a byte at least.
bool IntegerEncoder::cannot_be_less(const Choice& choice) noexcept {
  return choice.all_zero && (choice.bytes == 1 || choice.rule.predictor == Predictor::delta);
}

std::size_t IntegerEncoder::plan(std::span<const std::int64_t> q) {
  HYGGE_ASSERT(!q.empty());
  n_ = q.size();
  reserve(n_);
  const std::uint64_t bits = with_->step_bits(q.data(), n_);
  IntegerRule rule;
  rule.first = as_word(q[0]);
  rule.shift = bits == 0 ? 0 : static_cast<unsigned>(std::countr_zero(bits));
  with_->offsets(q.data(), n_, rule.shift, x_.data(), steps_.data());
  const std::uint64_t step = as_word(middle_step(n_ - 1));
  for (const Predictor predictor :
       {Predictor::frame, Predictor::grid, Predictor::delta, Predictor::delta2}) {
    rule.predictor = predictor;
    rule.base =
        predictor == Predictor::frame ? as_word(with_->least_off_grid(x_.data(), n_, 0)) : step;
    rule.low =
        predictor == Predictor::grid ? as_word(with_->least_off_grid(x_.data(), n_, step)) : 0;
    other_.rule = rule;
    measure(other_);
    if (predictor == Predictor::frame || other_.bytes < best_.bytes) std::swap(best_, other_);
    if (cannot_be_less(best_)) break;
  }
  return 1 + (rule.shift != 0 ? 1 : 0) + varint_bytes(zigzag_word(rule.first)) + best_.bytes;
}

std::uint8_t* IntegerEncoder::write(std::uint8_t* at) const noexcept {
  const IntegerRule& rule = best_.rule;
  *at++ = static_cast<std::uint8_t>(static_cast<unsigned>(rule.predictor) |
                                    (rule.shift != 0 ? kHasShift : 0U) |
                                    (best_.all_zero ? kAllZero : 0U));
  if (rule.shift != 0) *at++ = static_cast<std::uint8_t>(rule.shift);
  at = write_varint(at, zigzag_word(rule.first));
  at = write_varint(at, zigzag_word(rule.base));
  if (rule.predictor == Predictor::grid) at = write_varint(at, zigzag_word(rule.low));
  if (best_.all_zero) return at;
  return write_groups(at, best_.residuals.data(), n_, best_.widths.data());
}

}  // namespace hygge::pack
