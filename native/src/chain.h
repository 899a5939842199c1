/*
 * The running chain: both slots and both channels at once, one SIMD lane each.
 *
 *   lane   0        1         2        3
 *          A left   A right   B left   B right
 *
 * Double precision throughout, so that a high-pass at 20 Hz and 192 kHz is as clean as any other
 * filter and no stage has to be written with care for rounding. Each stage stands in a header of
 * its own, coefficients, state and loop, and is inlined into chain_run().
 */
#pragma once

#include "comp.h"
#include "deess.h"
#include "gate.h"
#include "limiter.h"

/* The parts that may be switched off, as bits; what is off in both slots is not run. */
#define PART_HIGHPASS 0 /* and the one after */
#define PART_EQ 2       /* and the three after */
#define PART_GATE 6
#define PART_DEESS 7
#define PART_COMP 8
#define PART_SIDECHAIN 9

typedef struct {
    /* The doubles of an ag06_chain_block, in their order, each spread over its slot's lanes. */
    lanes trim;
    lane_biquad highpass[2];
    gate_coefficients gate;
    lane_biquad eq[4];
    deess_coefficients deess;
    comp_coefficients comp;
    limiter_coefficients limiter;
    lanes level;
    uint32_t parts[AG06_SLOTS]; /* that are on */
} chain_coefficients;

typedef struct {
    biquad_state highpass[2];
    gate_state gate;
    biquad_state eq[4];
    deess_state deess;
    comp_state comp;
    limiter_state limiter;
} chain_state;

/* Put slot `slot` at rest where `block` does nothing, and spread the block over its lanes. */
void chain_set_slot(chain_coefficients *coefficients, chain_state *state, int slot,
                    const ag06_chain_block *block);

/* Silence in every delay and every gain at rest; `rate` sets the limiter's look-ahead. */
void chain_reset(chain_state *state, double rate);

/* Likewise for one slot, while the other goes on. */
void chain_reset_slot(chain_state *state, int slot);

/*
 * Run `count` (<= CHUNK) frames of interleaved stereo through both slots; returns the slots that
 * went mad: bit 0 slot A, bit 1 slot B. A slot is mad when a frame of it, before or after its
 * limiter, or what it remembers, is not a number or nothing that a sane chain makes of a sane
 * input.
 */
uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, const float *dry,
                   lanes *frames, uint32_t count);

/* What each stage of a slot does at present. */
ag06_reduction chain_reduction(const chain_state *state, int slot);
