/*
 * A ring in shared memory: one producer, any number of readers.
 *
 * Positions count frames since the ring was made and never wrap. The producer never waits for a
 * reader; a reader that was lapped learns exactly how many frames it lost. For every reader, at
 * any moment:  written = read + lost + pending.
 */
#pragma once

#include "ag06_atomic.h"

#define AG06_RING_OK 0     /* count frames were copied */
#define AG06_RING_EMPTY 1  /* fewer than count frames are pending; nothing was copied */
#define AG06_RING_LAPPED 2 /* the cursor was moved forward; nothing was copied */

typedef struct {
    ag06_atomic_u64 begin; /* position of the oldest frame that is not being overwritten */
    ag06_atomic_u64 head;  /* position after the newest whole frame; begin <= head */
    uint64_t capacity;     /* frames, a power of two */
    uint64_t frame_bytes;  /* bytes per frame */
    uint64_t data_offset;  /* bytes from this struct to the first frame */
    uint64_t reserved[3];  /* fills the cache line */
} ag06_ring;

/* Prepare an empty ring whose data lies data_offset bytes behind the struct. */
void ag06_ring_init(ag06_ring *ring, uint64_t capacity, uint64_t frame_bytes, uint64_t data_offset);

/* Producer only. count must not exceed the capacity. */
void ag06_ring_write(ag06_ring *ring, const void *frames, uint64_t count);

/*
 * Copy `count` frames at *cursor to `out` and advance *cursor, all or nothing.
 * After AG06_RING_LAPPED the cursor stands on the multiple of `count` past its old place that
 * leaves half the ring between it and the head; the frames skipped are added to *lost.
 */
int ag06_ring_read(const ag06_ring *ring, uint64_t *cursor, void *out, uint64_t count,
                   uint64_t *lost);

/* The newest position, as a reader sees it. */
uint64_t ag06_ring_head(const ag06_ring *ring);
