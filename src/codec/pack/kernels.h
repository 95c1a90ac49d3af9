// The inner loops of Pack, once per instruction set, with the same results to the bit. Each set has
// its own source file and compiler flags, and shares no inline function with any other file: of two
// copies of one the linker keeps either, and it might be the one that the processor cannot run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/pack/format.h"

namespace hygge::pack {

/// What a walk over groups ended with.
enum class GroupsEnd : std::uint8_t { good, truncated, bad_width, bad_mask };

struct GroupsRead {
  const std::uint8_t* next;  ///< behind the groups, if good
  GroupsEnd end;
};

/// How residuals become integers; see format.h.
struct IntegerRule {
  Predictor predictor = Predictor::frame;
  unsigned shift = 0;
  std::uint64_t first = 0;
  std::uint64_t base = 0;
  std::uint64_t low = 0;
};

struct Kernels {
  const char* name;

  // Reading.

  /// The residuals of n values from the groups at `at`. `end` is followed by kReadPadBytes readable
  /// bytes; `out` has room for lane_room(n).
  GroupsRead (*read_groups)(const std::uint8_t* at, const std::uint8_t* end, std::size_t n,
                            std::uint64_t* out);
  /// The integers of residuals; `r` null: all of them are zero. `out` may be `r`.
  void (*integers)(const IntegerRule& rule, const std::uint64_t* r, std::size_t n,
                   std::uint64_t* out);
  /// double(q) / divisor.
  void (*scale)(const std::uint64_t* q, double divisor, std::size_t n, double* out);
  /// Adds unzigzag(c) to the bits of v.
  void (*add_ulps)(const std::uint64_t* c, std::size_t n, double* v);
  /// b[i] = b[i−1] XOR (r[i] << shift) from `first` on.
  void (*xors)(const std::uint64_t* r, unsigned shift, std::uint64_t first, std::size_t n,
               double* out);

  // Writing.

  /// How many of v are no integer / divisor, bit for bit.
  std::size_t (*count_inexact)(const double* v, std::size_t n, double divisor);
  /// v · divisor, rounded to the nearest integer; all of them stay below kScaledLimit.
  void (*quotients)(const double* v, std::size_t n, double divisor, std::int64_t* q);
  /// The OR of all x[i] − x[i−1].
  std::uint64_t (*step_bits)(const std::int64_t* x, std::size_t n);
  /// x[i] = (q[i] − q[0]) >> shift, and of n − 1 steps d[i] = x[i+1] − x[i].
  void (*offsets)(const std::int64_t* q, std::size_t n, unsigned shift, std::int64_t* x,
                  std::int64_t* d);
  /// How many of d are below, and how many equal to, `pivot`.
  void (*rank)(const std::int64_t* d, std::size_t n, std::int64_t pivot, std::size_t& below,
               std::size_t& equal);
  /// The least of 0 and all x[i] − i·step.
  std::int64_t (*least_off_grid)(const std::int64_t* x, std::size_t n, std::uint64_t step);
  /// The residuals of x, with its steps d, under a rule's predictor, base and low; zeros follow up
  /// to lane_room(n). Gives their OR.
  std::uint64_t (*residuals)(const IntegerRule& rule, const std::int64_t* x, const std::int64_t* d,
                             std::size_t n, std::uint64_t* out);
  /// The width byte of each group of r (zeros up to lane_room(n)); the bytes of all bodies.
  std::size_t (*choose_widths)(const std::uint64_t* r, std::size_t n, std::uint8_t* widths);
};

/// For every processor.
extern const Kernels kPortableKernels;
#ifdef HYGGE_PACK_X86_KERNELS
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;  // F, DQ, BW, VL, VBMI
#endif

/// Those that this processor can run, the slowest first: portable, avx2, avx512.
struct UsableKernels {
  const Kernels* sets[3];
  std::size_t count;
};
[[nodiscard]] UsableKernels usable_kernels() noexcept;

/// The fastest of them, or the one that was forced. Decided once.
[[nodiscard]] const Kernels& kernels() noexcept;

/// For tests: from now on kernels() gives those of this name ("portable", "avx2", "avx512"), or the
/// fastest again with "". False, and nothing has changed, if the processor has none of that name.
bool force_kernels(const char* name) noexcept;

}  // namespace hygge::pack
