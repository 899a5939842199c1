/*
 * Look-ahead limiter that keeps the true peak under its ceiling, stereo linked.
 *
 * The peak around a frame is estimated between the samples too, by polyphase interpolation. The
 * gain it needs is held (running minimum after van Herk) for as long as the peak's neighbourhood is
 * in the delay line, released exponentially, and averaged over the look-ahead: when a peak leaves
 * the delay line, every gain in the mean is low enough for it, and hardly changes across the
 * frames that make it up.
 *
 *   frame in -> estimate (REACH frames later) -> held for delay + 1 frames -> mean of lookahead
 *   frame out after delay = lookahead + 2 REACH - 1 frames
 */
#pragma once

#include "lanes.h"
#include "true_peak.h"

#include <string.h>

#define LOOKAHEAD_S 1.5e-3
#define LOOKAHEAD_MAX 320 /* frames; enough for 192 kHz */
#define DELAY_MAX (LOOKAHEAD_MAX + 2 * REACH - 1)

typedef struct {
    lanes ceiling, release;
} limiter_coefficients;

typedef struct {
    lanes needed[DELAY_MAX + 1]; /* this window's needs; ahead of window_at, the last one's suffix minima */
    lanes needed_least;          /* least of this window so far */
    lanes held;                  /* after release */
    lanes held_past[LOOKAHEAD_MAX];
    lanes held_sum;   /* of held_past */
    lanes held_fresh; /* the sum as it comes out new, so that rounding never adds up */
    lanes delayed[DELAY_MAX];
    lanes recent[TAPS - 1]; /* frames before this chunk, for the estimate */
    lanes gain;             /* newest */
    uint32_t window_at;     /* 0 .. delay */
    uint32_t mean_at;       /* 0 .. lookahead - 1 */
    uint32_t delay_at;      /* 0 .. delay - 1 */
    uint32_t lookahead;     /* frames */
    uint32_t delay;         /* frames */
} limiter_state;

/* Frames of look-ahead at `rate`. */
INLINE uint32_t limiter_lookahead(double rate)
{
    const double frames = LOOKAHEAD_S * rate + 0.5;

    return frames < 1 ? 1 : frames > LOOKAHEAD_MAX ? LOOKAHEAD_MAX : (uint32_t)frames;
}

INLINE uint32_t limiter_delay(double rate)
{
    return limiter_lookahead(rate) + 2 * REACH - 1;
}

INLINE void limiter_rest(limiter_state *state, int slot)
{
    for (uint32_t i = 0; i <= state->delay; i++)
        lanes_put(&state->needed[i], slot, 1);
    for (uint32_t i = 0; i < state->lookahead; i++)
        lanes_put(&state->held_past[i], slot, 1);
    for (uint32_t i = 0; i < state->delay; i++)
        lanes_put(&state->delayed[i], slot, 0);
    for (uint32_t i = 0; i < TAPS - 1; i++)
        lanes_put(&state->recent[i], slot, 0);
    lanes_put(&state->needed_least, slot, 1);
    lanes_put(&state->held, slot, 1);
    lanes_put(&state->held_sum, slot, (double)state->lookahead);
    lanes_put(&state->held_fresh, slot, (double)state->mean_at);
    lanes_put(&state->gain, slot, 1);
}

/* The gain that each frame's neighbourhood needs, REACH frames after it came. */
INLINE void limiter_needs(const limiter_coefficients *c, limiter_state *state, const lanes *frames,
                          lanes *needs, uint32_t count)
{
    lanes recent[TAPS - 1 + CHUNK];

    memcpy(recent, state->recent, sizeof state->recent);
    memcpy(&recent[TAPS - 1], frames, count * sizeof *frames);
    memcpy(state->recent, &recent[count], sizeof state->recent);
    true_peaks(recent, needs, count, c->ceiling);
    for (uint32_t n = 0; n < count; n++)
        needs[n] = c->ceiling / lanes_max(needs[n], c->ceiling);
}

/* Least need of the last delay + 1 frames. */
INLINE lanes limiter_least(limiter_state *state, lanes need)
{
    const uint32_t w = state->window_at;

    state->needed_least = lanes_min(state->needed_least, need);
    const lanes least = w < state->delay ? lanes_min(state->needed_least, state->needed[w + 1])
                                         : state->needed_least;
    state->needed[w] = need;
    state->window_at = w + 1;
    if (w == state->delay) {
        for (uint32_t i = state->delay; i > 0; i--)
            state->needed[i - 1] = lanes_min(state->needed[i - 1], state->needed[i]);
        state->needed_least = LANES(1);
        state->window_at = 0;
    }
    return least;
}

/* Mean of the last lookahead gains. */
INLINE lanes limiter_mean(limiter_state *state, lanes held)
{
    const uint32_t m = state->mean_at;

    state->held_sum += held - state->held_past[m];
    state->held_fresh += held;
    state->held_past[m] = held;
    const lanes mean = state->held_sum * (1.0 / (double)state->lookahead);
    state->mean_at = m + 1;
    if (state->mean_at == state->lookahead) {
        state->mean_at = 0;
        state->held_sum = state->held_fresh;
        state->held_fresh = LANES(0);
    }
    return mean;
}

INLINE void limiter_run(const limiter_coefficients *c, limiter_state *state, lanes *frames,
                        uint32_t count)
{
    lanes needs[CHUNK];

    limiter_needs(c, state, frames, needs, count);
    for (uint32_t n = 0; n < count; n++) {
        const lanes least = limiter_least(state, needs[n]);
        const uint32_t d = state->delay_at;
        const lanes delayed = state->delayed[d];

        state->held = lanes_min(least, 1.0 - (1.0 - state->held) * c->release);
        state->gain = limiter_mean(state, state->held);
        state->delayed[d] = frames[n];
        state->delay_at = d + 1 == state->delay ? 0 : d + 1;
        frames[n] = lanes_clamp(delayed * state->gain, c->ceiling);
    }
}
