/* The chain over a chunk that stays in the first-level cache, stage after stage. */
#pragma once

#include "chain.h"

#include <stddef.h>

#define RUNAWAY_INSIDE 1e12 /* +240 dBFS: nothing that a sane filter makes of any input */
#define RUNAWAY 1e6         /* +120 dBFS: nothing that a sane chain puts out */
#define MEMORIES (offsetof(chain_state, limiter) / sizeof(lanes))

/* chain_avx2.c is this header compiled for processors with AVX2. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CHAIN_HAS_AVX2 1
uint32_t chain_run_avx2(const chain_coefficients *coefficients, chain_state *state,
                        const float *dry, lanes *frames, uint32_t count);
#else
#define CHAIN_HAS_AVX2 0
#endif

/* The frames of one channel pair in both slots. */
INLINE void spread_and_trim(const float *dry, lanes trim, lanes *frames, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const double left = (double)dry[2 * n];
        const double right = (double)dry[2 * n + 1];

        frames[n] = (lanes){left, right, left, right} * trim;
    }
    if (count % 2) /* stages that take two frames at a time find silence behind the last */
        frames[count] = LANES(0);
}

/* The slots, a bit each, with a frame that is not a number or not below `limit`. */
INLINE uint32_t insane(const lanes *frames, uint32_t count, double limit)
{
    lane_bits sane = LANE_BITS(-1);

    for (uint32_t n = 0; n < count; n++)
        sane &= lanes_abs(frames[n]) < limit;
    return (sane[0] & sane[1] ? 0 : 1u) | (sane[2] & sane[3] ? 0 : 2u);
}

/*
 * Sanity is asked before the limiter too, which would hold a filter that runs away at its ceiling,
 * and of what the stages before it remember: a detector or an envelope that is not a number any
 * more might never be heard, and never do its work again.
 */
static inline uint32_t run_stages(const chain_coefficients *c, chain_state *state, const float *dry,
                                  lanes *frames, uint32_t count)
{
    const uint32_t parts = c->parts[0] | c->parts[1];
    cascade filter = {.count = 0};

    spread_and_trim(dry, c->trim, frames, count);
    for (int i = 0; i < 2; i++)
        if (parts & 1u << (PART_HIGHPASS + i))
            cascade_add(&filter, &c->highpass[i], &state->highpass[i]);
    if (parts & 1u << PART_GATE) {
        cascade_run(&filter, frames, count);
        gate_run(&c->gate, &state->gate, frames, count);
    }
    for (int i = 0; i < 4; i++)
        if (parts & 1u << (PART_EQ + i))
            cascade_add(&filter, &c->eq[i], &state->eq[i]);
    cascade_run(&filter, frames, count);
    if (parts & 1u << PART_DEESS)
        deess_run(&c->deess, &state->deess, frames, count);
    if (parts & 1u << PART_COMP)
        comp_run(&c->comp, &state->comp, (parts & 1u << PART_SIDECHAIN) != 0, frames, count);
    const uint32_t mad = insane(frames, count, RUNAWAY_INSIDE) |
                         insane((const lanes *)state, MEMORIES, RUNAWAY_INSIDE);
    limiter_run(&c->limiter, &state->limiter, frames, count);
    for (uint32_t n = 0; n < count; n++)
        frames[n] *= c->level;
    return mad | insane(frames, count, RUNAWAY);
}
