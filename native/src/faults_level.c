/*
 * Loudness of the last half minute after ITU-R BS.1770-5, with its two gates. Where nothing but a
 * floor is heard nobody is too quiet: what is told as too quiet has pauses that are softer by far.
 */
#include "faults_level.h"

#include <math.h>
#include <string.h>

#define HOPS_A_BLOCK_STEP 10
#define ABSOLUTE_GATE_LUFS (-70.0)
#define ABSOLUTE_GATE 1.1724653045822964e-7 /* the mean square of that */
#define RELATIVE_GATE 0.1
#define LEAST_BLOCKS 100 /* 10 s */
#define ALIVE_LU 10      /* from the 10th to the 95th percentile of the blocks */
#define FADED 1e-30

void level_faults_init(level_faults *s, uint32_t rate, uint32_t channels, float target_lufs)
{
    memset(s, 0, sizeof *s);
    s->channels = channels;
    s->target_lufs = target_lufs;
    k_weighting_design(rate, &s->shelf, &s->highpass);
}

void level_faults_reset(level_faults *s)
{
    memset(s->shelf_state, 0, sizeof s->shelf_state);
    memset(s->highpass_state, 0, sizeof s->highpass_state);
    s->hop = s->taken = s->block = s->filled = 0;
    s->lufs = s->over_lu = s->under_lu = 0;
}

static level_pair settled(level_pair state)
{
    for (int channel = 0; channel < 2; channel++)
        if (fabs(state[channel]) < FADED)
            state[channel] = 0;
    return state;
}

/* The mean square of a hop, K-weighted, of both channels together. */
static double weigh(level_faults *s, const float *left, const float *right, uint32_t frames)
{
    const ag06_meter_section f = s->shelf, g = s->highpass;
    level_pair f1 = s->shelf_state[0], f2 = s->shelf_state[1];
    level_pair g1 = s->highpass_state[0], g2 = s->highpass_state[1];
    level_pair squares = {0};

    for (uint32_t n = 0; n < frames; n++) {
        const level_pair x = {(double)left[n], (double)right[n]};
        const level_pair y = f.b0 * x + f1;
        const level_pair z = g.b0 * y + g1;
        const level_pair f1_next = (f.c1 * x + f2) - f.a1 * f1;
        const level_pair g1_next = (g.c1 * y + g2) - g.a1 * g1;

        f2 = f.c2 * x - f.a2 * f1;
        g2 = g.c2 * y - g.a2 * g1;
        f1 = f1_next;
        g1 = g1_next;
        squares += z * z;
    }
    s->shelf_state[0] = settled(f1);
    s->shelf_state[1] = settled(f2);
    s->highpass_state[0] = settled(g1);
    s->highpass_state[1] = settled(g2);
    return (squares[0] + (s->channels > 1 ? squares[1] : 0)) / frames;
}

/* How far it is from the loudness that 10 % of the blocks are below to that which 5 % are above. */
static uint32_t spread_lu(const level_faults *s)
{
    uint32_t counts[LEVEL_BINS] = {0}, low = 0, high = 0, below = 0;

    for (uint32_t i = 0; i < s->filled; i++) {
        const double lu = ag06_lufs(s->blocks[i]) - ABSOLUTE_GATE_LUFS;

        counts[lu > 0 ? lu < LEVEL_BINS - 1 ? (uint32_t)lu : LEVEL_BINS - 1 : 0]++;
    }
    for (uint32_t bin = 0; bin < LEVEL_BINS; bin++) {
        if (below * 10 < s->filled)
            low = bin;
        if (below * 20 < s->filled * 19)
            high = bin;
        below += counts[bin];
    }
    return high - low;
}

/* The mean of the blocks above both gates. */
static double gated(const level_faults *s, uint32_t *count)
{
    double gate = ABSOLUTE_GATE, sum = 0;

    for (int pass = 0; pass < 2; pass++) {
        sum = 0;
        *count = 0;
        for (uint32_t i = 0; i < s->filled; i++)
            if (s->blocks[i] > gate) {
                sum += s->blocks[i];
                ++*count;
            }
        if (!*count)
            return 0;
        gate = fmax(RELATIVE_GATE * sum / *count, ABSOLUTE_GATE);
    }
    return sum / *count;
}

static void look(level_faults *s)
{
    uint32_t count;
    const double loudness = gated(s, &count);

    s->lufs = s->over_lu = s->under_lu = 0;
    if (count < LEAST_BLOCKS)
        return;
    s->lufs = (float)ag06_lufs(loudness);
    if (s->lufs > s->target_lufs)
        s->over_lu = s->lufs - s->target_lufs;
    else if (spread_lu(s) >= ALIVE_LU)
        s->under_lu = s->target_lufs - s->lufs;
}

void level_faults_take(level_faults *s, const float *const sound[2], uint32_t frames,
                       ag06_level_faults *result)
{
    s->hops[s->hop] = weigh(s, sound[0], sound[s->channels - 1], frames);
    s->hop = (s->hop + 1) % LEVEL_HOPS;
    s->taken += s->taken < LEVEL_HOPS;
    if (s->hop % HOPS_A_BLOCK_STEP == 0 && s->taken == LEVEL_HOPS) {
        double sum = 0;

        for (uint32_t i = 0; i < LEVEL_HOPS; i++)
            sum += s->hops[i];
        s->blocks[s->block] = sum / LEVEL_HOPS;
        s->block = (s->block + 1) % LEVEL_SLOTS;
        s->filled += s->filled < LEVEL_SLOTS;
        if (s->block % HOPS_A_BLOCK_STEP == 0)
            look(s);
    }
    result->loudness_lufs = s->lufs;
    result->over_target_lu = s->over_lu;
    result->under_target_lu = s->under_lu;
}
