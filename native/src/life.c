#include "life.h"

#include "wide.h"

#include <math.h>
#include <string.h>

#define HOPS_PER_SECOND 100
#define HEARD 1e-5            /* mean power: -50 dBFS */
#define ALIVE_HOPS 100        /* that are to be heard before */
#define NOTHING 1e-14         /* of what has a step of 24 bits, all zeros */
#define BELOW_FLOOR 0.05F     /* of its power: 13 dB */
#define FLOOR_BLOCKS_LEAST 60 /* three seconds, or the floor is not known */
#define QUARTERS 4U
#define QUARTER_HOPS 25U /* of LIFE_SUM_HOPS */

void life_reset(life *s)
{
    memset(s, 0, sizeof *s);
}

/* Mean in per cent of full scale, of the quarter of a second that has the least; 0 if their signs
 * differ. */
static float constant(const life *s, uint64_t taken, uint32_t hop)
{
    double least = INFINITY;
    uint32_t positive = 0;

    if (taken < LIFE_SUM_HOPS)
        return 0;
    for (uint32_t q = 0; q < QUARTERS; q++) {
        double sum = 0;

        for (uint32_t i = 0; i < QUARTER_HOPS; i++)
            sum += s->sums[(taken + (uint64_t)q * QUARTER_HOPS + i) % LIFE_SUM_HOPS];
        positive += sum > 0;
        least = fmin(least, fabs(sum));
    }
    const double frames = (double)QUARTER_HOPS * hop;

    return positive == 0 || positive == QUARTERS ? (float)(100 * least / frames) : 0;
}

/* The mean power of its faintest block; 0 while that is not known. */
static float floor_of(const life *s)
{
    const uint32_t count = s->block_count < LIFE_FLOOR_BLOCKS ? s->block_count : LIFE_FLOOR_BLOCKS;
    float least = count < FLOOR_BLOCKS_LEAST ? 0 : s->blocks[0];

    for (uint32_t i = 0; i < count; i++)
        least = s->blocks[i] < least ? s->blocks[i] : least;
    return least;
}

static void learn(life *s, double power)
{
    s->alive_hops += power > HEARD && s->alive_hops < ALIVE_HOPS;
    s->power += power;
    if (++s->block_hops < LIFE_BLOCK_HOPS)
        return;
    s->blocks[s->block_count % LIFE_FLOOR_BLOCKS] = (float)(s->power / LIFE_BLOCK_HOPS);
    s->block_count++;
    s->floor = floor_of(s);
    s->power = 0;
    s->block_hops = 0;
}

void life_take(life *s, const past_hops *past, ag06_wave_faults *result)
{
    const float *now = past_hop(past, 0);
    const double sum = (double)wide_total(now, past->hop);
    const double mean = sum / past->hop;
    const double power = (double)wide_dot(now, now, past->hop) / past->hop - mean * mean;
    const int dead = power < NOTHING || (float)power < BELOW_FLOOR * s->floor;

    s->sums[past->taken % LIFE_SUM_HOPS] = sum;
    result->dc_percent = constant(s, past->taken + 1, past->hop);
    if (!dead) {
        learn(s, power);
        if (s->alive_hops == ALIVE_HOPS && s->dead_hops > s->longest)
            s->longest = s->dead_hops;
        s->dead_hops = 0;
        return;
    }
    s->dead_hops += s->dead_hops < UINT32_MAX / 4;
    if (s->alive_hops == ALIVE_HOPS && s->dead_hops > 2 * s->longest)
        result->dead_s = (float)(s->dead_hops - 2 * s->longest) / HOPS_PER_SECOND;
}
