/*
 * De-esser: a first-order high shelf whose gain follows the level above its corner.
 *
 * The detector is a second-order high-pass; the gain goes to -(1 - 1/ratio) x (level - threshold)
 * dB, not below -range, and is smoothed in dB. What is turned down is the output h of a first-order
 * high-pass: x + (gain - 1) h, which is x itself while the gain is 1. Stereo linked.
 */
#pragma once

#include "biquad.h"

typedef struct {
    lane_biquad detector;
    lanes pole, threshold_db, slope, range_db, attack, release;
} deess_coefficients;

typedef struct {
    biquad_state detector;
    lanes before;  /* last frame in */
    lanes high;    /* last output of the first-order high-pass */
    lanes gain_db; /* <= 0 */
} deess_state;

INLINE void deess_rest(deess_state *state, int slot)
{
    biquad_rest(&state->detector, slot);
    lanes_put(&state->before, slot, 0);
    lanes_put(&state->high, slot, 0);
    lanes_put(&state->gain_db, slot, 0);
}

/* What is above the corner, of every frame: as the detector hears it, and as it is turned down. */
INLINE void deess_listen(const deess_coefficients *c, deess_state *state, biquad_left *left,
                         const lanes *share, const lanes *frames, lanes *heard, lanes *high,
                         uint32_t count)
{
    const lanes gain = 0.5 * (1.0 + c->pole);
    lanes before = state->before;
    lanes last = state->high;

    if (left)
        biquad_enter(&c->detector, &state->detector, left, share, frames, heard, count);
    else
        biquad_listen(&c->detector, &state->detector, frames, heard, count);
    for (uint32_t n = 0; n < count; n++) {
        const lanes x = frames[n];

        last = gain * (x - before) + c->pole * last;
        before = x;
        high[n] = last;
    }
    heard[count] = high[count] = LANES(0);
    state->before = before;
    state->high = last;
}

/* `left` is the detector as it was while that changes, else null. */
INLINE void deess_run(const deess_coefficients *c, deess_state *state, biquad_left *left,
                      const lanes *share, lanes *frames, uint32_t count)
{
    follower follow = lanes_follower(c->attack, c->release, state->gain_db);
    lanes goals[PAIRS];
    lanes heard[CHUNK + 1];
    lanes high[CHUNK + 1];

    deess_listen(c, state, left, share, frames, heard, high, count);
    for (uint32_t n = 0; n < count; n += 2) { /* the one after the last is silence */
        const lanes over = lanes_db(lanes_linked(heard[n], heard[n + 1])) - c->threshold_db;

        goals[n / 2] = -lanes_min(c->slope * lanes_max(over, LANES(0)), c->range_db);
    }
    for (uint32_t n = 0; n < count; n += 2) {
        const lanes factor = lanes_gain(lanes_follow(&follow, goals[n / 2])) - 1.0;

        frames[n] += lanes_earlier(factor) * high[n];
        frames[n + 1] += lanes_later(factor) * high[n + 1];
    }
    state->gain_db = lanes_followed(&follow, count);
}
