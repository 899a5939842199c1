/* The chain over a chunk that stays in the first-level cache, stage after stage. */
#include "chain.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define RUNAWAY_INSIDE 1e12 /* +240 dBFS: nothing that a sane filter makes of any input */
#define RUNAWAY 1e6         /* +120 dBFS: nothing that a sane chain puts out */

#define MEMORIES (offsetof(chain_state, limiter) / sizeof(lanes))

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                              \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MULTIVERSION __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define MULTIVERSION
#endif

#define VALUES ((sizeof(ag06_chain_block) - offsetof(ag06_chain_block, trim)) / sizeof(double))

_Static_assert(sizeof(chain_coefficients) == VALUES * sizeof(lanes),
               "a block's doubles and the coefficients' lanes go by pairs");

void chain_set_slot(chain_coefficients *coefficients, int slot, const ag06_chain_block *block)
{
    double values[VALUES];
    lanes *spread = (lanes *)coefficients;

    memcpy(values, &block->trim, sizeof values);
    for (size_t i = 0; i < VALUES; i++)
        lanes_put(&spread[i], slot, values[i]);
}

void chain_reset_slot(chain_state *state, int slot)
{
    for (int i = 0; i < 2; i++)
        biquad_rest(&state->highpass[i], slot);
    for (int i = 0; i < 4; i++)
        biquad_rest(&state->eq[i], slot);
    gate_rest(&state->gate, slot);
    deess_rest(&state->deess, slot);
    comp_rest(&state->comp, slot);
    limiter_rest(&state->limiter, slot);
}

void chain_reset(chain_state *state, double rate)
{
    memset(state, 0, sizeof *state);
    state->limiter.lookahead = limiter_lookahead(rate);
    state->limiter.delay = limiter_delay(rate);
    for (int slot = 0; slot < AG06_SLOTS; slot++)
        chain_reset_slot(state, slot);
}

/* One pass through both sections for each frame, so that they overlap in the pipeline. */
INLINE void trim_and_highpass(const chain_coefficients *c, chain_state *state, lanes *frames,
                              uint32_t count)
{
    biquad_state first = state->highpass[0];
    biquad_state second = state->highpass[1];

    for (uint32_t n = 0; n < count; n++)
        frames[n] = biquad_step(&c->highpass[1], &second,
                                biquad_step(&c->highpass[0], &first, frames[n] * c->trim));
    state->highpass[0] = first;
    state->highpass[1] = second;
}

INLINE void equalise(const chain_coefficients *c, chain_state *state, lanes *frames, uint32_t count)
{
    biquad_state low = state->eq[0];
    biquad_state peak1 = state->eq[1];
    biquad_state peak2 = state->eq[2];
    biquad_state high = state->eq[3];

    for (uint32_t n = 0; n < count; n++) {
        lanes x = biquad_step(&c->eq[0], &low, frames[n]);

        x = biquad_step(&c->eq[1], &peak1, x);
        x = biquad_step(&c->eq[2], &peak2, x);
        frames[n] = biquad_step(&c->eq[3], &high, x);
    }
    state->eq[0] = low;
    state->eq[1] = peak1;
    state->eq[2] = peak2;
    state->eq[3] = high;
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
MULTIVERSION
uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, lanes *frames,
                   uint32_t count)
{
    trim_and_highpass(coefficients, state, frames, count);
    gate_run(&coefficients->gate, &state->gate, frames, count);
    equalise(coefficients, state, frames, count);
    deess_run(&coefficients->deess, &state->deess, frames, count);
    comp_run(&coefficients->comp, &state->comp, frames, count);
    const uint32_t before = insane(frames, count, RUNAWAY_INSIDE) |
                            insane((const lanes *)state, MEMORIES, RUNAWAY_INSIDE);
    limiter_run(&coefficients->limiter, &state->limiter, frames, count);
    for (uint32_t n = 0; n < count; n++)
        frames[n] *= coefficients->level;
    return before | insane(frames, count, RUNAWAY);
}

ag06_reduction chain_reduction(const chain_state *state, int slot)
{
    const int lane = 2 * slot;
    const ag06_reduction reduction = {
        .gate = (float)-state->gate.gain_db[lane],
        .deess = (float)-state->deess.gain_db[lane],
        .comp = (float)-state->comp.gain_db[lane],
        .limiter = (float)(-20 * log10(state->limiter.gain[lane])),
    };

    return reduction;
}
