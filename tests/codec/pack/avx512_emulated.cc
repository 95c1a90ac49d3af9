// The AVX-512 kernels once more, with the intrinsics of that set emulated. Compiled for AVX2, which
// they use too.
#include <immintrin.h>

#include "tests/codec/pack/avx512_emulation.h"
#define kAvx512Kernels kEmulatedAvx512Kernels
#include "codec/pack/kernels_avx512.cc"
