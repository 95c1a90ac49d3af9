// Writes payloads: the times, then whatever kind of value block is the smallest.
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"
#include "codec/pack/divisors.h"
#include "codec/pack/groups_writer.h"
#include "codec/pack/integer_encoder.h"
#include "codec/pack/pack.h"

namespace hygge::pack {

namespace {

// Up to this power of ten nothing else is tried.
constexpr std::size_t kPlainDecimal = 5;
// From this power of ten on, corrections of the last bits may do better.
constexpr std::size_t kSuspectDecimal = 10;

// No block is larger: headers, residuals in full width with masks, exceptions.
constexpr std::size_t block_room(std::size_t n) {
  return 64 + lane_room(n) * 9 + lane_room(n) * 9 / kHalf + n * 11 + kWriteSlackBytes;
}

}  // namespace

class Encoder::Impl {
 public:
  explicit Impl(const Kernels& with) : with_(&with), integers_(with) {}

  void append(std::span<const TimeMs> t, std::span<const double> v, std::string& out);
  void append_integers(std::span<const std::int64_t> q, std::string& out);
  void append_values(std::span<const double> v, std::string& out);

 private:
  struct ExceptionAt {
    std::size_t index;
    std::uint64_t bits;
  };
  // The block found so far; written at once, so that plans need not be kept.
  void offer_scaled(std::span<const double> v, std::size_t d);
  void offer_with_exceptions(std::span<const double> v, std::size_t d, bool ulps);
  void offer_xor(std::span<const double> v);
  void scale_with_exceptions(std::span<const double> v, double divisor, bool ulps);
  void choose_values(std::span<const double> v);
  void write_constant(double v);
  [[nodiscard]] std::size_t exception_bytes() const noexcept;
  [[nodiscard]] std::uint8_t* write_exceptions(std::uint8_t* at) const noexcept;
  void reserve(std::size_t n);

  const Kernels* with_;
  IntegerEncoder integers_;
  std::vector<std::uint8_t> times_;
  std::vector<std::uint8_t> best_;
  std::size_t best_bytes_ = 0;  // 0: none yet
  std::vector<std::int64_t> q_;
  std::vector<std::uint64_t> words_;  // corrections, or XORs
  std::vector<std::uint8_t> widths_;
  std::vector<ExceptionAt> exceptions_;
};

void Encoder::Impl::reserve(std::size_t n) {
  if (times_.size() >= block_room(n)) return;
  times_.resize(block_room(n));
  best_.resize(2 * block_room(n));
  q_.resize(lane_room(n));
  words_.resize(lane_room(n));
  widths_.resize(group_count(n));
}

void Encoder::Impl::write_constant(double v) {
  best_[0] = kConstant;
  store_le(&best_[1], std::bit_cast<std::uint64_t>(v));
  best_bytes_ = 1 + sizeof(std::uint64_t);
}

// All of v are integers under divisor d.
void Encoder::Impl::offer_scaled(std::span<const double> v, std::size_t d) {
  with_->quotients(v.data(), v.size(), kDivisors[d], q_.data());
  const std::size_t bytes = 1 + integers_.plan(std::span(q_).first(v.size()));
  if (best_bytes_ != 0 && bytes >= best_bytes_) return;
  best_bytes_ = bytes;
  best_[0] = static_cast<std::uint8_t>(d);
  const std::uint8_t* end = integers_.write(&best_[1]);
  HYGGE_ASSERT(static_cast<std::size_t>(end - best_.data()) == bytes);
  static_cast<void>(end);
}

// Fills q_, words_ (the corrections, zigzag) and exceptions_. At an exception q repeats the one
// before; the leading ones repeat the first good one.
void Encoder::Impl::scale_with_exceptions(std::span<const double> v, double divisor, bool ulps) {
  const std::int64_t reach = ulps ? kMaxUlps : 0;
  exceptions_.clear();
  std::size_t first_good = v.size();
  for (std::size_t i = 0; i < v.size(); ++i) {
    const auto found = scaled(v[i], divisor);
    words_[i] = 0;
    if (found && found->ulps >= -reach && found->ulps <= reach) {
      q_[i] = found->q;
      words_[i] = zigzag(found->ulps);
      first_good = std::min(first_good, i);
      continue;
    }
    q_[i] = i > 0 ? q_[i - 1] : 0;
    exceptions_.push_back({i, std::bit_cast<std::uint64_t>(v[i])});
  }
  if (first_good < v.size()) {
    std::fill_n(q_.begin(), first_good, q_[first_good]);
  }
  std::fill(words_.begin() + static_cast<std::ptrdiff_t>(v.size()),
            words_.begin() + static_cast<std::ptrdiff_t>(lane_room(v.size())), 0);
}

std::size_t Encoder::Impl::exception_bytes() const noexcept {
  std::uint8_t scratch[kMaxVarintBytes];
  const auto varint_bytes = [&](std::size_t x) {
    return static_cast<std::size_t>(write_varint(scratch, x) - scratch);
  };
  if (exceptions_.empty()) return 0;
  std::size_t bytes = varint_bytes(exceptions_.size());
  std::size_t next = 0;
  for (const ExceptionAt& one : exceptions_) {
    bytes += varint_bytes(one.index - next) + sizeof one.bits;
    next = one.index + 1;
  }
  return bytes;
}

std::uint8_t* Encoder::Impl::write_exceptions(std::uint8_t* at) const noexcept {
  if (exceptions_.empty()) return at;
  at = write_varint(at, exceptions_.size());
  std::size_t next = 0;
  for (const ExceptionAt& one : exceptions_) {
    at = write_varint(at, one.index - next);
    store_le(at, one.bits);
    at += sizeof one.bits;
    next = one.index + 1;
  }
  return at;
}

void Encoder::Impl::offer_with_exceptions(std::span<const double> v, std::size_t d, bool ulps) {
  const std::size_t n = v.size();
  scale_with_exceptions(v, kDivisors[d], ulps);
  std::size_t bytes = 1 + exception_bytes();
  if (ulps) bytes += group_count(n) + with_->choose_widths(words_.data(), n, widths_.data());
  if (best_bytes_ != 0 && bytes >= best_bytes_) return;
  bytes += integers_.plan(std::span(q_).first(n));
  if (best_bytes_ != 0 && bytes >= best_bytes_) return;
  best_bytes_ = bytes;
  best_[0] = static_cast<std::uint8_t>(d | (ulps ? kUlps : 0U) |
                                       (exceptions_.empty() ? 0U : kHasExceptions));
  std::uint8_t* at = write_exceptions(&best_[1]);
  if (ulps) at = write_groups(at, words_.data(), n, widths_.data());
  at = integers_.write(at);
  HYGGE_ASSERT(static_cast<std::size_t>(at - best_.data()) == bytes);
}

void Encoder::Impl::offer_xor(std::span<const double> v) {
  const std::size_t n = v.size();
  std::uint64_t any = 0;
  words_[0] = 0;
  for (std::size_t i = 1; i < n; ++i) {
    words_[i] = std::bit_cast<std::uint64_t>(v[i]) ^ std::bit_cast<std::uint64_t>(v[i - 1]);
    any |= words_[i];
  }
  const unsigned shift = any == 0 ? 0 : static_cast<unsigned>(std::countr_zero(any));
  for (std::size_t i = 0; i < n; ++i) words_[i] >>= shift;
  std::fill(words_.begin() + static_cast<std::ptrdiff_t>(n),
            words_.begin() + static_cast<std::ptrdiff_t>(lane_room(n)), 0);
  const std::size_t bytes =
      2 + 8 + group_count(n) + with_->choose_widths(words_.data(), n, widths_.data());
  if (best_bytes_ != 0 && bytes >= best_bytes_) return;
  best_bytes_ = bytes;
  best_[0] = kXor;
  best_[1] = static_cast<std::uint8_t>(shift);
  store_le(&best_[2], std::bit_cast<std::uint64_t>(v[0]));
  const std::uint8_t* end = write_groups(&best_[10], words_.data(), n, widths_.data());
  HYGGE_ASSERT(static_cast<std::size_t>(end - best_.data()) == bytes);
  static_cast<void>(end);
}

void Encoder::Impl::choose_values(std::span<const double> v) {
  best_bytes_ = 0;
  const auto first = std::bit_cast<std::uint64_t>(v[0]);
  if (std::all_of(v.begin(), v.end(),
                  [first](double x) { return std::bit_cast<std::uint64_t>(x) == first; })) {
    write_constant(v[0]);
    return;
  }
  const auto decimal = exact_decimal(v, *with_);
  if (decimal) offer_scaled(v, *decimal);
  if (decimal && *decimal <= kPlainDecimal) return;
  const auto other = exact_other(v, *with_);
  if (other) offer_scaled(v, *other);
  if (!decimal && !other) {
    if (const auto d = decimal_with_exceptions(v, *with_)) offer_with_exceptions(v, *d, false);
  }
  if (!other && (!decimal || *decimal >= kSuspectDecimal)) {
    if (const auto d = near_divisor(v)) offer_with_exceptions(v, *d, true);
  }
  offer_xor(v);
}

void Encoder::Impl::append(std::span<const TimeMs> t, std::span<const double> v, std::string& out) {
  const std::size_t n = t.size();
  if (n == 0 || n > kMaxSamples || v.size() != n) return;
  reserve(n);
  std::uint8_t* at = write_varint(times_.data(), n);
  integers_.plan(t);
  at = integers_.write(at);
  choose_values(v);
  const auto time_bytes = static_cast<std::size_t>(at - times_.data());
  const std::size_t size = out.size();
  out.resize(size + time_bytes + best_bytes_);
  std::memcpy(out.data() + size, times_.data(), time_bytes);
  std::memcpy(out.data() + size + time_bytes, best_.data(), best_bytes_);
}

void Encoder::Impl::append_integers(std::span<const std::int64_t> q, std::string& out) {
  if (q.empty() || q.size() > kMaxSamples) return;
  reserve(q.size());
  integers_.plan(q);
  const std::uint8_t* const end = integers_.write(times_.data());
  out.append(reinterpret_cast<const char*>(times_.data()),
             static_cast<std::size_t>(end - times_.data()));
}

void Encoder::Impl::append_values(std::span<const double> v, std::string& out) {
  if (v.empty() || v.size() > kMaxSamples) return;
  reserve(v.size());
  choose_values(v);
  out.append(reinterpret_cast<const char*>(best_.data()), best_bytes_);
}

Encoder::Encoder(const Kernels& with) : impl_(std::make_unique<Impl>(with)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

void Encoder::append(std::span<const TimeMs> t, std::span<const double> v, std::string& out) {
  impl_->append(t, v, out);
}
void Encoder::append_integers(std::span<const std::int64_t> q, std::string& out) {
  impl_->append_integers(q, out);
}
void Encoder::append_values(std::span<const double> v, std::string& out) {
  impl_->append_values(v, out);
}

}  // namespace hygge::pack
