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

/* Frames still held, after a frame that is `loud`, or loud enough to stay open (`kept`). */
INLINE lanes gate_held(lanes held, lanes hold, lanes loud, lanes kept)
{
    const lane_bits open = (lane_bits)loud | ((held > 0.0) & (lane_bits)kept);

    return lanes_select(open, hold + 1.0, lanes_max(lanes_min(held - 1.0, hold), LANES(0)));
}

INLINE void gate_run(const gate_coefficients *c, gate_state *state, lanes *frames, uint32_t count)
{
    const follower follow = lanes_follower(c->release, c->attack);
    lanes envelope = state->envelope, envelope_then = envelope;
    lanes held = state->held, held_then = held;
    lanes gain = lanes_turned(&follow, state->gain_db), gain_then = gain;

    for (uint32_t n = 0; n < count; n += 2) { /* the one after the last is silence */
        const lanes peak = lanes_linked(frames[n], frames[n + 1]);

        envelope_then = lanes_max(envelope * c->envelope, lanes_earlier(peak));
        envelope = lanes_max(envelope_then * c->envelope, lanes_later(peak));
        const lanes level = lanes_db(lanes_join(envelope_then, envelope));
        const lanes loud = (lanes)(level >= c->threshold_db);
        const lanes kept = (lanes)(level >= c->close_db);
        const lanes closed = lanes_max(c->slope * (level - c->threshold_db), -c->range_db);

        held_then = gate_held(held, c->hold, lanes_earlier(loud), lanes_earlier(kept));
        held = gate_held(held_then, c->hold, lanes_later(loud), lanes_later(kept));
        const lane_bits open = lanes_join(held_then, held) > 0.0;
        const lanes goal = lanes_turned(&follow, lanes_select(open, LANES(0), closed));

        gain_then = lanes_follow(&follow, gain, lanes_earlier(goal));
        gain = lanes_follow(&follow, gain_then, lanes_later(goal));
        const lanes factor = lanes_gain(lanes_turned(&follow, lanes_join(gain_then, gain)));
        frames[n] *= lanes_earlier(factor);
        frames[n + 1] *= lanes_later(factor);
    }
    state->envelope = count % 2 ? envelope_then : envelope;
    state->held = count % 2 ? held_then : held;
    state->gain_db = lanes_turned(&follow, count % 2 ? gain_then : gain);
}
