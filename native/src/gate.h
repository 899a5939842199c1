/*
 * Gate, or expander: turns down what is below a threshold.
 *
 * A peak envelope (instant rise, one-pole fall) opens it at the threshold and keeps it open down to
 * the threshold less the hysteresis, and for the hold time after that. Closed, the gain goes to
 * (ratio - 1) x (level - threshold) dB, not below -range. Stereo linked.
 */
#pragma once

#include "lanes.h"

typedef struct {
    lanes threshold_db, close_db, slope, range_db, envelope, attack, release, hold;
} gate_coefficients;

typedef struct {
    lanes envelope; /* linear */
    lanes held;     /* frames for which it still stays open */
    lanes gain_db;  /* <= 0 */
} gate_state;

INLINE void gate_rest(gate_state *state, int slot)
{
    lanes_put(&state->envelope, slot, 0);
    lanes_put(&state->held, slot, 0);
    lanes_put(&state->gain_db, slot, 0);
}

INLINE void gate_run(const gate_coefficients *c, gate_state *state, lanes *frames, uint32_t count)
{
    lanes level[CHUNK];
    lanes envelope = state->envelope;
    lanes held = state->held;
    lanes gain_db = state->gain_db;

    if (!lanes_any(c->range_db)) {
        for (int slot = 0; slot < AG06_SLOTS; slot++)
            gate_rest(state, slot);
        return;
    }
    for (uint32_t n = 0; n < count; n++) {
        envelope = lanes_max(envelope * c->envelope, lanes_linked_peak(frames[n]));
        level[n] = envelope;
    }
    for (uint32_t n = 0; n < count; n++)
        level[n] = lanes_db(level[n]);
    for (uint32_t n = 0; n < count; n++) {
        const lane_bits loud = level[n] >= c->threshold_db;
        const lane_bits kept = (held > 0.0) & (level[n] >= c->close_db);
        const lanes closed = lanes_max(c->slope * (level[n] - c->threshold_db), -c->range_db);

        held = lanes_select(loud | kept, c->hold + 1.0,
                            lanes_max(lanes_min(held - 1.0, c->hold), LANES(0)));
        gain_db = lanes_follow(gain_db, lanes_select(held > 0.0, LANES(0), closed), c->release,
                               c->attack);
        level[n] = gain_db;
    }
    for (uint32_t n = 0; n < count; n++)
        frames[n] *= lanes_gain(level[n]);
    state->envelope = envelope;
    state->held = held;
    state->gain_db = gain_db;
}
