/*
 * The recording device: a clock thread that plays frames from memory through ag06_callback(), as
 * a sound card would.
 *
 * Free-running it keeps time by CLOCK_MONOTONIC. In lockstep it keeps no time: it runs as fast as
 * the slowest of its readers' cells allows, so that nothing is ever lost and every run is alike.
 */
#pragma once

#include "ag06_engine.h"
#include "ag06_host.h"

#define AG06_LOCKSTEP_CELLS 16

typedef struct {
    ag06_engine *engine;
    const float *frames; /* interleaved, AG06_CHANNELS each */
    uint64_t frame_count;
    uint32_t rate;  /* frames per second */
    uint32_t block; /* frames per callback */
    int32_t loop;   /* play again and again, or once */
    int32_t lockstep;
    const ag06_host_cell *cells[AG06_LOCKSTEP_CELLS]; /* readers to wait for, in lockstep */
    uint32_t cell_count;
    ag06_atomic_u32 stop;  /* asks the thread to end */
    ag06_atomic_u32 ended; /* the thread is past its last callback */
    uint64_t thread;       /* pthread_t */
    float input[AG06_BLOCK_MAX * AG06_CHANNELS];
    float output[AG06_BLOCK_MAX * AG06_CHANNELS];
} ag06_recording;

/* Start the clock thread; 0 or an errno. The struct must stay in place until stopped. */
int ag06_recording_start(ag06_recording *recording);

/* Ask the thread to end and wait for it. */
void ag06_recording_stop(ag06_recording *recording);
