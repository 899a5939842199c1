/*
 * Compressor: feed-forward, stereo linked; gain computer with a quadratic knee in dB, then smooth
 * branching attack and release on the gain (Giannoulis, Massberg and Reiss 2012, eqs. 4 and 17).
 */
#pragma once

#include "biquad.h"

typedef struct {
    lane_biquad sidechain;
    lanes threshold_db, slope, half_knee, attack, release, makeup_db;
} comp_coefficients;

typedef struct {
    biquad_state sidechain;
    lanes gain_db; /* <= 0, without make-up */
} comp_state;

INLINE void comp_rest(comp_state *state, int slot)
{
    biquad_rest(&state->sidechain, slot);
    lanes_put(&state->gain_db, slot, 0);
}

/* `heard` is what the detector goes by: the frames, or what the side-chain makes of them. */
INLINE void comp_turn(const comp_coefficients *c, comp_state *state, const lanes *heard,
                      lanes *frames, uint32_t count)
{
    follower follow = lanes_follower(c->attack, c->release, state->gain_db);
    const lanes knee = c->half_knee;
    const lanes curve = 0.25 / knee;
    lanes goals[PAIRS];

    for (uint32_t n = 0; n < count; n += 2) { /* the one after the last is silence */
        const lanes over = lanes_db(lanes_linked(heard[n], heard[n + 1])) - c->threshold_db;
        const lanes within = lanes_min(lanes_max(over + knee, LANES(0)), knee + knee);
        const lanes beyond = lanes_max(over - knee, LANES(0));

        goals[n / 2] = c->slope * (within * within * curve + beyond);
    }
    for (uint32_t n = 0; n < count; n += 2) {
        const lanes factor = lanes_gain(lanes_follow(&follow, goals[n / 2]) + c->makeup_db);

        frames[n] *= lanes_earlier(factor);
        frames[n + 1] *= lanes_later(factor);
    }
    state->gain_db = lanes_followed(&follow, count);
}

/* `left` is the side-chain as it was while that changes, else null. */
INLINE void comp_run(const comp_coefficients *c, comp_state *state, biquad_left *left,
                     const lanes *share, lanes *frames, uint32_t count)
{
    lanes heard[CHUNK + 1];

    if (left)
        biquad_enter(&c->sidechain, &state->sidechain, left, share, frames, heard, count);
    else
        biquad_listen(&c->sidechain, &state->sidechain, frames, heard, count);
    heard[count] = LANES(0);
    comp_turn(c, state, heard, frames, count);
}
