/* Operations on the atomic words of ag06_atomic.h; each says its memory order in its name. */
#pragma once

#include "ag06_atomic.h"

static inline uint64_t load_relaxed(const ag06_atomic_u64 *word)
{
    return __atomic_load_n(&word->raw, __ATOMIC_RELAXED);
}

static inline uint64_t load_acquire(const ag06_atomic_u64 *word)
{
    return __atomic_load_n(&word->raw, __ATOMIC_ACQUIRE);
}

static inline void store_relaxed(ag06_atomic_u64 *word, uint64_t value)
{
    __atomic_store_n(&word->raw, value, __ATOMIC_RELAXED);
}

static inline void store_release(ag06_atomic_u64 *word, uint64_t value)
{
    __atomic_store_n(&word->raw, value, __ATOMIC_RELEASE);
}

/* Counters have one writer each, so a load and a store do what a locked add would. */
static inline void count(ag06_atomic_u64 *counter, uint64_t amount)
{
    store_relaxed(counter, load_relaxed(counter) + amount);
}

static inline uint32_t load32_acquire(const ag06_atomic_u32 *word)
{
    return __atomic_load_n(&word->raw, __ATOMIC_ACQUIRE);
}

static inline void store32_release(ag06_atomic_u32 *word, uint32_t value)
{
    __atomic_store_n(&word->raw, value, __ATOMIC_RELEASE);
}

static inline uint32_t exchange32(ag06_atomic_u32 *word, uint32_t value)
{
    return __atomic_exchange_n(&word->raw, value, __ATOMIC_ACQ_REL);
}
