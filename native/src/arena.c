/* Layout of the arena, and the triple buffers through which parameters reach the callback. */
#include "ag06_arena.h"

#include "atomic.h"
#include "params.h"

#include <stddef.h>
#include <time.h>

#define CACHE_LINE 64
#define SMALLEST_BLOCK 16 /* frames per callback, for which the header ring must still suffice */

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static uint64_t ring_frames(uint32_t rate, double seconds)
{
    uint64_t frames = 2 * AG06_BLOCK_MAX;

    while ((double)frames < seconds * (double)rate)
        frames *= 2;
    return frames;
}

uint64_t ag06_arena_bytes(uint32_t rate, double seconds)
{
    const uint64_t frames = ring_frames(rate, seconds);

    return aligned(sizeof(ag06_arena)) + 2 * frames * AG06_CHANNELS * sizeof(float) +
           frames / SMALLEST_BLOCK * sizeof(ag06_block);
}

void ag06_arena_init(ag06_arena *arena, uint32_t rate, double seconds)
{
    const uint64_t frames = ring_frames(rate, seconds);
    const uint64_t frame_bytes = AG06_CHANNELS * sizeof(float);
    const uint64_t dry = aligned(sizeof(ag06_arena));
    const uint64_t wet = dry + frames * frame_bytes;
    const uint64_t blocks = wet + frames * frame_bytes;
    ag06_chain_settings neutral;
    ag06_chain_block block;

    arena->magic = AG06_MAGIC;
    arena->layout_version = AG06_LAYOUT_VERSION;
    arena->rate = rate;
    arena->total_bytes = ag06_arena_bytes(rate, seconds);
    arena->made_ns = ag06_now_ns();
    ag06_ring_init(&arena->dry, frames, frame_bytes, dry - offsetof(ag06_arena, dry));
    ag06_ring_init(&arena->wet, frames, frame_bytes, wet - offsetof(ag06_arena, wet));
    ag06_ring_init(&arena->blocks, frames / SMALLEST_BLOCK, sizeof(ag06_block),
                   blocks - offsetof(ag06_arena, blocks));

    ag06_chain_neutral(&neutral);
    ag06_chain_design(&neutral, rate, &block);
    for (int slot = 0; slot < AG06_SLOTS; slot++)
        params_init(&arena->params[slot], &block);
    ag06_meter_init(&arena->meter, rate);
    ag06_meter_publish(&arena->meter, 0, &arena->meters);
}

int ag06_arena_check(const ag06_arena *arena, uint64_t mapped_bytes)
{
    if (mapped_bytes < sizeof(ag06_arena) || arena->magic != AG06_MAGIC)
        return 1;
    if (arena->layout_version != AG06_LAYOUT_VERSION)
        return 2;
    return arena->total_bytes > mapped_bytes ? 3 : 0;
}

void ag06_arena_rewind_params(ag06_arena *arena)
{
    for (int slot = 0; slot < AG06_SLOTS; slot++) {
        const ag06_chain_block newest = *params_newest(&arena->params[slot]);
        params_init(&arena->params[slot], &newest);
    }
}

void ag06_arena_switch(ag06_arena *arena, uint32_t switches)
{
    store32_release(&arena->switches, switches);
}

uint64_t ag06_arena_reset_meters(ag06_arena *arena)
{
    count(&arena->meter_resets, 1);
    return load_relaxed(&arena->meter_resets);
}

uint64_t ag06_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
