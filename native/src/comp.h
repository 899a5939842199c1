/*
 * Compressor: feed-forward, stereo linked; gain computer with a quadratic knee in dB, then smooth
 * branching attack and release on the gain (Giannoulis, Massberg and Reiss 2012, eqs. 4 and 17).
 */
#pragma once

#include "biquad.h"

#include <string.h>

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

INLINE void comp_run(const comp_coefficients *c, comp_state *state, lanes *frames, uint32_t count)
{
    const lanes knee = c->half_knee;
    const lanes curve = 0.25 / knee;
    biquad_state sidechain = state->sidechain;
    lanes gain_db[CHUNK];
    lanes gain = state->gain_db;

    if (!lanes_any(c->slope)) {
        for (int slot = 0; slot < AG06_SLOTS; slot++)
            comp_rest(state, slot);
        return;
    }
    memcpy(gain_db, frames, count * sizeof *gain_db);
    if (biquad_active(&c->sidechain))
        for (uint32_t n = 0; n < count; n++)
            gain_db[n] = biquad_step(&c->sidechain, &sidechain, frames[n]);
    for (uint32_t n = 0; n < count; n++) {
        const lanes over = lanes_db(lanes_linked_peak(gain_db[n])) - c->threshold_db;
        const lanes within = lanes_min(lanes_max(over + knee, LANES(0)), knee + knee);
        const lanes beyond = lanes_max(over - knee, LANES(0));

        gain_db[n] = c->slope * (within * within * curve + beyond);
    }
    for (uint32_t n = 0; n < count; n++) {
        gain = lanes_follow(gain, gain_db[n], c->attack, c->release);
        gain_db[n] = gain;
    }
    for (uint32_t n = 0; n < count; n++)
        frames[n] *= lanes_gain(gain_db[n] + c->makeup_db);
    state->sidechain = sidechain;
    state->gain_db = gain;
}
