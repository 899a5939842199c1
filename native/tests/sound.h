/* What a test asks of interleaved stereo. */
#pragma once

#include "ag06_chain.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline int same_bits(const float *a, const float *b, uint64_t frames)
{
    return memcmp(a, b, frames * AG06_CHANNELS * sizeof(float)) == 0;
}

static inline double peak_of(const float *samples, uint64_t frames)
{
    double most = 0;

    for (uint64_t i = 0; i < frames * AG06_CHANNELS; i++)
        most = fmax(most, fabs((double)samples[i]));
    return most;
}

static inline double furthest(const float *a, const float *b, uint64_t frames)
{
    double most = 0;

    for (uint64_t i = 0; i < frames * AG06_CHANNELS; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static inline int all_finite(const float *samples, uint64_t frames)
{
    for (uint64_t i = 0; i < frames * AG06_CHANNELS; i++)
        if (!isfinite(samples[i]))
            return 0;
    return 1;
}
