/* The chain, stage by stage, over a chunk that stays in the first-level cache. */
#include "chain.h"

#include "lanes.h"

#include <math.h>
#include <string.h>

#define DB_PER_OCTAVE 6.0205999132796239 /* 20 log10 2 */
#define SILENCE 1e-10                    /* -200 dBFS: keeps the logarithm's argument positive */
#define RUNAWAY_INSIDE 1e12              /* +240 dBFS: nothing that a sane filter makes of any input */
#define RUNAWAY 1e6                      /* +120 dBFS: nothing that a sane chain puts out */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                              \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MULTIVERSION __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define MULTIVERSION
#endif

void chain_set_slot(chain_coefficients *coefficients, int slot, const ag06_chain_block *block)
{
    for (int lane = 2 * slot; lane < 2 * slot + 2; lane++) {
        coefficients->trim[lane] = block->trim;
        for (int i = 0; i < AG06_FILTERS; i++) {
            coefficients->filters[i].b0[lane] = block->filters[i].b0;
            coefficients->filters[i].b1[lane] = block->filters[i].b1;
            coefficients->filters[i].b2[lane] = block->filters[i].b2;
            coefficients->filters[i].a1[lane] = block->filters[i].a1;
            coefficients->filters[i].a2[lane] = block->filters[i].a2;
        }
        coefficients->comp_threshold_db[lane] = block->comp_threshold_db;
        coefficients->comp_slope[lane] = block->comp_slope;
        coefficients->comp_knee_db[lane] = block->comp_knee_db;
        coefficients->comp_attack[lane] = block->comp_attack;
        coefficients->comp_release[lane] = block->comp_release;
        coefficients->comp_makeup_db[lane] = block->comp_makeup_db;
        coefficients->limiter_ceiling[lane] = block->limiter_ceiling;
        coefficients->limiter_release[lane] = block->limiter_release;
        coefficients->level[lane] = block->level;
    }
}

void chain_reset_slot(chain_state *state, int slot)
{
    for (int lane = 2 * slot; lane < 2 * slot + 2; lane++) {
        for (int i = 0; i < AG06_FILTERS; i++)
            state->s1[i][lane] = state->s2[i][lane] = 0;
        state->comp_db[lane] = 0;
        for (uint32_t i = 0; i <= state->lookahead; i++)
            state->needed[i][lane] = 1;
        for (uint32_t i = 0; i < state->lookahead; i++) {
            state->held_past[i][lane] = 1;
            state->delayed[i][lane] = 0;
        }
        state->needed_least[lane] = 1;
        state->held[lane] = 1;
        state->held_sum[lane] = (double)state->lookahead;
        state->held_fresh[lane] = (double)state->delay_at;
        state->limiter_gain[lane] = 1;
    }
}

void chain_reset(chain_state *state, uint32_t lookahead)
{
    memset(state, 0, sizeof *state);
    state->lookahead = lookahead;
    for (int slot = 0; slot < AG06_SLOTS; slot++)
        chain_reset_slot(state, slot);
}

/* One pass through all sections for each frame, so that the sections overlap in the pipeline. */
INLINE void run_filters(const chain_coefficients *c, chain_state *state, lanes *frames,
                        uint32_t count)
{
    lanes s1[AG06_FILTERS];
    lanes s2[AG06_FILTERS];

    memcpy(s1, state->s1, sizeof s1);
    memcpy(s2, state->s2, sizeof s2);
    for (uint32_t n = 0; n < count; n++) {
        lanes x = frames[n] * c->trim;
#pragma GCC unroll 6
        for (int i = 0; i < AG06_FILTERS; i++) {
            const lane_biquad *f = &c->filters[i];
            const lanes y = f->b0 * x + s1[i];

            s1[i] = (f->b1 * x + s2[i]) - f->a1 * y;
            s2[i] = f->b2 * x - f->a2 * y;
            x = y;
        }
        frames[n] = x;
    }
    memcpy(state->s1, s1, sizeof s1);
    memcpy(state->s2, s2, sizeof s2);
}

/*
 * Feed-forward compressor, stereo linked: gain computer with a quadratic knee in dB, then smooth
 * branching attack and release on the gain (Giannoulis, Massberg and Reiss 2012, eqs. 4 and 17).
 */
INLINE void run_compressor(const chain_coefficients *c, chain_state *state, lanes *frames,
                           uint32_t count)
{
    const lanes knee = c->comp_knee_db;
    lanes gain_db[CHUNK];
    lanes smoothed = state->comp_db;

    for (uint32_t n = 0; n < count; n++) {
        const lanes level = lanes_max(lanes_linked_peak(frames[n]), LANES(SILENCE));
        const lanes over = lanes_log2(level) * DB_PER_OCTAVE - c->comp_threshold_db;
        const lanes within = lanes_min(lanes_max(over + knee * 0.5, LANES(0)), knee);
        const lanes beyond = lanes_max(over - knee * 0.5, LANES(0));

        gain_db[n] = c->comp_slope * (within * within / (knee * 2.0) + beyond);
    }
    for (uint32_t n = 0; n < count; n++) {
        const lanes distance = smoothed - gain_db[n];

        smoothed = gain_db[n] +
                   lanes_select(distance > 0.0, c->comp_attack, c->comp_release) * distance;
        gain_db[n] = smoothed;
    }
    for (uint32_t n = 0; n < count; n++)
        frames[n] *= lanes_exp2((gain_db[n] + c->comp_makeup_db) * (1.0 / DB_PER_OCTAVE));
    state->comp_db = smoothed;
}

/*
 * Look-ahead limiter, stereo linked. The gain that each frame needs is held for lookahead + 1
 * frames (running minimum after van Herk), released exponentially, and averaged over lookahead
 * frames: when a peak leaves the delay line, every gain in the mean is low enough for it.
 */
INLINE void run_limiter(const chain_coefficients *c, chain_state *state, lanes *frames,
                        uint32_t count)
{
    const uint32_t lookahead = state->lookahead;
    const double share = 1.0 / (double)lookahead;

    for (uint32_t n = 0; n < count; n++) {
        const lanes peak = lanes_linked_peak(frames[n]);
        const lanes need = c->limiter_ceiling / lanes_max(peak, c->limiter_ceiling);
        const uint32_t w = state->window_at;
        const uint32_t d = state->delay_at;

        state->needed_least = lanes_min(state->needed_least, need);
        const lanes least = w < lookahead ? lanes_min(state->needed_least, state->needed[w + 1])
                                          : state->needed_least;
        state->needed[w] = need;
        state->window_at = w + 1;
        if (w == lookahead) {
            for (uint32_t i = lookahead; i > 0; i--)
                state->needed[i - 1] = lanes_min(state->needed[i - 1], state->needed[i]);
            state->needed_least = LANES(1);
            state->window_at = 0;
        }

        state->held = lanes_min(least, 1.0 - (1.0 - state->held) * c->limiter_release);
        state->held_sum += state->held - state->held_past[d];
        state->held_fresh += state->held;
        state->held_past[d] = state->held;

        const lanes delayed = state->delayed[d];
        state->delayed[d] = frames[n];
        state->limiter_gain = state->held_sum * share;
        frames[n] = lanes_clamp(delayed * state->limiter_gain, c->limiter_ceiling) * c->level;

        state->delay_at = d + 1;
        if (state->delay_at == lookahead) {
            state->delay_at = 0;
            state->held_sum = state->held_fresh;
            state->held_fresh = LANES(0);
        }
    }
}

/* The slots, a bit each, with a frame that is not a number or not below `limit`. */
INLINE uint32_t insane(const lanes *frames, uint32_t count, double limit)
{
    lane_bits sane = LANE_BITS(-1);

    for (uint32_t n = 0; n < count; n++)
        sane &= lanes_abs(frames[n]) < limit;
    return (sane[0] & sane[1] ? 0 : 1u) | (sane[2] & sane[3] ? 0 : 2u);
}

/* Asked before the limiter too, which would hold a filter that runs away at its ceiling. */
MULTIVERSION
uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, lanes *frames,
                   uint32_t count)
{
    run_filters(coefficients, state, frames, count);
    run_compressor(coefficients, state, frames, count);
    const uint32_t before = insane(frames, count, RUNAWAY_INSIDE);
    run_limiter(coefficients, state, frames, count);
    return before | insane(frames, count, RUNAWAY);
}

double chain_reduction_db(const chain_state *state, int slot)
{
    return -state->comp_db[2 * slot] - 20 * log10(state->limiter_gain[2 * slot]);
}
