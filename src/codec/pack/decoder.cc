// Reads payloads that may be anything. Headers go through a bounded reader; groups through the
// kernels, which check each length before they load.
#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "codec/pack/pack.h"

namespace hygge::pack {

namespace {

// Room for residuals: on the stack for chunks as the store has them.
class Scratch {
 public:
  explicit Scratch(std::size_t n) {
    if (lane_room(n) > kOnStack) heap_.reset(new std::uint64_t[lane_room(n)]);
  }
  [[nodiscard]] std::uint64_t* words() noexcept { return heap_ ? heap_.get() : stack_; }

 private:
  static constexpr std::size_t kOnStack = 1'024;
  std::uint64_t stack_[kOnStack];  // not initialised: the kernels write before they read
  std::unique_ptr<std::uint64_t[]> heap_;
};

Error error_of(GroupsEnd end) noexcept {
  switch (end) {
    case GroupsEnd::good:
      return Error::none;
    case GroupsEnd::truncated:
      return Error::truncated;
    case GroupsEnd::bad_width:
    case GroupsEnd::bad_mask:
      return Error::bad_code;
  }
  return Error::bad_code;
}

// A cursor over one payload. A failed read gives 0 and keeps the first reason.
class Reader {
 public:
  Reader(Bytes payload, const Kernels& with) noexcept
      : at_(payload.data()), end_(payload.data() + payload.size()), with_(&with) {}

  [[nodiscard]] Error error() const noexcept { return error_; }
  [[nodiscard]] bool ok() const noexcept { return error_ == Error::none; }
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }

  std::uint64_t fail(Error why) noexcept {
    if (ok()) error_ = why;
    at_ = end_;
    return 0;
  }
  std::uint8_t byte() noexcept {
    if (at_ == end_) return static_cast<std::uint8_t>(fail(Error::truncated));
    return *at_++;
  }
  std::uint64_t word() noexcept {
    if (left() < sizeof(std::uint64_t)) return fail(Error::truncated);
    const auto out = load_le<std::uint64_t>(at_);
    at_ += sizeof out;
    return out;
  }
  std::uint64_t varint() noexcept {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) return fail(Error::truncated);
      const std::uint8_t b = *at_++;
      if (shift == 63 && b > 1) return fail(Error::bad_header);
      x |= static_cast<std::uint64_t>(b & 0x7fU) << shift;
      if (b < 0x80) return b == 0 && shift > 0 ? fail(Error::bad_header) : x;
    }
    return fail(Error::bad_header);
  }
  std::uint64_t zigzag_varint() noexcept { return static_cast<std::uint64_t>(unzigzag(varint())); }

  void groups(std::size_t n, std::uint64_t* out) noexcept {
    if (!ok()) return;
    const GroupsRead read = with_->read_groups(at_, end_, n, out);
    if (read.end != GroupsEnd::good) {
      fail(error_of(read.end));
      return;
    }
    at_ = read.next;
    HYGGE_ASSERT(at_ <= end_);
  }

  // Into `out`, by way of `scratch`, which has whole lanes; both may be the same.
  IntegerFacts integers(std::size_t n, std::uint64_t* scratch, std::uint64_t* out) noexcept {
    const std::uint8_t header = byte();
    if ((header & ~(kPredictorMask | kHasShift | kAllZero)) != 0) fail(Error::bad_header);
    IntegerFacts facts;
    facts.predictor = static_cast<Predictor>(header & kPredictorMask);
    facts.all_zero = (header & kAllZero) != 0;
    if ((header & kHasShift) != 0) {
      facts.shift = byte();
      if (ok() && (facts.shift == 0 || facts.shift > 63)) fail(Error::bad_header);
    }
    IntegerRule rule{facts.predictor, facts.shift, 0, 0, 0};
    rule.first = zigzag_varint();
    rule.base = zigzag_varint();
    if (facts.predictor == Predictor::grid) rule.low = zigzag_varint();
    if (!facts.all_zero) groups(n, scratch);
    if (ok()) with_->integers(rule, facts.all_zero ? nullptr : scratch, n, out);
    return facts;
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  const Kernels* with_;
  Error error_ = Error::none;
};

// Values that are stored as they are. Walked twice: checked first, written over the others last.
class Exceptions {
 public:
  void check(Reader& in, std::size_t n) noexcept {
    count_ = static_cast<std::size_t>(in.varint());
    if (in.ok() && (count_ == 0 || count_ > n)) in.fail(Error::bad_count);
    begin_ = in;
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < count_ && in.ok(); ++i) {
      const std::uint64_t gap = in.varint();
      in.word();
      if (in.ok() && gap >= n - next) in.fail(Error::bad_code);
      next += gap + 1;
    }
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  void apply(double* v) noexcept {
    std::size_t next = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      next += static_cast<std::size_t>(begin_->varint());
      v[next++] = std::bit_cast<double>(begin_->word());
    }
  }

 private:
  std::size_t count_ = 0;
  std::optional<Reader> begin_;
};

void read_xors(Reader& in, const Kernels& with, std::size_t n, std::uint64_t* scratch, double* v) {
  const unsigned shift = in.byte();
  const std::uint64_t first = in.word();
  if (in.ok() && shift > 63) in.fail(Error::bad_header);
  in.groups(n, scratch);
  if (in.ok()) with.xors(scratch, shift, first, n, v);
}

void read_scaled(Reader& in, const Kernels& with, std::uint8_t kind, std::size_t n,
                 std::uint64_t* scratch, double* v, Facts& facts) {
  Exceptions exceptions;
  if ((kind & kHasExceptions) != 0) exceptions.check(in, n);
  facts.divisor = kDivisors[kind & kDivisorMask];
  facts.ulps = (kind & kUlps) != 0;
  facts.exceptions = exceptions.count();
  // The corrections come first in the bytes and last in the arithmetic; they are rare.
  std::unique_ptr<Scratch> corrections;
  if (facts.ulps && in.ok()) {
    corrections = std::make_unique<Scratch>(n);
    in.groups(n, corrections->words());
  }
  facts.values = in.integers(n, scratch, scratch);
  if (!in.ok()) return;
  with.scale(scratch, facts.divisor, n, v);
  if (facts.ulps) with.add_ulps(corrections->words(), n, v);
  exceptions.apply(v);
}

void read_values(Reader& in, const Kernels& with, std::size_t n, std::uint64_t* scratch, double* v,
                 Facts& facts) {
  const std::uint8_t kind = in.byte();
  if (!in.ok()) return;
  if (kind == kConstant) {
    const double value = std::bit_cast<double>(in.word());
    std::fill(v, v + n, value);
    facts.kind = Facts::Kind::constant;
  } else if (kind == kXor) {
    read_xors(in, with, n, scratch, v);
    facts.kind = Facts::Kind::xors;
  } else if ((kind & kNotScaled) != 0) {
    in.fail(Error::bad_header);
  } else {
    facts.kind = Facts::Kind::scaled;
    read_scaled(in, with, kind, n, scratch, v, facts);
  }
}

Error read_payload(Bytes payload, std::vector<TimeMs>& t, std::vector<double>& v,
                   const Kernels& with, Facts& facts) {
  Reader in(payload, with);
  const std::uint64_t n64 = in.varint();
  if (in.ok() && (n64 == 0 || n64 > kMaxSamples)) in.fail(Error::bad_count);
  if (!in.ok()) return in.error();
  const auto n = static_cast<std::size_t>(n64);
  facts.samples = n;
  Scratch scratch(n);
  t.resize(n);
  v.resize(n);
  const std::size_t before = in.left();
  static_assert(sizeof(TimeMs) == sizeof(std::uint64_t));
  // Signed and unsigned twins may alias.
  facts.times = in.integers(n, scratch.words(), reinterpret_cast<std::uint64_t*>(t.data()));
  facts.time_bytes = before - in.left();
  facts.value_bytes = in.left();
  read_values(in, with, n, scratch.words(), v.data(), facts);
  if (in.ok() && in.left() != 0) in.fail(Error::trailing);
  return in.error();
}

}  // namespace

const char* to_string(Error error) noexcept {
  switch (error) {
    case Error::none:
      return "none";
    case Error::truncated:
      return "truncated";
    case Error::bad_count:
      return "bad_count";
    case Error::bad_header:
      return "bad_header";
    case Error::bad_code:
      return "bad_code";
    case Error::trailing:
      return "trailing";
  }
  return "unknown";
}

const char* to_string(Predictor predictor) noexcept {
  switch (predictor) {
    case Predictor::frame:
      return "for";
    case Predictor::grid:
      return "grid";
    case Predictor::delta:
      return "delta";
    case Predictor::delta2:
      return "delta2";
  }
  return "unknown";
}

Error decode_padded(Bytes payload, std::vector<TimeMs>& t, std::vector<double>& v,
                    const Kernels& with) {
  Facts facts;
  return read_payload(payload, t, v, with, facts);
}

Error decode(Bytes payload, std::vector<TimeMs>& t, std::vector<double>& v, const Kernels& with) {
  constexpr std::size_t kOnStack = 4'096;
  std::uint8_t stack[kOnStack + kReadPadBytes];
  std::unique_ptr<std::uint8_t[]> heap;
  if (payload.size() > kOnStack) heap.reset(new std::uint8_t[payload.size() + kReadPadBytes]);
  std::uint8_t* const copy = heap ? heap.get() : stack;
  if (!payload.empty()) std::memcpy(copy, payload.data(), payload.size());
  std::memset(copy + payload.size(), 0, kReadPadBytes);
  return decode_padded({copy, payload.size()}, t, v, with);
}

Error decode_integers(Bytes block, std::size_t count, std::vector<std::int64_t>& out,
                      const Kernels& with) {
  HYGGE_ASSERT(count > 0 && count <= kMaxSamples);
  Reader in(block, with);
  Scratch scratch(count);
  out.resize(count);
  // Signed and unsigned twins may alias.
  in.integers(count, scratch.words(), reinterpret_cast<std::uint64_t*>(out.data()));
  if (in.ok() && in.left() != 0) in.fail(Error::trailing);
  return in.error();
}

Error decode_values(Bytes block, std::size_t count, std::vector<double>& out, const Kernels& with) {
  HYGGE_ASSERT(count > 0 && count <= kMaxSamples);
  Reader in(block, with);
  Scratch scratch(count);
  out.resize(count);
  Facts facts;
  read_values(in, with, count, scratch.words(), out.data(), facts);
  if (in.ok() && in.left() != 0) in.fail(Error::trailing);
  return in.error();
}

std::size_t count(Bytes payload) noexcept {
  Reader in(payload, kPortableKernels);
  const std::uint64_t n = in.varint();
  return in.ok() && n <= kMaxSamples ? static_cast<std::size_t>(n) : 0;
}

Error describe(Bytes payload, Facts& facts) {
  std::vector<std::uint8_t> copy(payload.begin(), payload.end());
  copy.resize(payload.size() + kReadPadBytes);
  std::vector<TimeMs> t;
  std::vector<double> v;
  return read_payload({copy.data(), payload.size()}, t, v, kernels(), facts);
}

}  // namespace hygge::pack
