/*
 * Atomic words.
 *
 * Each is a struct, so that a plain `+=` or `=` on one does not compile; src/atomic.h has the
 * operations. Python may read `.raw`: an aligned word is never torn.
 */
#pragma once

#include <stdint.h>

typedef struct {
    uint64_t raw;
} ag06_atomic_u64;

typedef struct {
    uint32_t raw;
} ag06_atomic_u32;
