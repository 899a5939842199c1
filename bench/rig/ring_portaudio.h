/*
 * A ring buffer that works as PortAudio's pa_ringbuffer does, written anew from its description:
 * one writer, one reader, indices that run over twice the size so that full and empty differ, the
 * storage handed out as one or two regions, full barriers around the indices.
 */
#pragma once

typedef struct {
    long size; /* elements, a power of two */
    volatile long write_index;
    volatile long read_index;
    long big_mask;   /* 2 size - 1: what the indices wrap at */
    long small_mask; /* size - 1: what the storage wraps at */
    long element_bytes;
    char *storage;
} pa_like_ring;

void pa_like_init(pa_like_ring *ring, long element_bytes, long size, void *storage);

/* Elements written or read: as many as fit or are there. */
long pa_like_write(pa_like_ring *ring, const void *from, long count);
long pa_like_read(pa_like_ring *ring, void *to, long count);
