/* A chain's coefficients and state; which processor's code runs it. */
#include "chain_run.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define VALUES ((sizeof(ag06_chain_block) - offsetof(ag06_chain_block, trim)) / sizeof(double))

_Static_assert(offsetof(chain_coefficients, parts) == VALUES * sizeof(lanes),
               "a block's doubles and the coefficients' lanes go by pairs");

/* The section of a block that is number `section`. */
static const ag06_biquad *block_section(const ag06_chain_block *block, int section)
{
    return section < PART_EQ          ? &block->highpass[section - PART_HIGHPASS]
           : section < PART_DETECTOR  ? &block->eq[section - PART_EQ]
           : section < PART_SIDECHAIN ? &block->deess.detector
                                      : &block->comp.sidechain;
}

/* A section that does nothing is 1, 0, 0, 0, 0. What is not a number does something. */
static int filters(const ag06_biquad *f)
{
    return !(f->b0 == 1 && f->b1 == 0 && f->b2 == 0 && f->a1 == 0 && f->a2 == 0);
}

static uint32_t parts_of(const ag06_chain_block *block)
{
    const int deess = !(block->deess.range_db == 0);
    const int comp = !(block->comp.slope == 0 && block->comp.makeup_db == 0);
    uint32_t parts = 0;

    for (int i = 0; i < SECTIONS; i++)
        parts |= (uint32_t)filters(block_section(block, i)) << i;
    if (!deess)
        parts &= ~(1u << PART_DETECTOR);
    if (!comp)
        parts &= ~(1u << PART_SIDECHAIN);
    parts |= (uint32_t)!(block->gate.range_db == 0) << PART_GATE;
    parts |= (uint32_t)deess << PART_DEESS;
    return parts | (uint32_t)comp << PART_COMP;
}

static lane_bits lanes_of(int slot)
{
    const lane_bits lanes_of_b = {0, 0, -1, -1};

    return slot == 0 ? ~lanes_of_b : lanes_of_b;
}

void chain_change_begin(chain_change *change, const chain_coefficients *coefficients,
                        chain_state *state, uint32_t frames)
{
    for (int i = 0; i < SECTIONS; i++) {
        change->left[i].section = *chain_section(coefficients, i);
        change->left[i].state = *chain_section_state(state, i);
        change->left[i].lanes = LANE_BITS(0);
    }
    change->trim = coefficients->trim;
    change->sections = 0;
    change->at = 0;
    change->frames = frames;
}

/* A section that lets nothing through, and has nothing left to say. */
static void silence_left(biquad_left *left, int slot)
{
    lanes_put(&left->section.b0, slot, 0);
    lanes_put(&left->section.b1, slot, 0);
    lanes_put(&left->section.b2, slot, 0);
    lanes_put(&left->section.a1, slot, 0);
    lanes_put(&left->section.a2, slot, 0);
    biquad_rest(&left->state, slot);
}

void chain_change_drop(chain_change *change, const chain_coefficients *coefficients, int slot)
{
    for (int i = 0; i < SECTIONS; i++) {
        change->left[i].lanes &= ~lanes_of(slot);
        silence_left(&change->left[i], slot);
    }
    lanes_put(&change->trim, slot, coefficients->trim[2 * slot]);
}

static int differ(const lane_biquad *a, int slot, const ag06_biquad *b)
{
    const int lane = 2 * slot;

    return !(a->b0[lane] == b->b0 && a->b1[lane] == b->b1 && a->b2[lane] == b->b2 &&
             a->a1[lane] == b->a1 && a->a2[lane] == b->a2);
}

/*
 * Hand the section over if the block changes it, or switches on or off the stage whose detector it
 * is, of which nothing was heard before.
 */
static void change_section(const chain_coefficients *c, chain_state *state, chain_change *change,
                           int slot, int section, const ag06_chain_block *block)
{
    const uint32_t toggled = c->parts[slot] ^ parts_of(block);
    const int stage = section == PART_DETECTOR ? PART_DEESS : PART_COMP;
    const int begins = section >= PART_DETECTOR && (toggled & 1u << stage) != 0;

    if (!begins && !differ(chain_section(c, section), slot, block_section(block, section)))
        return;
    change->sections |= 1u << section;
    change->left[section].lanes |= lanes_of(slot);
    if (begins)
        silence_left(&change->left[section], slot);
    biquad_rest(chain_section_state(state, section), slot);
}

/* What a slot sounds like must not depend on whether the other one has the part switched on. */
static void rest_parts(chain_state *state, int slot, uint32_t parts)
{
    for (int i = 0; i < SECTIONS; i++)
        if (parts & 1u << i)
            biquad_rest(chain_section_state(state, i), slot);
    if (parts & 1u << PART_GATE)
        gate_rest(&state->gate, slot);
    if (parts & 1u << PART_DEESS)
        deess_rest(&state->deess, slot);
    if (parts & 1u << PART_COMP)
        comp_rest(&state->comp, slot);
}

void chain_set_slot(chain_coefficients *coefficients, chain_state *state, chain_change *change,
                    int slot, const ag06_chain_block *block)
{
    const uint32_t before = coefficients->parts[slot];
    const uint32_t after = parts_of(block);
    double values[VALUES];
    lanes *spread = (lanes *)coefficients;

    for (int i = 0; change && i < SECTIONS; i++)
        change_section(coefficients, state, change, slot, i, block);
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

uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, chain_change *change,
                   const float *dry, lanes *frames, uint32_t count)
{
#if CHAIN_HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        return chain_run_avx2(coefficients, state, change, dry, frames, count);
#endif
    return run_stages(coefficients, state, change, dry, frames, count);
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
