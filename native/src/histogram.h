/* Logarithmic histograms of durations: four buckets to the octave, exact below 4 ns. */
#pragma once

#include "ag06_arena.h"

static inline uint32_t histogram_bucket(uint64_t ns)
{
    if (ns < 4)
        return (uint32_t)ns;
    const uint32_t octave = 63 - (uint32_t)__builtin_clzll(ns);
    const uint32_t bucket = (octave - 1) * 4 + (uint32_t)((ns >> (octave - 2)) & 3);
    return bucket < AG06_HISTOGRAM_BUCKETS ? bucket : AG06_HISTOGRAM_BUCKETS - 1;
}

/* The first duration that no longer falls into the bucket. */
static inline uint64_t histogram_upper_ns(uint32_t bucket)
{
    if (bucket < 4)
        return bucket + 1;
    return (uint64_t)(4 + bucket % 4 + 1) << (bucket / 4 - 1);
}
