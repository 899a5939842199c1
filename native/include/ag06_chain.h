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
#define AG06_FILTERS 6 /* two high-pass sections, low shelf, two peaks, high shelf */

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
    double threshold_db; /* dBFS of the larger channel's sample */
    double ratio;        /* >= 1 */
    double knee_db;      /* full width */
    double attack_ms;    /* time constant, to 63 % of the step in dB */
    double release_ms;
    double makeup_db;
} ag06_comp_settings;

typedef struct {
    int32_t enabled;
    double ceiling_db; /* dBFS */
    double release_ms;
} ag06_limiter_settings;

typedef struct {
    ag06_gain_settings trim;
    ag06_highpass_settings highpass;
    ag06_eq_settings eq;
    ag06_comp_settings comp;
    ag06_limiter_settings limiter;
    ag06_gain_settings level;
} ag06_chain_settings;

/* y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2] */
typedef struct {
    double b0, b1, b2, a1, a2;
} ag06_biquad;

/* All that the callback needs to run one slot; immutable once published. */
typedef struct {
    uint64_t sequence; /* echoed when the block takes effect */
    double trim;       /* linear gain */
    ag06_biquad filters[AG06_FILTERS];
    double comp_threshold_db;
    double comp_slope;      /* 1 / ratio - 1; 0 when switched off */
    double comp_knee_db;    /* > 0 */
    double comp_attack;     /* one-pole coefficient per sample */
    double comp_release;    /* one-pole coefficient per sample */
    double comp_makeup_db;
    double limiter_ceiling; /* linear; infinite when switched off */
    double limiter_release; /* one-pole coefficient per sample */
    double level;           /* linear gain */
} ag06_chain_block;

/* Neutral settings: every stage in place and switched off, every gain 0 dB. */
void ag06_chain_neutral(ag06_chain_settings *settings);

/*
 * Coefficients for `settings` at `rate` frames per second, with sequence 0. Filters after
 * R. Bristow-Johnson's Audio EQ Cookbook; frequencies are kept below 0.49 of the rate.
 */
void ag06_chain_design(const ag06_chain_settings *settings, double rate, ag06_chain_block *block);

/* Frames by which the chain delays its input; the same for every setting. */
uint32_t ag06_chain_latency(double rate);
