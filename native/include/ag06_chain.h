/*
 * The DSP chain: what a person sets, and the coefficients the callback runs on.
 *
 * ag06_chain_design() turns the one into the other outside the callback, in double precision.
 * Both channels and both slots are processed together, one SIMD lane each.
 */
#pragma once

#include <stdint.h>

#define AG06_CHANNELS 2
#define AG06_SLOTS 2

typedef struct {
    double gain_db;
} ag06_gain_settings;

typedef struct {
    int32_t enabled;
    int32_t slope_db; /* 12 or 24 dB per octave */
    double frequency_hz;
} ag06_highpass_settings;

typedef struct {
    int32_t enabled;
    double threshold_db;  /* dBFS of the louder channel's peak, at which it opens */
    double hysteresis_db; /* it begins to close so far below the threshold */
    double ratio;         /* of the expander below the threshold; 1 does nothing, 20 is a gate */
    double range_db;      /* most that it turns down, >= 0 */
    double attack_ms;     /* time constant when opening */
    double hold_ms;       /* stays open for so long after the last peak */
    double release_ms;    /* time constant when closing */
} ag06_gate_settings;

typedef struct {
    int32_t enabled;
    double frequency_hz;
    double gain_db;
    double q; /* RBJ's Q; 0.7071 gives a shelf without overshoot */
} ag06_band_settings;

typedef struct {
    ag06_band_settings low;
    ag06_band_settings peak1;
    ag06_band_settings peak2;
    ag06_band_settings high;
} ag06_eq_settings;

typedef struct {
    int32_t enabled;
    double frequency_hz; /* above which sibilance is listened for and turned down */
    double threshold_db; /* dBFS of the louder channel's peak above frequency_hz */
    double ratio;        /* >= 1 */
    double range_db;     /* most that it turns down, >= 0 */
} ag06_deess_settings;

typedef struct {
    int32_t enabled;
    int32_t auto_makeup; /* add half the gain reduction at 0 dBFS */
    double threshold_db; /* dBFS of the louder channel's sample */
    double ratio;        /* >= 1 */
    double knee_db;      /* full width */
    double attack_ms;    /* time constant, to 63 % of the step in dB */
    double release_ms;
    double makeup_db;
    double sidechain_hz; /* high-pass before the detector, 12 dB per octave; 0: none */
} ag06_comp_settings;

typedef struct {
    int32_t enabled;
    double ceiling_db; /* dBTP */
    double release_ms;
} ag06_limiter_settings;

typedef struct {
    ag06_gain_settings trim;
    ag06_highpass_settings highpass;
    ag06_gate_settings gate;
    ag06_eq_settings eq;
    ag06_deess_settings deess;
    ag06_comp_settings comp;
    ag06_limiter_settings limiter;
    ag06_gain_settings level;
} ag06_chain_settings;

/*
 * Coefficients. Each struct holds doubles alone, in the order of its twin of lanes in src/, into
 * which it is spread; "one-pole" is the share of the distance that is left after one frame.
 */

/* y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2] */
typedef struct {
    double b0, b1, b2, a1, a2;
} ag06_biquad;

typedef struct {
    double threshold_db;
    double close_db; /* threshold less hysteresis */
    double slope;    /* ratio - 1 */
    double range_db; /* 0 when switched off */
    double envelope; /* one-pole, of the falling peak envelope */
    double attack;   /* one-pole */
    double release;  /* one-pole */
    double hold;     /* frames */
} ag06_gate_block;

typedef struct {
    ag06_biquad detector; /* high-pass */
    double pole;          /* of the first-order high-pass whose output is turned down */
    double threshold_db;
    double slope;    /* 1 - 1 / ratio */
    double range_db; /* 0 when switched off */
    double attack;   /* one-pole */
    double release;  /* one-pole */
} ag06_deess_block;

typedef struct {
    ag06_biquad sidechain;
    double threshold_db;
    double slope;     /* 1 / ratio - 1; 0 when switched off */
    double half_knee; /* dB, > 0 */
    double attack;    /* one-pole */
    double release;   /* one-pole */
    double makeup_db;
} ag06_comp_block;

typedef struct {
    double ceiling; /* linear, of the true peak; 1e30 when switched off */
    double release; /* one-pole */
} ag06_limiter_block;

/* All that the callback needs to run one slot; immutable once published. */
typedef struct {
    uint64_t sequence; /* echoed when the block takes effect */
    double trim;       /* linear gain */
    ag06_biquad highpass[2];
    ag06_gate_block gate;
    ag06_biquad eq[4]; /* low shelf, two peaks, high shelf */
    ag06_deess_block deess;
    ag06_comp_block comp;
    ag06_limiter_block limiter;
    double level; /* linear gain */
} ag06_chain_block;

/* dB by which each stage of a slot turns down, >= 0. */
typedef struct {
    float gate, deess, comp, limiter;
} ag06_reduction;

/* Neutral settings: every stage in place and switched off, every gain 0 dB. */
void ag06_chain_neutral(ag06_chain_settings *settings);

/*
 * Coefficients for `settings` at `rate` frames per second, with sequence 0. Filters after
 * R. Bristow-Johnson's Audio EQ Cookbook; frequencies are kept below 0.49 of the rate.
 */
void ag06_chain_design(const ag06_chain_settings *settings, double rate, ag06_chain_block *block);

/* Frames by which the chain delays its input; the same for every setting. */
uint32_t ag06_chain_latency(double rate);
