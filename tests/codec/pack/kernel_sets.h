// All sets of kernels that can be tried here: those that the processor runs, and the AVX-512 ones
// with their intrinsics emulated, where the processor has AVX2.
#pragma once

#include <vector>

#include "codec/pack/kernels.h"

namespace hygge::pack {

#ifdef HYGGE_PACK_X86_KERNELS
extern const Kernels kEmulatedAvx512Kernels;  // avx512_emulated.cc
#endif

inline std::vector<const Kernels*> kernel_sets() {
  const UsableKernels usable = usable_kernels();
  std::vector<const Kernels*> out(usable.sets, usable.sets + usable.count);
#ifdef HYGGE_PACK_X86_KERNELS
  if (usable.count > 1) out.push_back(&kEmulatedAvx512Kernels);
#endif
  return out;
}

}  // namespace hygge::pack
