/* The chain over a chunk that stays in the first-level cache, stage after stage. */
#pragma once

#include "chain.h"

#include <stddef.h>

/* Sums of magnitudes over a chunk. */
#define RUNAWAY_INSIDE 1e13 /* nothing that a sane filter makes of any input */
#define RUNAWAY 1e7         /* nothing that a sane chain puts out */
#define MEMORIES (offsetof(chain_state, limiter) / sizeof(lanes))

/* chain_avx2.c is this header compiled for processors with AVX2. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CHAIN_HAS_AVX2 1
uint32_t chain_run_avx2(const chain_coefficients *coefficients, chain_state *state,
                        chain_change *change, const float *dry, lanes *frames, uint32_t count);
#else
#define CHAIN_HAS_AVX2 0
#endif

/* How far along the change each frame is, 0 .. 1: with no corner in slope or bend, so that nothing
 * away from the sound itself is struck. */
INLINE void change_shares(chain_change *change, lanes *share, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const double t = ++change->at < change->frames ? change->at / (double)change->frames : 1;

        share[n] = LANES(t * t * t * (10 + t * (6 * t - 15)));
    }
}

/* The same into both slots; the gain moves from `before` to `trim` with `share`, if not null. */
INLINE void spread_and_trim(const float *dry, lanes trim, lanes before, const lanes *share,
                            lanes *frames, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const frame_floats frame = {dry[2 * n], dry[2 * n + 1], dry[2 * n], dry[2 * n + 1]};

        frames[n] = __builtin_convertvector(frame, lanes) * trim;
    }
    for (uint32_t n = 0; share && n < count; n++) {
        const frame_floats frame = {dry[2 * n], dry[2 * n + 1], dry[2 * n], dry[2 * n + 1]};

        frames[n] = __builtin_convertvector(frame, lanes) * (before + share[n] * (trim - before));
    }
    if (count % 2) /* stages that take two frames at a time find silence behind the last */
        frames[count] = LANES(0);
}

/* The slots in which a lane of any of these is not a number or not below `limit`, by magnitude. */
INLINE uint32_t insane(const lanes *memories, uint32_t count, double limit)
{
    lanes sum = LANES(0);

    for (uint32_t n = 0; n < count; n++)
        sum += lanes_abs(memories[n]);
    return lanes_outside(sum, LANES(limit));
}

/* The level; returns the slots with a frame that is nothing a sane chain puts out. */
INLINE uint32_t level_run(lanes level, lanes *frames, uint32_t count)
{
    lanes sum = LANES(0);

    for (uint32_t n = 0; n < count; n++) {
        frames[n] *= level;
        sum += lanes_abs(frames[n]);
    }
    return lanes_outside(sum, LANES(RUNAWAY));
}

/* What a run over a chunk goes by. */
typedef struct {
    const chain_coefficients *c;
    chain_state *state;
    chain_change *change;
    const lanes *share; /* null when nothing changes */
    uint32_t changing;  /* sections */
    uint32_t parts;     /* that are on in either slot, or changing */
} chain_pass;

static inline int is_on(const chain_pass *pass, int part)
{
    return (pass->parts & 1u << part) != 0;
}

/* The section as it was, while it changes. */
static inline biquad_left *left_of(const chain_pass *pass, int section)
{
    return pass->changing & 1u << section ? &pass->change->left[section] : NULL;
}

/* Those sections `from` up to `end` that are on: into the cascade, or at once where they change. */
INLINE void add_sections(const chain_pass *pass, cascade *filter, int from, int end, lanes *frames,
                         uint32_t count)
{
    for (int i = from; i < end; i++) {
        const lane_biquad *section = chain_section(pass->c, i);
        biquad_state *state = chain_section_state(pass->state, i);
        biquad_left *left = left_of(pass, i);

        if (left) {
            cascade_run(filter, frames, count);
            biquad_enter(section, state, left, pass->share, frames, frames, count);
        } else if (is_on(pass, i)) {
            cascade_add(filter, section, state);
        }
    }
}

INLINE void filter_and_turn(const chain_pass *pass, lanes *frames, uint32_t count)
{
    const chain_coefficients *c = pass->c;
    chain_state *state = pass->state;
    cascade filter = {.count = 0};

    add_sections(pass, &filter, PART_HIGHPASS, PART_HIGHPASS + 2, frames, count);
    if (is_on(pass, PART_GATE)) {
        cascade_run(&filter, frames, count);
        gate_run(&c->gate, &state->gate, frames, count);
    }
    add_sections(pass, &filter, PART_EQ, PART_EQ + 4, frames, count);
    cascade_run(&filter, frames, count);
    if (is_on(pass, PART_DEESS))
        deess_run(&c->deess, &state->deess, left_of(pass, PART_DETECTOR), pass->share, frames,
                  count);
    if (is_on(pass, PART_COMP) && is_on(pass, PART_SIDECHAIN))
        comp_run(&c->comp, &state->comp, left_of(pass, PART_SIDECHAIN), pass->share, frames, count);
    else if (is_on(pass, PART_COMP))
        comp_turn(&c->comp, &state->comp, frames, frames, count);
}

/*
 * Sanity is asked before the limiter too, which would hold a filter that runs away at its ceiling,
 * and of what the stages before it remember: a detector or an envelope that is not a number any
 * more might never be heard, and never do its work again.
 */
static inline uint32_t run_stages(const chain_coefficients *c, chain_state *state,
                                  chain_change *change, const float *dry, lanes *frames,
                                  uint32_t count)
{
    chain_pass pass = {
        .c = c, .state = state, .change = change, .parts = c->parts[0] | c->parts[1]};
    lanes before = c->trim;
    lanes share[CHUNK];

    if (change && change->at < change->frames) {
        change_shares(change, share, count);
        pass.share = share;
        pass.changing = change->sections;
        pass.parts |= change->sections;
        before = change->trim;
    }
    spread_and_trim(dry, c->trim, before, pass.share, frames, count);
    filter_and_turn(&pass, frames, count);
    const uint32_t mad = insane((const lanes *)state, MEMORIES, RUNAWAY_INSIDE);
    const uint32_t louder =
        limiter_run(&c->limiter, &state->limiter, frames, count, RUNAWAY_INSIDE);
    return mad | louder | level_run(c->level, frames, count);
}
