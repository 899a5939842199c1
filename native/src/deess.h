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

INLINE void deess_run(const deess_coefficients *c, deess_state *state, lanes *frames, uint32_t count)
{
    lanes high[CHUNK];
    lanes gain_db[CHUNK];
    biquad_state detector = state->detector;
    lanes gain = state->gain_db;

    if (!lanes_any(c->range_db)) {
        for (int slot = 0; slot < AG06_SLOTS; slot++)
            deess_rest(state, slot);
        return;
    }
    for (uint32_t n = 0; n < count; n++) {
        const lanes x = frames[n];

        gain_db[n] = biquad_step(&c->detector, &detector, x);
        state->high = 0.5 * (1.0 + c->pole) * (x - state->before) + c->pole * state->high;
        state->before = x;
        high[n] = state->high;
    }
    for (uint32_t n = 0; n < count; n++) {
        const lanes over = lanes_db(lanes_linked_peak(gain_db[n])) - c->threshold_db;

        gain_db[n] = -lanes_min(c->slope * lanes_max(over, LANES(0)), c->range_db);
    }
    for (uint32_t n = 0; n < count; n++) {
        gain = lanes_follow(gain, gain_db[n], c->attack, c->release);
        gain_db[n] = gain;
    }
    for (uint32_t n = 0; n < count; n++)
        frames[n] += (lanes_gain(gain_db[n]) - 1.0) * high[n];
    state->detector = detector;
    state->gain_db = gain;
}
