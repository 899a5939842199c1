/*
 * The ring of ag06_ring.h, a sequence lock by position:
 *   producer: begin (relaxed) -> release fence -> frames -> head (release)
 *   reader:   head (acquire) -> frames -> acquire fence -> begin (relaxed)
 * A reader that copied frames the producer was overwriting sees, after its fence, a begin past
 * its cursor, and drops the copy.
 */
#include "ag06_ring.h"

#include "atomic.h"

#include <string.h>

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer knows no fences and calls the copy a race, which the recheck of begin makes
 * harmless. Under it, the copy is made of relaxed atomic bytes and the fences are left out, so
 * that it sees every other access. */
static void copy(void *to, const void *from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++)
        __atomic_store_n((uint8_t *)to + i,
                         __atomic_load_n((const uint8_t *)from + i, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
}
#define FENCE(order) ((void)0)
#else
static inline void copy(void *to, const void *from, uint64_t bytes)
{
    memcpy(to, from, bytes);
}
#define FENCE(order) __atomic_thread_fence(order)
#endif

/* Bytes from the ring to the frame at `position`. */
static inline uint64_t offset_of(const ag06_ring *ring, uint64_t position)
{
    return ring->data_offset + (position & (ring->capacity - 1)) * ring->frame_bytes;
}

/* Frames from `position` to where the storage wraps. */
static inline uint64_t until_wrap(const ag06_ring *ring, uint64_t position)
{
    return ring->capacity - (position & (ring->capacity - 1));
}

void ag06_ring_init(ag06_ring *ring, uint64_t capacity, uint64_t frame_bytes, uint64_t data_offset)
{
    memset(ring, 0, sizeof *ring);
    ring->capacity = capacity;
    ring->frame_bytes = frame_bytes;
    ring->data_offset = data_offset;
}

void ag06_ring_write(ag06_ring *ring, const void *frames, uint64_t count)
{
    const uint64_t head = load_relaxed(&ring->head);
    const uint64_t end = head + count;
    const uint64_t first = until_wrap(ring, head) < count ? until_wrap(ring, head) : count;

    /* Never back: a producer that was killed may have spoilt frames up to its begin. */
    if (end > load_relaxed(&ring->begin) + ring->capacity)
        store_relaxed(&ring->begin, end - ring->capacity);
    FENCE(__ATOMIC_RELEASE);
    copy((uint8_t *)ring + offset_of(ring, head), frames, first * ring->frame_bytes);
    if (first < count)
        copy((uint8_t *)ring + offset_of(ring, end - (count - first)),
             (const uint8_t *)frames + first * ring->frame_bytes,
             (count - first) * ring->frame_bytes);
    store_release(&ring->head, end);
}

static int lapped(const ag06_ring *ring, uint64_t head, uint64_t *cursor, uint64_t count,
                  uint64_t *lost)
{
    const uint64_t begin = load_relaxed(&ring->begin);
    uint64_t goal = head > ring->capacity / 2 ? head - ring->capacity / 2 : 0;

    if (goal < begin)
        goal = begin;
    const uint64_t skipped = (goal - *cursor + count - 1) / count * count;
    *cursor += skipped;
    *lost += skipped;
    return AG06_RING_LAPPED;
}

int ag06_ring_read(const ag06_ring *ring, uint64_t *cursor, void *out, uint64_t count,
                   uint64_t *lost)
{
    const uint64_t head = load_acquire(&ring->head);
    const uint64_t at = *cursor;

    if (at + count > head)
        return AG06_RING_EMPTY;
    if (at < load_relaxed(&ring->begin))
        return lapped(ring, head, cursor, count, lost);

    const uint64_t first = until_wrap(ring, at) < count ? until_wrap(ring, at) : count;
    copy(out, (const uint8_t *)ring + offset_of(ring, at), first * ring->frame_bytes);
    if (first < count)
        copy((uint8_t *)out + first * ring->frame_bytes,
             (const uint8_t *)ring + offset_of(ring, at + first),
             (count - first) * ring->frame_bytes);

    FENCE(__ATOMIC_ACQUIRE);
    if (at < load_relaxed(&ring->begin))
        return lapped(ring, load_acquire(&ring->head), cursor, count, lost);
    *cursor = at + count;
    return AG06_RING_OK;
}

uint64_t ag06_ring_head(const ag06_ring *ring)
{
    return load_acquire(&ring->head);
}
