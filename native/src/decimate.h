/* A stream at a lower rate: a windowed-sinc low-pass, of which every so many values is kept. */
#pragma once

#include <stdint.h>

#define DECIMATE_TAPS_A_STEP 16
#define DECIMATE_STEP_MAX 16
#define DECIMATE_TAPS_MAX (DECIMATE_TAPS_A_STEP * DECIMATE_STEP_MAX)
#define DECIMATE_INPUT_MAX 2048

typedef struct {
    uint32_t step; /* of how many values one is kept */
    uint32_t taps;
    uint32_t phase; /* values to go before the next is kept */
    float weights[DECIMATE_TAPS_MAX];
    float past[DECIMATE_TAPS_MAX + DECIMATE_INPUT_MAX];
} decimator;

/* Flat to 0.37 of the lower rate, 60 dB down from 0.5 on. */
void decimator_init(decimator *d, uint32_t step);
void decimator_reset(decimator *d);

/* `count` values, DECIMATE_INPUT_MAX at most; returns how many were kept. */
uint32_t decimator_run(decimator *d, const float *values, uint32_t count, float *kept);
