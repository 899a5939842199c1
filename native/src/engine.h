/* What the callback keeps between calls. */
#pragma once

#include "ag06_engine.h"
#include "chain.h"
#include "ramp.h"

struct ag06_engine {
    chain_coefficients coefficients;
    chain_state state;
    chain_change change;
    /* While fade_left > 0 the chain as it was before the last change runs beside it. */
    chain_coefficients old_coefficients;
    chain_state old_state;

    ag06_arena *arena;
    int priority;        /* SCHED_FIFO priority still to be asked for, 0 when done */
    int streaming;       /* the first callback was seen */
    uint32_t distrusted; /* frames still to be silenced after garbage */
    uint32_t fade_left;  /* frames; more than fade_frames before the new chain begins to be heard */
    uint32_t fade_frames; /* length of every crossfade */
    uint32_t lead_frames; /* that a new chain runs before its crossfade begins */

    ramp slot_b;  /* 0 slot A, 1 slot B */
    ramp bypass;  /* 0 chain, 1 delayed input */
    ramp audible; /* 0 muted, below 0 not begun, 1 heard */

    float delayed[DELAY_MAX * AG06_CHANNELS]; /* input, for bypass in step with the chain */
    uint32_t delayed_at;                      /* frame */
    uint32_t latency;                         /* frames */

    float dry[AG06_BLOCK_MAX * AG06_CHANNELS];
    float wet[AG06_BLOCK_MAX * AG06_CHANNELS];
};

/* Process `count` (<= AG06_BLOCK_MAX) finite frames of engine->dry into engine->wet; returns
 * how many times the NaN guard had to silence a slot. */
int engine_process(ag06_engine *engine, uint32_t count);
