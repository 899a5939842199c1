#include "ring_harness.h"

#include "ag06_ring.h"
#include "ring_portaudio.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_BYTES 8u
#define CACHE_LINE 64u

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *zeroed(uint64_t bytes)
{
    void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

    memset(memory, 0, bytes);
    return memory;
}

typedef struct {
    ag06_ring *ring;
    uint64_t cursor;
    uint64_t lost;
} ours;

static int ours_write(void *state, const void *from, uint64_t bytes)
{
    ag06_ring_write(((ours *)state)->ring, from, bytes / FRAME_BYTES);
    return 1;
}

static int ours_read(void *state, void *to, uint64_t bytes)
{
    ours *of = state;

    return ag06_ring_read(of->ring, &of->cursor, to, bytes / FRAME_BYTES, &of->lost) == AG06_RING_OK;
}

harness_ring harness_ours(uint64_t capacity)
{
    ours *state = zeroed(sizeof *state);

    state->ring = zeroed(CACHE_LINE + capacity * FRAME_BYTES);
    ag06_ring_init(state->ring, capacity, FRAME_BYTES, CACHE_LINE);
    return (harness_ring){state, ours_write, ours_read};
}

/* The same storage without any account of what is in it. */
typedef struct {
    uint8_t *storage;
    uint64_t bytes;
    uint64_t written;
    uint64_t read;
} bare;

static int bare_write(void *state, const void *from, uint64_t bytes)
{
    bare *of = state;

    memcpy(of->storage + of->written, from, bytes);
    of->written = (of->written + bytes) & (of->bytes - 1);
    return 1;
}

static int bare_read(void *state, void *to, uint64_t bytes)
{
    bare *of = state;

    memcpy(to, of->storage + of->read, bytes);
    of->read = (of->read + bytes) & (of->bytes - 1);
    return 1;
}

harness_ring harness_memcpy(uint64_t capacity)
{
    bare *state = zeroed(sizeof *state);

    state->bytes = capacity * FRAME_BYTES;
    state->storage = zeroed(state->bytes);
    return (harness_ring){state, bare_write, bare_read};
}

static int portaudio_write(void *state, const void *from, uint64_t bytes)
{
    return pa_like_write(state, from, (long)(bytes / FRAME_BYTES)) == (long)(bytes / FRAME_BYTES);
}

static int portaudio_read(void *state, void *to, uint64_t bytes)
{
    return pa_like_read(state, to, (long)(bytes / FRAME_BYTES)) == (long)(bytes / FRAME_BYTES);
}

harness_ring harness_portaudio(uint64_t capacity)
{
    pa_like_ring *state = zeroed(sizeof *state);

    pa_like_init(state, FRAME_BYTES, (long)capacity, zeroed(capacity * FRAME_BYTES));
    return (harness_ring){state, portaudio_write, portaudio_read};
}

typedef struct {
    void *ring;
    size_t (*write)(void *ring, const char *from, size_t bytes);
    size_t (*read)(void *ring, char *to, size_t bytes);
} jack;

static int jack_write(void *state, const void *from, uint64_t bytes)
{
    const jack *of = state;

    return of->write(of->ring, from, bytes) == bytes;
}

static int jack_read(void *state, void *to, uint64_t bytes)
{
    const jack *of = state;

    return of->read(of->ring, to, bytes) == bytes;
}

harness_ring harness_jack(uint64_t capacity, void *create, void *write, void *read)
{
    jack *state = zeroed(sizeof *state);

    state->ring = ((void *(*)(size_t))create)(capacity * FRAME_BYTES);
    memcpy(&state->write, &write, sizeof write);
    memcpy(&state->read, &read, sizeof read);
    return (harness_ring){state, jack_write, jack_read};
}

uint64_t harness_run(const harness_ring *ring, const void *input, void *output, uint64_t block_bytes,
                     uint64_t blocks, uint64_t pairs)
{
    const uint64_t began = now_ns();

    for (uint64_t i = 0, at = 0; i < pairs; i++) {
        if (!ring->write(ring->state, (const uint8_t *)input + at, block_bytes) ||
            !ring->read(ring->state, (uint8_t *)output + at, block_bytes))
            return 0;
        at = at + block_bytes == blocks * block_bytes ? 0 : at + block_bytes;
    }
    return now_ns() - began;
}
