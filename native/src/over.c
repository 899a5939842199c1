#include "over.h"

#include "true_peak.h"
#include "wide.h"

#include <math.h>

/* The largest magnitude of a quarter, a half and three quarters behind `count` frames, and where.
 */
static float between(const float *frames, uint32_t count, uint32_t *at)
{
    float peak = 0;

    for (uint32_t i = 0; i < count; i++) {
        const float *first = frames + i - (REACH - 1);
        float half = 0, even = 0, odd = 0;

        /* no value between exceeds GROWTH times the larger of what it is made up of */
        if (fabsf(frames[i]) < 0.5F && fabsf(frames[i + 1]) < 0.5F)
            continue;
        for (uint32_t k = 0; k < REACH; k++) {
            const float sum = first[k] + first[TAPS - 1 - k];
            const float difference = first[k] - first[TAPS - 1 - k];

            half += half_way[k] * sum;
            even += quarters_even[k] * sum;
            odd += quarters_odd[k] * difference;
        }
        const float most = fmaxf(fabsf(half), fabsf(even) + fabsf(odd));

        if (most > peak) {
            peak = most;
            *at = i;
        }
    }
    return peak;
}

void over_take(const past_hops *past, ag06_wave_faults *result)
{
    const uint32_t hop = past->hop;
    const float *frames = past_hop(past, 0) - REACH; /* as late as the interpolator needs */
    uint32_t at = 0;

    if (wide_peak(frames, hop + REACH) * (float)GROWTH < 1)
        return;
    const float peak = between(frames, hop, &at);

    if (peak <= 1)
        return;
    result->over_db = 20 * log10f(peak);
    const uint32_t began = hop + REACH - at; /* frames before the hop's end */

    result->over_began_frames = (float)began;
}
