// Whether this is compiled for AddressSanitizer or ThreadSanitizer: GCC says it by macros, clang by
// features.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HYGGE_UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HYGGE_UNDER_SANITIZER 1
#endif
#endif
