/* A steady tone in one channel: a line from 100 Hz up that outlasts any note. */
#pragma once

#include "ag06_faults.h"

#include "faults_lines.h"

#define STEADY_CANDIDATES 6

typedef struct {
    line_history lines;
    uint32_t hop;       /* of a round of looking: see steady_faults_take() */
    uint32_t low, high; /* bins between which a tone is looked for */
    uint32_t candidates, looked;
    uint32_t candidate[STEADY_CANDIDATES];
    line_reading best, now;
    float hum_hz; /* whose multiples are no tones; 0: of none */
} steady_faults;

int steady_faults_init(steady_faults *steady, uint32_t rate);
void steady_faults_free(steady_faults *steady);
void steady_faults_reset(steady_faults *steady);

/* Returns the power spectrum where one was taken, else null: steady->lines tells of what. */
const float *steady_faults_take(steady_faults *steady, const float *samples, uint32_t frames,
                                ag06_tone_faults *result);
