/* Our own output in the input: dry that has in it, some time later, what was sent as wet. */
#pragma once

#include "ag06_faults.h"

typedef struct faults_loop faults_loop;

/* Null when memory is short; free takes null. */
faults_loop *faults_loop_new(uint32_t rate, uint32_t channels);
void faults_loop_free(faults_loop *loop);
void faults_loop_reset(faults_loop *loop);

/* One hop of each channel; `wet` may be null, for not known. */
void faults_loop_take(faults_loop *loop, const float *const dry[2], const float *const wet[2],
                      uint32_t frames, ag06_loop_faults *result);
