/* A chain's coefficients and state; which processor's code runs it. */
#include "chain_run.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define VALUES ((sizeof(ag06_chain_block) - offsetof(ag06_chain_block, trim)) / sizeof(double))

_Static_assert(offsetof(chain_coefficients, parts) == VALUES * sizeof(lanes),
               "a block's doubles and the coefficients' lanes go by pairs");

/* A section that does nothing is 1, 0, 0, 0, 0. What is not a number does something. */
static uint32_t filters(const ag06_biquad *f)
{
    return !(f->b0 == 1 && f->b1 == 0 && f->b2 == 0 && f->a1 == 0 && f->a2 == 0);
}

static uint32_t parts_of(const ag06_chain_block *block)
{
    uint32_t parts = 0;

    for (int i = 0; i < 2; i++)
        parts |= filters(&block->highpass[i]) << (PART_HIGHPASS + i);
    for (int i = 0; i < 4; i++)
        parts |= filters(&block->eq[i]) << (PART_EQ + i);
    parts |= (uint32_t)!(block->gate.range_db == 0) << PART_GATE;
    parts |= (uint32_t)!(block->deess.range_db == 0) << PART_DEESS;
    parts |= (uint32_t)!(block->comp.slope == 0 && block->comp.makeup_db == 0) << PART_COMP;
    parts |= filters(&block->comp.sidechain) << PART_SIDECHAIN;
    return parts;
}

/* What a slot sounds like must not depend on whether the other one has the part switched on. */
static void rest_parts(chain_state *state, int slot, uint32_t parts)
{
    for (int i = 0; i < 2; i++)
        if (parts & 1u << (PART_HIGHPASS + i))
            biquad_rest(&state->highpass[i], slot);
    for (int i = 0; i < 4; i++)
        if (parts & 1u << (PART_EQ + i))
            biquad_rest(&state->eq[i], slot);
    if (parts & 1u << PART_GATE)
        gate_rest(&state->gate, slot);
    if (parts & 1u << PART_DEESS)
        deess_rest(&state->deess, slot);
    if (parts & 1u << PART_COMP)
        comp_rest(&state->comp, slot);
    if (parts & 1u << PART_SIDECHAIN)
        biquad_rest(&state->comp.sidechain, slot);
}

void chain_set_slot(chain_coefficients *coefficients, chain_state *state, int slot,
                    const ag06_chain_block *block)
{
    const uint32_t before = coefficients->parts[slot];
    const uint32_t after = parts_of(block);
    double values[VALUES];
    lanes *spread = (lanes *)coefficients;

    memcpy(values, &block->trim, sizeof values);
    for (size_t i = 0; i < VALUES; i++)
        lanes_put(&spread[i], slot, values[i]);
    coefficients->parts[slot] = after;
    rest_parts(state, slot, ~(before & after));
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

uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, const float *dry,
                   lanes *frames, uint32_t count)
{
#if CHAIN_HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        return chain_run_avx2(coefficients, state, dry, frames, count);
#endif
    return run_stages(coefficients, state, dry, frames, count);
}

ag06_reduction chain_reduction(const chain_state *state, int slot)
{
    const int lane = 2 * slot;
    const ag06_reduction reduction = {
        .gate = (float)-state->gate.gain_db[lane],
        .deess = (float)-state->deess.gain_db[lane],
        .comp = (float)-state->comp.gain_db[lane],
        .limiter = (float)(-20 * log10(1 - state->limiter.reduction[lane])),
    };

    return reduction;
}
