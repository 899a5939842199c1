/* The parts of a fault meter, each with a state of its own for one channel, or for the pair. */
#pragma once

#include "ag06_faults.h"

typedef struct faults_wave faults_wave;
typedef struct faults_tone faults_tone;
typedef struct faults_pair faults_pair;

/* Null when memory is short; free takes null. */
faults_wave *faults_wave_new(uint32_t rate);
void faults_wave_free(faults_wave *wave);
void faults_wave_reset(faults_wave *wave);
/* One hop of one channel; all samples are finite. */
void faults_wave_take(faults_wave *wave, const float *samples, uint32_t frames,
                      ag06_wave_faults *result);

faults_tone *faults_tone_new(uint32_t rate);
void faults_tone_free(faults_tone *tone);
void faults_tone_reset(faults_tone *tone);
void faults_tone_take(faults_tone *tone, const float *samples, uint32_t frames,
                      ag06_tone_faults *result);

faults_pair *faults_pair_new(uint32_t rate);
void faults_pair_free(faults_pair *pair);
void faults_pair_reset(faults_pair *pair);
/* One hop of both channels; `wet` of either is null where it is not known. */
void faults_pair_take(faults_pair *pair, const float *const dry[2], const float *const wet[2],
                      uint32_t frames, ag06_pair_faults *result);
