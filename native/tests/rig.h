/* An arena and an engine in memory, and the callback at the press of a function. */
#pragma once

#include "ag06_engine.h"
#include "atomic.h"
#include "check.h"

#include <math.h>
#include <string.h>

#define RIG_CALLBACK_MAX 16384 /* frames */

typedef struct {
    ag06_arena *arena;
    ag06_engine *engine;
    uint64_t sequence[AG06_SLOTS]; /* of the block published last */
} rig;

static inline void *rig_memory(uint64_t bytes)
{
    const uint64_t pages = (bytes + 4095) / 4096 * 4096;
    void *memory = aligned_alloc(4096, pages);

    CHECK(memory);
    memset(memory, 0, pages);
    return memory;
}

static inline rig rig_make(uint32_t rate, double seconds)
{
    rig made = {.arena = rig_memory(ag06_arena_bytes(rate, seconds)),
                .engine = rig_memory(ag06_engine_bytes())};

    ag06_arena_init(made.arena, rate, seconds);
    ag06_engine_init(made.engine, made.arena, 0);
    return made;
}

static inline void rig_free(rig *made)
{
    free(made->engine);
    free(made->arena);
}

/* Every stage neutral and switched off. */
static inline ag06_chain_settings rig_neutral(void)
{
    ag06_chain_settings settings;

    ag06_chain_neutral(&settings);
    return settings;
}

/* A compressor with a knee of 6 dB and nothing else to it. */
static inline ag06_comp_settings rig_comp(double threshold_db, double ratio, double attack_ms,
                                          double release_ms)
{
    const ag06_comp_settings comp = {.enabled = 1,
                                     .threshold_db = threshold_db,
                                     .ratio = ratio,
                                     .knee_db = 6,
                                     .attack_ms = attack_ms,
                                     .release_ms = release_ms};

    return comp;
}

/* Every stage at work, and fast enough to forget what came 50 ms before. */
static inline ag06_chain_settings rig_busy(void)
{
    ag06_chain_settings settings = rig_neutral();

    settings.trim.gain_db = 6;
    settings.highpass = (ag06_highpass_settings){1, 24, 80};
    settings.gate = (ag06_gate_settings){1, -45, 4, 3, 15, 1, 4, 6};
    settings.eq.low = (ag06_band_settings){1, 120, 4, 0.7071};
    settings.eq.peak1 = (ag06_band_settings){1, 400, -6, 1.4};
    settings.eq.peak2 = (ag06_band_settings){1, 3000, 5, 0.9};
    settings.eq.high = (ag06_band_settings){1, 8000, 3, 0.7071};
    settings.deess = (ag06_deess_settings){1, 5000, -40, 4, 6};
    settings.comp = rig_comp(-24, 4, 2, 6);
    settings.comp.makeup_db = 6;
    settings.comp.sidechain_hz = 100;
    settings.limiter = (ag06_limiter_settings){1, -1, 4};
    settings.level.gain_db = -2;
    return settings;
}

static inline void rig_publish_block(rig *to, int slot, ag06_chain_block *block)
{
    block->sequence = ++to->sequence[slot];
    ag06_params_publish(&to->arena->params[slot], block);
}

static inline void rig_publish(rig *to, int slot, const ag06_chain_settings *settings)
{
    ag06_chain_block block;

    ag06_chain_design(settings, to->arena->rate, &block);
    rig_publish_block(to, slot, &block);
}

/* As a new stream begins: the newest blocks in effect, the engine at rest. */
static inline void rig_restart(rig *of)
{
    ag06_arena_rewind_params(of->arena);
    ag06_engine_init(of->engine, of->arena, 0);
}

/* Run `frames` of interleaved input through callbacks of `block` frames. */
static inline void rig_run(rig *on, const float *input, float *output, uint64_t frames,
                           uint32_t block)
{
    for (uint64_t done = 0; done < frames;) {
        const uint64_t part = frames - done < block ? frames - done : block;

        CHECK(ag06_callback(input ? input + done * AG06_CHANNELS : NULL,
                            output ? output + done * AG06_CHANNELS : NULL, part, NULL, 0,
                            on->engine) == 0);
        done += part;
    }
}

static inline float *rig_frames(uint64_t frames)
{
    return rig_memory(frames * AG06_CHANNELS * sizeof(float));
}

/* A tone in both channels, the right one a little quieter. */
static inline void rig_tone(float *frames, uint64_t first, uint64_t count, double hz, double rate,
                            double peak)
{
    for (uint64_t n = 0; n < count; n++) {
        const double phase = 2 * M_PI * fmod(hz * (double)(first + n) / rate, 1.0);

        frames[AG06_CHANNELS * n] = (float)(peak * sin(phase));
        frames[AG06_CHANNELS * n + 1] = (float)(0.8 * peak * sin(phase));
    }
}

static inline void rig_noise(float *frames, uint64_t count, double peak, uint64_t *seed)
{
    for (uint64_t i = 0; i < count * AG06_CHANNELS; i++)
        frames[i] = (float)random_in(seed, -peak, peak);
}
