/* Hum of the mains in one channel: lines at 50 or 60 Hz and its multiples that stand for seconds.
 */
#pragma once

#include "ag06_faults.h"

#include "decimate.h"
#include "faults_lines.h"

#define HUM_FAULT_HARMONICS 10

typedef struct {
    decimator decimator; /* to about 2 kHz */
    line_history lines;
    uint32_t hops;   /* until the next spectrum */
    uint32_t target; /* the line that is looked at next, of those of both mains; after them: none */
    line_reading of[2][HUM_FAULT_HARMONICS];
    float over_db, level_db, mains_hz, harmonic_hz, harmonics; /* as last found */
} hum_faults;

/* `rate` is about 12 kHz. */
int hum_faults_init(hum_faults *hum, double rate);
void hum_faults_free(hum_faults *hum);
void hum_faults_reset(hum_faults *hum);

/* A hop of `count` values, which are `frames` of the sound. */
void hum_faults_take(hum_faults *hum, const float *samples, uint32_t count, uint32_t frames,
                     ag06_tone_faults *result);
