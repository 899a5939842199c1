#include "ring_portaudio.h"

#include <string.h>

typedef struct {
    void *first;
    void *second;
    long first_count;
    long second_count;
} regions;

void pa_like_init(pa_like_ring *ring, long element_bytes, long size, void *storage)
{
    memset(ring, 0, sizeof *ring);
    ring->size = size;
    ring->big_mask = 2 * size - 1;
    ring->small_mask = size - 1;
    ring->element_bytes = element_bytes;
    ring->storage = storage;
}

static long readable(const pa_like_ring *ring)
{
    return (ring->write_index - ring->read_index) & ring->big_mask;
}

static regions regions_at(const pa_like_ring *ring, long index, long count)
{
    const long at = index & ring->small_mask;
    const long until_end = ring->size - at;
    const long first = count < until_end ? count : until_end;

    return (regions){ring->storage + at * ring->element_bytes, ring->storage, first, count - first};
}

long pa_like_write(pa_like_ring *ring, const void *from, long count)
{
    const long room = ring->size - readable(ring);
    const long taken = count < room ? count : room;
    const regions to = regions_at(ring, ring->write_index, taken);

    __sync_synchronize();
    memcpy(to.first, from, (size_t)(to.first_count * ring->element_bytes));
    if (to.second_count > 0)
        memcpy(to.second, (const char *)from + to.first_count * ring->element_bytes,
               (size_t)(to.second_count * ring->element_bytes));
    __sync_synchronize();
    ring->write_index = (ring->write_index + taken) & ring->big_mask;
    return taken;
}

long pa_like_read(pa_like_ring *ring, void *to, long count)
{
    const long there = readable(ring);
    const long taken = count < there ? count : there;
    const regions from = regions_at(ring, ring->read_index, taken);

    __sync_synchronize();
    memcpy(to, from.first, (size_t)(from.first_count * ring->element_bytes));
    if (from.second_count > 0)
        memcpy((char *)to + from.first_count * ring->element_bytes, from.second,
               (size_t)(from.second_count * ring->element_bytes));
    __sync_synchronize();
    ring->read_index = (ring->read_index + taken) & ring->big_mask;
    return taken;
}
