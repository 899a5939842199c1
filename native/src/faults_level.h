/* Loudness over half a minute against a target. */
#pragma once

#include "ag06_faults.h"

#include "meter.h"

#define LEVEL_SLOTS 300 /* blocks of 400 ms, one each 100 ms: 30 s */
#define LEVEL_HOPS 40   /* of a block */
#define LEVEL_BINS 90   /* of 1 LU, from -70 LUFS up */

typedef double level_pair __attribute__((vector_size(16)));

typedef struct {
    uint32_t channels;
    float target_lufs;
    ag06_meter_section shelf, highpass;
    level_pair shelf_state[2], highpass_state[2];
    double hops[LEVEL_HOPS]; /* mean squares, K-weighted, channels added */
    double blocks[LEVEL_SLOTS];
    uint32_t hop, taken, block, filled;
    float lufs, over_lu, under_lu; /* as last found */
} level_faults;

void level_faults_init(level_faults *level, uint32_t rate, uint32_t channels, float target_lufs);
void level_faults_reset(level_faults *level);

/* One hop of what is listened to. */
void level_faults_take(level_faults *level, const float *const sound[2], uint32_t frames,
                       ag06_level_faults *result);
