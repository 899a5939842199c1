/*
 * The running chain: both slots and both channels at once, one SIMD lane each.
 *
 *   lane   0        1         2        3
 *          A left   A right   B left   B right
 *
 * Double precision throughout, so that a high-pass at 20 Hz and 192 kHz is as clean as any other
 * filter and no stage has to be written with care for rounding.
 */
#pragma once

#include "ag06_chain.h"

#define LOOKAHEAD_S 1.5e-3
#define LOOKAHEAD_MAX 320 /* frames; enough for 192 kHz */
#define CHUNK 64          /* frames that the chain is run over at a time */

typedef double lanes __attribute__((vector_size(32)));
typedef int64_t lane_bits __attribute__((vector_size(32)));
typedef uint64_t lane_words __attribute__((vector_size(32))); /* where the sum may wrap */

typedef struct {
    lanes b0, b1, b2, a1, a2;
} lane_biquad;

/* The ag06_chain_block of each slot, spread over its lanes. */
typedef struct {
    lanes trim;
    lane_biquad filters[AG06_FILTERS];
    lanes comp_threshold_db, comp_slope, comp_knee_db, comp_attack, comp_release, comp_makeup_db;
    lanes limiter_ceiling, limiter_release;
    lanes level;
} chain_coefficients;

typedef struct {
    lanes s1[AG06_FILTERS]; /* transposed direct form II */
    lanes s2[AG06_FILTERS];
    lanes comp_db; /* smoothed gain, <= 0 */
    /* Limiter: needed gain -> minimum over lookahead + 1 -> release -> mean over lookahead. */
    lanes needed[LOOKAHEAD_MAX + 1]; /* this window's needs; ahead of `at`, the last one's suffix minima */
    lanes needed_least;              /* least of this window so far */
    lanes held;                      /* after release */
    lanes held_past[LOOKAHEAD_MAX];
    lanes held_sum;   /* of held_past */
    lanes held_fresh; /* the sum as it comes out new, so that rounding never adds up */
    lanes delayed[LOOKAHEAD_MAX];
    lanes limiter_gain; /* newest */
    uint32_t window_at; /* 0 .. lookahead */
    uint32_t delay_at;  /* 0 .. lookahead - 1 */
    uint32_t lookahead; /* frames */
} chain_state;

/* Spread slot `slot`'s block over its lanes. */
void chain_set_slot(chain_coefficients *coefficients, int slot, const ag06_chain_block *block);

/* Silence in every delay and every gain at rest. */
void chain_reset(chain_state *state, uint32_t lookahead);

/* The same for one slot, in step with the other, which runs on. */
void chain_reset_slot(chain_state *state, int slot);

/* Run `count` (<= CHUNK) frames in place. Returns the slots (bit 0 A, bit 1 B) that went mad: whose
 * frames hold NaN or are beyond all reason. */
uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, lanes *frames,
                   uint32_t count);

/* dB by which the slot's compressor and limiter turn down at present, >= 0. */
double chain_reduction_db(const chain_state *state, int slot);
