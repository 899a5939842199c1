/*
 * Features of sound, hop by hop of 10 ms: one pass, nothing allocated after ag06_features_new().
 *
 * A stream is one channel, or two and their mid (left + right) / 2. Spectral features are of the
 * last `window` frames (2048 at 48 kHz) under a periodic Hann window; its power spectrum is scaled
 * so that a full-scale sine has 1 in its bin. Levels are in dB, of full scale 1; what is lower
 * than AG06_FEATURE_FLOOR_DB is told as that. Definitions, where not said otherwise, are those of
 * Peeters, "A large set of audio features" (IRCAM, 2004). The same sound gives the same bits,
 * whatever it was cut from.
 */
#pragma once

#include "ag06_meter.h"

#define AG06_FEATURE_SIGNALS 3 /* left or the only one, right, mid */
#define AG06_MELS 40
#define AG06_MFCCS 13
#define AG06_CHROMAS 12
#define AG06_OCTAVES 10 /* 31.5 Hz to 16 kHz */

enum { AG06_FEATURE_FLOOR_DB = -120 };

/* What to extract; the rest stays 0. */
#define AG06_FEATURES_LEVEL 1    /* rms, peak, crest, DC, zero crossings, noise floor */
#define AG06_FEATURES_SPECTRUM 2 /* centroid to slope */
#define AG06_FEATURES_MFCC 4     /* and mel bands */
#define AG06_FEATURES_TONE 8     /* chroma, octave bands */
#define AG06_FEATURES_PITCH 16   /* F0, voicing, harmonics to noise */
#define AG06_FEATURES_HUM 32
#define AG06_FEATURES_METER 64 /* true peak, loudness, correlation, balance */
#define AG06_FEATURES_ALL 127

/* Of one signal. */
typedef struct {
    float rms_db;
    float peak_db;
    float true_peak_db;          /* BS.1770-5 Annex 2 */
    float crest_db;              /* peak over rms; 0 for silence */
    float dc_offset;             /* mean of the window */
    float zero_crossing_rate;    /* changes of sign per second */
    float spectral_centroid;     /* Hz, weighted by magnitude, as spread and slope */
    float spectral_spread;       /* Hz */
    float spectral_rolloff;      /* Hz, below which the asked share of the energy lies */
    float spectral_flatness;     /* geometric over arithmetic mean of the power: 1 noise, 0 tone */
    float spectral_flux;         /* root of the summed squared rises of the normalised magnitudes */
    float spectral_slope;        /* 1/Hz, of the normalised magnitudes */
    float f0;                    /* Hz, 0 for silence; YIN, 50 Hz to 1 kHz */
    float voicing;               /* 1 - YIN's normalised difference at f0, 0 to 1 */
    float hnr_db;                /* harmonics to noise, below 6 kHz: -20 to 40 */
    float hum_50_db;             /* 50 Hz and its harmonics to 500 Hz, over the last second */
    float hum_60_db;             /* 60 Hz and its harmonics to 600 Hz */
    float noise_floor_db;        /* quietest 100 ms of the last 10 s, rms */
    float log_mel_db[AG06_MELS]; /* Slaney's bands from 0 to half the rate */
    float mfcc[AG06_MFCCS];      /* orthonormal DCT-II of them */
    float chroma[AG06_CHROMAS];  /* from C on, the largest 1; all 0 for silence */
    float octave_db[AG06_OCTAVES];
} ag06_signal_features;

/* Of one hop; of one channel what is known ends after the first signal, and the rest is 0. */
typedef struct {
    float correlation;     /* left and right, the last 400 ms, -1 to 1 */
    float balance;         /* the last 400 ms, -1 all left to 1 all right, by energy */
    float momentary_lufs;  /* the last 400 ms */
    float short_term_lufs; /* the last 3 s */
    ag06_signal_features signals[AG06_FEATURE_SIGNALS];
} ag06_hop_features;

typedef struct ag06_features ag06_features;

/*
 * `rate` is 8000 to 192000 frames per second, `channels` 1 or 2, `groups` of AG06_FEATURES_*,
 * `rolloff` the share of energy, 0 to 1. Null when one is none of these, or memory is short.
 */
ag06_features *ag06_features_new(uint32_t rate, uint32_t channels, uint32_t groups, double rolloff);

void ag06_features_free(ag06_features *features);

uint32_t ag06_features_hop(const ag06_features *features);    /* frames */
uint32_t ag06_features_window(const ag06_features *features); /* frames */

/* Forget the past, as after frames were lost. */
void ag06_features_reset(ag06_features *features);

/* Take in `hops` hops of interleaved frames, and give as many results. NaN counts as silence. */
void ag06_features_extract(ag06_features *features, const float *frames, uint32_t hops,
                           ag06_hop_features *results);
