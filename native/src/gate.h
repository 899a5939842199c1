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

    return lanes_select(open, hold + 1.0, lanes_max(held - 1.0, LANES(0)));
}

/* The peak envelope at each frame, linked. */
INLINE void gate_listen(const gate_coefficients *c, gate_state *state, const lanes *frames,
                        lanes *envelopes, uint32_t count)
{
    lanes now = state->envelope, then = now;

    for (uint32_t n = 0; n < count; n += 2) { /* the one after the last is silence */
        const lanes peak = lanes_linked(frames[n], frames[n + 1]);

        then = lanes_max(now * c->envelope, lanes_earlier(peak));
        now = lanes_max(then * c->envelope, lanes_later(peak));
        envelopes[n / 2] = lanes_join(then, now);
    }
    state->envelope = count % 2 ? then : now;
}

/* Where the gain is to go: to `closed` dB unless the gate is open. */
INLINE void gate_hold(const gate_coefficients *c, gate_state *state, const lanes *levels,
                      lanes *closed, uint32_t count)
{
    lanes now = lanes_min(state->held, c->hold + 1.0), then = now;

    for (uint32_t i = 0; i < (count + 1) / 2; i++) {
        const lanes loud = (lanes)(levels[i] >= c->threshold_db);
        const lanes kept = (lanes)(levels[i] >= c->close_db);

        then = gate_held(now, c->hold, lanes_earlier(loud), lanes_earlier(kept));
        now = gate_held(then, c->hold, lanes_later(loud), lanes_later(kept));
        closed[i] = lanes_select(lanes_join(then, now) > 0.0, LANES(0), closed[i]);
    }
    state->held = count % 2 ? then : now;
}

INLINE void gate_run(const gate_coefficients *c, gate_state *state, lanes *frames, uint32_t count)
{
    follower follow = lanes_follower(c->release, c->attack, state->gain_db);
    lanes levels[PAIRS], goals[PAIRS];

    gate_listen(c, state, frames, levels, count);
    for (uint32_t i = 0; i < (count + 1) / 2; i++) {
        levels[i] = lanes_db(levels[i]);
        goals[i] = lanes_max(c->slope * (levels[i] - c->threshold_db), -c->range_db);
    }
    gate_hold(c, state, levels, goals, count);
    for (uint32_t n = 0; n < count; n += 2) {
        const lanes factor = lanes_gain(lanes_follow(&follow, goals[n / 2]));

        frames[n] *= lanes_earlier(factor);
        frames[n + 1] *= lanes_later(factor);
    }
    state->gain_db = lanes_followed(&follow, count);
}
