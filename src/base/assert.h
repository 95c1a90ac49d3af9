// HYGGE_ASSERT: our own mistakes (preconditions, invariants), never a check on data. On in every
// preset but `release`, where it compiles to nothing.
#pragma once

#ifdef HYGGE_ASSERTIONS
#include <cstdio>
#include <cstdlib>
#define HYGGE_ASSERT(condition)                                                                   \
  do {                                                                                            \
    if (!(condition)) {                                                                           \
      static_cast<void>(                                                                          \
          std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition)); \
      std::abort();                                                                               \
    }                                                                                             \
  } while (false)
#else
#define HYGGE_ASSERT(condition) static_cast<void>(0)
#endif
