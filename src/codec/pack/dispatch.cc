// Which kernels run: asked of the processor once.
#include <atomic>
#include <cstring>

#include "codec/pack/kernels.h"

namespace hygge::pack {

namespace {

#ifdef HYGGE_PACK_X86_KERNELS
bool has_avx2() noexcept {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
         __builtin_cpu_supports("bmi2") != 0 && __builtin_cpu_supports("popcnt") != 0;
}
bool has_avx512() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512vbmi") != 0;
}
#endif

// Set by tests alone; null: the fastest.
std::atomic<const Kernels*> forced{nullptr};

}  // namespace

UsableKernels usable_kernels() noexcept {
  UsableKernels out{{&kPortableKernels, nullptr, nullptr}, 1};
#ifdef HYGGE_PACK_X86_KERNELS
  __builtin_cpu_init();
  if (has_avx2()) {
    out.sets[out.count++] = &kAvx2Kernels;
    if (has_avx512()) out.sets[out.count++] = &kAvx512Kernels;
  }
#endif
  return out;
}

const Kernels& kernels() noexcept {
  static const Kernels& fastest = [&]() -> const Kernels& {
    const UsableKernels usable = usable_kernels();
    return *usable.sets[usable.count - 1];
  }();
  const Kernels* const wanted = forced.load(std::memory_order_relaxed);
  return wanted != nullptr ? *wanted : fastest;
}

bool force_kernels(const char* name) noexcept {
  if (*name == '\0') {
    forced = nullptr;
    return true;
  }
  const UsableKernels usable = usable_kernels();
  for (std::size_t i = 0; i < usable.count; ++i) {
    if (std::strcmp(usable.sets[i]->name, name) != 0) continue;
    forced = usable.sets[i];
    return true;
  }
  return false;
}

}  // namespace hygge::pack
