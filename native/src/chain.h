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
#define PART_DETECTOR 6 /* of the de-esser */
#define PART_SIDECHAIN 7
#define SECTIONS 8 /* the parts up to here are second-order sections */
#define PART_GATE 8
#define PART_DEESS 9
#define PART_COMP 10

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

/* The sections by number. */
INLINE const lane_biquad *chain_section(const chain_coefficients *c, int section)
{
    return section < PART_EQ          ? &c->highpass[section - PART_HIGHPASS]
           : section < PART_DETECTOR  ? &c->eq[section - PART_EQ]
           : section < PART_SIDECHAIN ? &c->deess.detector
                                      : &c->comp.sidechain;
}

INLINE biquad_state *chain_section_state(chain_state *state, int section)
{
    return section < PART_EQ          ? &state->highpass[section - PART_HIGHPASS]
           : section < PART_DETECTOR  ? &state->eq[section - PART_EQ]
           : section < PART_SIDECHAIN ? &state->deess.detector
                                      : &state->comp.sidechain;
}

/* On its way from one set of coefficients to another. */
typedef struct {
    biquad_left left[SECTIONS];
    lanes trim;        /* as it was */
    uint32_t sections; /* that change, a bit each */
    uint32_t at;       /* frames of the way gone */
    uint32_t frames;   /* its length; 0 when nothing changes */
} chain_change;

/* Take down sections and trim as they are, for a change over `frames`. */
void chain_change_begin(chain_change *change, const chain_coefficients *coefficients,
                        chain_state *state, uint32_t frames);

/* Go on as if nothing had changed in slot `slot`. */
void chain_change_drop(chain_change *change, const chain_coefficients *coefficients, int slot);

/*
 * Spread `block` over the lanes of slot `slot`. What it switches on or off begins at rest; sections
 * that it changes are handed over to `change`, unless that is null.
 */
void chain_set_slot(chain_coefficients *coefficients, chain_state *state, chain_change *change,
                    int slot, const ag06_chain_block *block);

/* Silence in every delay and every gain at rest; `rate` sets the limiter's look-ahead. */
void chain_reset(chain_state *state, double rate);

/* Likewise for one slot, while the other goes on. */
void chain_reset_slot(chain_state *state, int slot);

/*
 * Run `count` (<= CHUNK) frames of interleaved stereo through both slots, a way along `change`
 * unless that is null or at its end; returns the slots that
 * went mad: bit 0 slot A, bit 1 slot B. A slot is mad when a frame of it, before or after its
 * limiter, or what it remembers, is not a number or nothing that a sane chain makes of a sane
 * input.
 */
uint32_t chain_run(const chain_coefficients *coefficients, chain_state *state, chain_change *change,
                   const float *dry, lanes *frames, uint32_t count);

/* What each stage of a slot does at present. */
ag06_reduction chain_reduction(const chain_state *state, int slot);
