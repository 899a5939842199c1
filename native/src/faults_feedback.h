/* Feedback in one channel: a narrow peak that grows by as many dB in each moment, until it howls.
 */
#pragma once

#include "ag06_faults.h"

#include "fft.h"

#define FEEDBACK_TRACKS 6
#define FEEDBACK_HARMONICS 4
#define FEEDBACK_KEPT 80 /* hops */

/* A peak that is followed. */
typedef struct {
    uint32_t length;               /* hops that it was there, FEEDBACK_KEPT at most; 0: no track */
    uint32_t missed;               /* hops since it was seen */
    float bin;                     /* where it is, between bins */
    float level_db[FEEDBACK_KEPT]; /* the newest last */
    float bins[FEEDBACK_KEPT];
    float noise[FEEDBACK_KEPT]; /* what is beside it, as a share of its power */
    float harmonics_db[FEEDBACK_HARMONICS][FEEDBACK_KEPT];
    float grown_db; /* how far it grew steadily */
    float db_a_second;
    uint32_t since; /* hops since it began to grow */
    float most_db;  /* its highest level since */
} feedback_track;

typedef struct {
    ag06_fft *fft;
    uint32_t shortest; /* line in hops: note attacks are shorter, as the window smears them */
    uint32_t window, low, high; /* frames; bins between which peaks are looked for */
    float hz_a_bin, scale, strongest_db;
    uint32_t past_at; /* of the ring of samples: the oldest */
    float *past, *taper, *tapered, *re, *im, *power;
    feedback_track tracks[FEEDBACK_TRACKS];
} feedback_faults;

/* Spectra are of `window` samples at `rate`; peaks are looked for between two frequencies. */
int feedback_faults_init(feedback_faults *feedback, double rate, uint32_t window, double low_hz,
                         double high_hz);
void feedback_faults_free(feedback_faults *feedback);
void feedback_faults_reset(feedback_faults *feedback);

/* A hop of `count` samples, which are `frames` of the sound; what is found is told where it is more
 * than what the result has. */
void feedback_faults_take(feedback_faults *feedback, const float *samples, uint32_t count,
                          uint32_t frames, ag06_tone_faults *result);
