/*
 * The audio callback and the state it keeps between calls.
 *
 * The engine is private to the audio process. Its memory (ag06_engine_bytes(), page-aligned,
 * zeroed) is the caller's; ag06_engine_init() readies it. From then on ag06_callback() takes no
 * lock, allocates nothing and makes no system call but clock_gettime, except that its first call
 * asks for real-time scheduling.
 */
#pragma once

#include "ag06_arena.h"

typedef struct ag06_engine ag06_engine;

uint64_t ag06_engine_bytes(void);

/*
 * `priority`: SCHED_FIFO priority to ask for, 0 to leave the thread's scheduling alone.
 * A new stream begins at the ring's present position, faded in from silence.
 */
void ag06_engine_init(ag06_engine *engine, ag06_arena *arena, int priority);

/*
 * PortAudio's PaStreamCallback: interleaved float32, two channels each way; `userdata` is the
 * engine. A null input counts as silence. Always returns paContinue (0).
 */
int ag06_callback(const void *input, void *output, unsigned long frames, const void *time_info,
                  unsigned long flags, void *userdata);

/* PortAudio's PaStreamFinishedCallback. */
void ag06_finished(void *userdata);
