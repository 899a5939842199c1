/* Second-order sections, transposed direct form II, cascades of them, and a section that changes.
 */
#pragma once

#include "lanes.h"

#define CASCADE_MAX 6

typedef struct {
    lanes b0, b1, b2, a1, a2;
} lane_biquad;

typedef struct {
    lanes s1, s2;
} biquad_state;

INLINE void biquad_rest(biquad_state *state, int slot)
{
    lanes_put(&state->s1, slot, 0);
    lanes_put(&state->s2, slot, 0);
}

INLINE lanes biquad_step(const lane_biquad *f, biquad_state *state, lanes x)
{
    const lanes y = f->b0 * x + state->s1;

    state->s1 = (f->b1 * x + state->s2) - f->a1 * y;
    state->s2 = f->b2 * x - f->a2 * y;
    return y;
}

/* What a detector behind the section hears of `frames`. */
INLINE void biquad_listen(const lane_biquad *f, biquad_state *state, const lanes *frames,
                          lanes *heard, uint32_t count)
{
    biquad_state s = *state;

    for (uint32_t n = 0; n < count; n++)
        heard[n] = biquad_step(f, &s, frames[n]);
    *state = s;
}

/*
 * A section as it was before a change, in the lanes that change. Given other coefficients, a
 * section would go on ringing with what it remembers; begun afresh, it would be struck by the
 * sound that is there. So the one that leaves is faded out behind its filter, and the one that
 * enters is faded in before its own.
 */
typedef struct {
    lane_biquad section;
    biquad_state state;
    lane_bits lanes;
} biquad_left;

/* `share` of the section that enters, frame by frame; `to` may be `frames`. */
INLINE void biquad_enter(const lane_biquad *f, biquad_state *state, biquad_left *left,
                         const lanes *share, const lanes *frames, lanes *to, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const lanes entering = lanes_select(left->lanes, share[n], LANES(1));
        const lanes leaving =
            (1.0 - entering) * biquad_step(&left->section, &left->state, frames[n]);

        to[n] = leaving + biquad_step(f, state, entering * frames[n]);
    }
}

/* Sections to be run one after the other. */
typedef struct {
    const lane_biquad *section[CASCADE_MAX];
    biquad_state *state[CASCADE_MAX];
    int count;
} cascade;

INLINE void cascade_add(cascade *to, const lane_biquad *section, biquad_state *state)
{
    to->section[to->count] = section;
    to->state[to->count] = state;
    to->count++;
}

/* All sections take each frame in one pass, so that they overlap in the pipeline. */
INLINE void cascade_run_of(const int sections, const cascade *run, lanes *frames, uint32_t count)
{
    biquad_state state[CASCADE_MAX];

    for (int i = 0; i < sections; i++)
        state[i] = *run->state[i];
    for (uint32_t n = 0; n < count; n++) {
        lanes x = frames[n];

        for (int i = 0; i < sections; i++)
            x = biquad_step(run->section[i], &state[i], x);
        frames[n] = x;
    }
    for (int i = 0; i < sections; i++)
        *run->state[i] = state[i];
}

/* Run and empty it. */
INLINE void cascade_run(cascade *run, lanes *frames, uint32_t count)
{
    switch (run->count) {
    case 1:
        cascade_run_of(1, run, frames, count);
        break;
    case 2:
        cascade_run_of(2, run, frames, count);
        break;
    case 3:
        cascade_run_of(3, run, frames, count);
        break;
    case 4:
        cascade_run_of(4, run, frames, count);
        break;
    case 5:
        cascade_run_of(5, run, frames, count);
        break;
    case CASCADE_MAX:
        cascade_run_of(CASCADE_MAX, run, frames, count);
        break;
    default:
        break;
    }
    run->count = 0;
}
