/* The mains and its harmonics: amplitudes at known frequencies over one second. */
#pragma once

#include "ag06_features.h"

#include "decimate.h"

#define HUM_MAINS 2 /* 50 and 60 Hz */
#define HUM_HARMONICS 10
#define HUM_TONES 24 /* of both, made up to a multiple of 8 */
#define HUM_HOPS 100 /* one second */

typedef struct {
    decimator decimator;                            /* from about 12 kHz to about 2 */
    double rate;                                    /* the lower one */
    float step_cos[HUM_TONES], step_sin[HUM_TONES]; /* a turn by one value */
    double turns[HUM_TONES];                        /* a value */
    double phase[HUM_TONES];                        /* in turns, kept exact */
    float window[HUM_HOPS];                         /* Hann's, by age */
    float re[HUM_HOPS][HUM_TONES], im[HUM_HOPS][HUM_TONES];
    float values[HUM_HOPS]; /* of each hop, how many */
    uint32_t at;
} hum_meter;

void hum_init(hum_meter *hum, double rate);
void hum_reset(hum_meter *hum);

/* A hop at `rate`. */
void hum_run(hum_meter *hum, const float *values, uint32_t count, ag06_signal_features *features);
