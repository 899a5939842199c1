#include "decimate.h"

#include "wide.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define EDGE 0.435 /* of the lower rate: the middle of the transition */

/* A Blackman-Harris window would be 92 dB down, but twice as wide; Blackman's suffices here. */
void decimator_init(decimator *d, uint32_t step)
{
    double sum = 0;

    memset(d, 0, sizeof *d);
    d->step = step;
    d->taps = DECIMATE_TAPS_A_STEP * step;
    for (uint32_t i = 0; i < d->taps; i++) {
        const double at = i - (d->taps - 1) / 2.0;
        const double x = 2 * PI * EDGE * at / step;
        const double turn = 2 * PI * (i + 0.5) / d->taps;
        const double window = 0.42 - 0.5 * cos(turn) + 0.08 * cos(2 * turn);

        d->weights[i] = (float)(window * (fabs(x) > 1e-9 ? sin(x) / x : 1));
        sum += (double)d->weights[i];
    }
    for (uint32_t i = 0; i < d->taps; i++)
        d->weights[i] = (float)((double)d->weights[i] / sum);
}

void decimator_reset(decimator *d)
{
    d->phase = 0;
    memset(d->past, 0, sizeof d->past);
}

WIDE_CLONES uint32_t decimator_run(decimator *d, const float *values, uint32_t count, float *kept)
{
    const uint32_t before = d->taps - 1;
    uint32_t at = d->phase, many = 0;

    memcpy(d->past + before, values, count * sizeof *values);
    for (; at < count; at += d->step)
        kept[many++] = wide_dot(d->past + at, d->weights, d->taps);
    d->phase = at - count;
    memmove(d->past, d->past + count, before * sizeof *d->past);
    return many;
}
