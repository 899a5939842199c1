/*
 * Look-ahead limiter that keeps the true peak under its ceiling, stereo linked.
 *
 * The peak around a frame is estimated between the samples too. How far it has to be turned down is
 * held (running maximum after van Herk) for as long as the peak's neighbourhood is in the delay
 * line, released exponentially, and averaged over the look-ahead: when a peak leaves the delay
 * line, every gain in the mean is low enough for it, and hardly changes across the frames that
 * make it up.
 *
 *   frame in -> estimate (REACH frames later) -> held for delay + 1 frames -> mean of lookahead
 *   frame out after delay = lookahead + 2 REACH - 1 frames
 *
 * Why no meter that interpolates as true_peak.h does reads more than the ceiling, on any input:
 *
 *   Let v = sum h[k] x[k], k = 0 .. N-1, be what it would read of the frames as they came. It reads
 *   sum h[k] g[k] x[k] of what goes out, where g[k] is the mean of the held gains q[k] ..
 *   q[k+L-1], L the look-ahead. Summed by q: N-1 pairs  q P + q' S  with q = q[j-1],
 *   q' = q[j-1+L], P = sum of h[k] x[k] over k < j and S = v - P; and L-N+1 times q v; all over L.
 *
 *   The estimate saw v and every x[k], and each of these q is held for v, so that |q v| <= c, and
 *   for every x[k] at its side, so that |q x[k]| <= c, where c is the ceiling it was given. Now
 *   q P + q' S  =  q' v + (q - q') P  =  q v + (q' - q) S  is at most c (1 + m), with m the lesser
 *   of the sums of |h[k]| over k < j and over k >= j. The reading is at most c (1 + M / L), where
 *   M, the sum of m over j = 1 .. N-1, is 2.40 for Annex 2 and 3.82 for our own interpolator, and
 *   L >= LOOKAHEAD_MIN: 0.31 and 0.49 dB over c.
 *
 *   c is CEILING_MARGIN_DB, or 5.9 %, below the ceiling that a person sets (design.c). Annex 2 may
 *   read 3.6 % over c; where a fade mixes what comes out with something else below c, or with
 *   silence, it reads at most 2.40 / f times 2 c, or c, more, where 1 / f is the fade's steepest
 * step and f >= 588. With fades of chains, slots and mute at once that is 2.1 %.
 *
 * Reckoned in reductions, 1 - gain: at rest all of them are exactly 0, and the limiter is a delay.
 */
#pragma once

#include "lanes.h"
#include "true_peak.h"

#include <string.h>

#define LOOKAHEAD_S 1.5e-3
#define LOOKAHEAD_MIN 66  /* frames; at 44.1 kHz */
#define LOOKAHEAD_MAX 320 /* frames; enough for 192 kHz */
#define DELAY_MAX (LOOKAHEAD_MAX + 2 * REACH - 1)
#define LET_GO 1e-13 /* taken off the reduction with every frame, so that it comes to its end */

typedef struct {
    lanes ceiling, release;
} limiter_coefficients;

typedef struct {
    /* This window's reductions; ahead of window_at, the last one's suffix maxima; then a 0. */
    lanes needed[DELAY_MAX + 2];
    lanes needed_most; /* of this window so far */
    lanes held;        /* after release */
    lanes held_past[LOOKAHEAD_MAX];
    lanes held_sum;   /* of held_past */
    lanes held_fresh; /* the sum as it comes out new, so that rounding never adds up */
    lanes reduction;  /* newest */
    lanes delayed[DELAY_MAX];
    float recent[(TAPS - 1) * 4]; /* frames before this chunk, for the estimate */
    uint32_t window_at;           /* 0 .. delay */
    uint32_t mean_at;             /* 0 .. lookahead - 1 */
    uint32_t delay_at;            /* 0 .. delay - 1 */
    uint32_t quiet;               /* frames for which nothing was held */
    uint32_t lookahead;           /* frames */
    uint32_t delay;               /* frames */
} limiter_state;

/* Frames of look-ahead at `rate`. */
INLINE uint32_t limiter_lookahead(double rate)
{
    const double frames = LOOKAHEAD_S * rate + 0.5;

    return frames < LOOKAHEAD_MIN   ? LOOKAHEAD_MIN
           : frames > LOOKAHEAD_MAX ? LOOKAHEAD_MAX
                                    : (uint32_t)frames;
}

INLINE uint32_t limiter_delay(double rate)
{
    return limiter_lookahead(rate) + 2 * REACH - 1;
}

INLINE void limiter_rest(limiter_state *state, int slot)
{
    for (uint32_t i = 0; i <= state->delay; i++)
        lanes_put(&state->needed[i], slot, 0);
    for (uint32_t i = 0; i < state->lookahead; i++)
        lanes_put(&state->held_past[i], slot, 0);
    for (uint32_t i = 0; i < state->delay; i++)
        lanes_put(&state->delayed[i], slot, 0);
    for (uint32_t i = 0; i < TAPS - 1; i++)
        state->recent[4 * i + 2 * (uint32_t)slot] = state->recent[4 * i + 2 * (uint32_t)slot + 1] =
            0;
    lanes_put(&state->needed_most, slot, 0);
    lanes_put(&state->held, slot, 0);
    lanes_put(&state->held_sum, slot, 0);
    lanes_put(&state->held_fresh, slot, 0);
    lanes_put(&state->reduction, slot, 0);
}

/* Take the frames into the window, and what they leave for the next ones. */
INLINE void limiter_look(limiter_state *state, frame_window *window, const lanes *frames,
                         uint32_t count)
{
    memcpy(window->at, state->recent, sizeof state->recent);
    window_fill(window, frames, count);
    memcpy(state->recent, &window->at[4 * count], sizeof state->recent);
}

/* The reduction that each frame's neighbourhood needs, REACH frames after it came, in both
 * channels. */
INLINE void limiter_needs(const limiter_coefficients *c, const frame_window *window, lanes *needed,
                          uint32_t count)
{
    for (uint32_t n = 0; n < count; n += 2) {
        const lanes peak = window_peak(window, n);
        const lanes over = lanes_max(peak - c->ceiling, LANES(0));
        const lanes reduction = over / lanes_max(peak, c->ceiling);

        needed[n] = lanes_earlier(reduction);
        needed[n + 1] = lanes_later(reduction);
    }
}

/* Nothing was to be turned down for so long that every reduction kept is 0: only delay. */
INLINE void limiter_pass(limiter_state *state, lanes *frames, uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        const uint32_t left = state->delay - state->delay_at;
        const uint32_t run = count - done < left ? count - done : left;
        lanes *delayed = &state->delayed[state->delay_at];

        for (uint32_t n = 0; n < run; n++) {
            const lanes late = delayed[n];

            delayed[n] = frames[done + n];
            frames[done + n] = late;
        }
        state->delay_at = run == left ? 0 : state->delay_at + run;
        done += run;
    }
    state->window_at = (state->window_at + count) % (state->delay + 1);
    state->mean_at = (state->mean_at + count) % state->lookahead;
}

INLINE uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A run of frames in which none of window, mean and delay line comes to its end before the last. */
INLINE void limiter_turn(const limiter_coefficients *c, limiter_state *state, const lanes *needed,
                         lanes *frames, uint32_t count)
{
    const double share = 1.0 / (double)state->lookahead;
    lanes *window = &state->needed[state->window_at];
    lanes *past = &state->held_past[state->mean_at];
    lanes *delayed = &state->delayed[state->delay_at];
    lanes most = state->needed_most, held = state->held;
    lanes sum = state->held_sum, fresh = state->held_fresh;

    for (uint32_t n = 0; n < count; n++) {
        most = lanes_max(most, needed[n]);
        held = lanes_max(held * c->release - LET_GO, lanes_max(most, window[n + 1]));
        window[n] = needed[n];
        sum += held - past[n];
        fresh += held;
        past[n] = held;
        const lanes late = delayed[n];
        delayed[n] = frames[n];
        frames[n] = lanes_clamp(late * (1.0 - sum * share), c->ceiling);
    }
    state->needed_most = most;
    state->held = held;
    state->held_sum = sum;
    state->held_fresh = fresh;
    state->reduction = sum * share;
}

INLINE void limiter_advance(limiter_state *state, uint32_t count)
{
    state->window_at += count;
    state->mean_at += count;
    state->delay_at += count;
    if (state->window_at > state->delay) {
        for (uint32_t i = state->delay; i > 0; i--)
            state->needed[i - 1] = lanes_max(state->needed[i - 1], state->needed[i]);
        state->needed_most = LANES(0);
        state->window_at = 0;
    }
    if (state->mean_at == state->lookahead) {
        state->held_sum = state->held_fresh;
        state->held_fresh = LANES(0);
        state->mean_at = 0;
    }
    if (state->delay_at == state->delay)
        state->delay_at = 0;
}

/* Returns the slots whose frames were no sound: not a number, or `limit` or more. */
INLINE uint32_t limiter_run(const limiter_coefficients *c, limiter_state *state, lanes *frames,
                            uint32_t count, double limit)
{
    lanes needed[CHUNK + 1];
    frame_window window;

    limiter_look(state, &window, frames, count);
    const window_extent extent = window_measure(&window, count);
    const int near = lanes_outside(extent.most * GROWTH, c->ceiling) != 0;

    if (near)
        limiter_needs(c, &window, needed, count);
    else if (state->quiet <= state->delay + 2 * state->lookahead + CHUNK)
        memset(needed, 0, sizeof needed);
    else {
        limiter_pass(state, frames, count);
        return lanes_outside(extent.sum, LANES(limit));
    }
    for (uint32_t n = 0; n < count;) {
        uint32_t run = least_of(count - n, state->delay + 1 - state->window_at);

        run = least_of(run, state->lookahead - state->mean_at);
        run = least_of(run, state->delay - state->delay_at);
        limiter_turn(c, state, &needed[n], &frames[n], run);
        limiter_advance(state, run);
        state->quiet = near || lanes_any(state->held) ? 0 : state->quiet + run;
        n += run;
    }
    return lanes_outside(extent.sum, LANES(limit));
}
