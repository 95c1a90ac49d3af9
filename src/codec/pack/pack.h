// Pack: a run of (time, value) samples to bytes and back, bit for bit; for chunks that are not
// written to any more. format.h draws the bytes.
#pragma once

#include <hygge/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "codec/pack/format.h"
#include "codec/pack/kernels.h"

namespace hygge::pack {

/// Why bytes are no payload. After an error, outputs are unspecified.
enum class Error : std::uint8_t {
  none,
  truncated,   ///< the bytes end before what they announce does
  bad_count,   ///< no samples or more than kMaxSamples; more exceptions than samples
  bad_header,  ///< an unknown predictor, shift or kind; a varint that is not in its shortest form
  bad_code,    ///< an impossible width or mask, an exception behind the last sample
  trailing,    ///< bytes after the last code
};
[[nodiscard]] const char* to_string(Error error) noexcept;

/// How a block of integers was packed.
struct IntegerFacts {
  Predictor predictor = Predictor::frame;
  unsigned shift = 0;
  bool all_zero = false;  ///< no residuals are stored
};
[[nodiscard]] const char* to_string(Predictor predictor) noexcept;

/// What a payload says of itself; for people and statistics.
struct Facts {
  enum class Kind : std::uint8_t { constant, xors, scaled };
  std::size_t samples = 0;
  std::size_t time_bytes = 0;
  std::size_t value_bytes = 0;
  IntegerFacts times;
  Kind kind = Kind::constant;
  IntegerFacts values;         ///< kind scaled
  double divisor = 1;          ///< kind scaled
  bool ulps = false;           ///< kind scaled: corrections of the last bits are stored
  std::size_t exceptions = 0;  ///< kind scaled: values that are stored as they are
};

/// Replaces `t` and `v` by the samples of `payload`, which may be any bytes, and lie anywhere.
/// O(n), n at most kMaxSamples whatever the bytes say.
[[nodiscard]] Error decode(Bytes payload, std::vector<TimeMs>& t, std::vector<double>& v,
                           const Kernels& with = kernels());
/// The same for a payload behind which kReadPadBytes bytes are readable; their content does not
/// matter.
[[nodiscard]] Error decode_padded(Bytes payload, std::vector<TimeMs>& t, std::vector<double>& v,
                                  const Kernels& with = kernels());
/// How many samples a payload announces; 0 if it cannot be one.
[[nodiscard]] std::size_t count(Bytes payload) noexcept;
/// The first value of a payload, found by walking over widths instead of decoding; none if the
/// bytes are damaged in a way that this walk sees. O(n / 16).
[[nodiscard]] std::optional<double> first_value(Bytes payload) noexcept;
/// Decodes, to say how the payload was packed.
[[nodiscard]] Error describe(Bytes payload, Facts& facts);

/// Encodes runs of samples; keeps its memory between calls. One thread at a time.
class Encoder {
 public:
  explicit Encoder(const Kernels& with = kernels());
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  /// Appends the payload of 1 … kMaxSamples samples to `out` (t and v of equal length; anything
  /// else appends nothing). Equal input gives equal bytes. O(n).
  void append(std::span<const TimeMs> t, std::span<const double> v, std::string& out);
  /// Appends one block alone: what a payload has for its times, and for its values. Whoever reads
  /// it has to know how many there are.
  void append_integers(std::span<const std::int64_t> q, std::string& out);
  void append_values(std::span<const double> v, std::string& out);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Replaces `out` by the `count` numbers of a block, which may be any bytes, behind which
/// kReadPadBytes bytes are readable. `count` is 1 … kMaxSamples. O(count).
[[nodiscard]] Error decode_integers(Bytes block, std::size_t count, std::vector<std::int64_t>& out,
                                    const Kernels& with = kernels());
[[nodiscard]] Error decode_values(Bytes block, std::size_t count, std::vector<double>& out,
                                  const Kernels& with = kernels());

}  // namespace hygge::pack
