/*
 * A plugin host's view: the reader that follows the rings, and the cell in which it reports.
 *
 * The cell is a small shared memory of its own, written by one host and read by ag06d (and by the
 * recording device in lockstep), so that what a host was doing is known even after it died.
 */
#pragma once

#include "ag06_arena.h"

#define AG06_HOST_PLUGINS 32

#define AG06_WATCHED_MAX 80 /* files that may wake a reader: two for each plugin, and some */

#define AG06_READ_OK 0
#define AG06_READ_TIMEOUT 1
#define AG06_READ_WOKEN 2

/* One plugin's account. */
typedef struct {
    ag06_atomic_u64 frames;        /* hops given to it */
    ag06_atomic_u64 errors;        /* calls that raised */
    ag06_atomic_u64 over_deadline; /* calls that took longer than their deadline */
    ag06_atomic_u64 busy_ns;       /* time in it, all told */
    ag06_atomic_u32 state;         /* the host's word for it */
    uint32_t reserved;
    ag06_atomic_u32 histogram[AG06_HISTOGRAM_BUCKETS]; /* duration of calls */
} ag06_plugin_cell;

typedef struct {
    ag06_atomic_u64 position;   /* the next frame the host will read */
    ag06_atomic_u64 lost;       /* frames the rings overtook it by */
    ag06_atomic_u64 beat_ns;    /* last time its loop turned */
    ag06_atomic_u64 entered_ns; /* when it entered the plugin it is in */
    ag06_atomic_u32 current;    /* 1 + index of the plugin it is in, 0 outside of any */
    uint32_t reserved;
    ag06_plugin_cell plugins[AG06_HOST_PLUGINS];
} ag06_host_cell;

/* Bracket a call into plugin `index`; leave returns the duration in nanoseconds. */
void ag06_cell_enter(ag06_host_cell *cell, uint32_t index);
uint64_t ag06_cell_leave(ag06_host_cell *cell, uint32_t index, uint64_t deadline_ns, int failed);

/* What came with one hop. */
typedef struct {
    uint64_t position;   /* of its first frame */
    uint64_t mono_ns;    /* CLOCK_MONOTONIC at which its last frame arrived */
    uint64_t lost;       /* frames lost just before it */
    uint64_t gap_frames; /* frames that never arrived, by the clock, in or just before it */
    uint32_t flags;      /* AG06_BLOCK_* of all blocks it touches */
    uint32_t switches;
    ag06_reduction reduction; /* the largest of those blocks in the slot that is heard */
} ag06_hop;

typedef struct {
    const ag06_arena *arena;
    uint64_t cursor; /* next frame to read */
    uint64_t lost;   /* frames, all told */
    uint64_t hop_frames;
    uint64_t block_cursor; /* next block header to read */
    uint64_t blocks_lost;
    ag06_block block; /* the newest header read */
    ag06_hop next;    /* what is known so far of the hop at the cursor */
    uint32_t watched; /* files that wake it */
    int watched_files[AG06_WATCHED_MAX];
} ag06_reader;

/* Start reading at `position`, in hops of `hop_frames`. */
void ag06_reader_init(ag06_reader *reader, const ag06_arena *arena, uint64_t hop_frames,
                      uint64_t position);

/*
 * Have the reader wake as soon as one of `count` files can be read, in place of those it had. A
 * file that is closed under it no longer wakes it. False when there are more than AG06_WATCHED_MAX.
 */
int ag06_reader_watch(ag06_reader *reader, const int *files, uint32_t count);

/*
 * Wait (asleep, polling) until a whole hop is there and copy it: hop_frames interleaved float32
 * frames each. AG06_READ_TIMEOUT after timeout_ns without one, AG06_READ_WOKEN when a file that it
 * watches can be read first; a hop that is there comes before either.
 */
int ag06_reader_next(ag06_reader *reader, float *dry, float *wet, ag06_hop *hop,
                     uint64_t timeout_ns);

/* The histogram's value at quantile q (0 to 1) in nanoseconds, the upper edge of its bucket; 0 if
 * empty. */
uint64_t ag06_quantile_u64(const ag06_atomic_u64 *histogram, double q);
uint64_t ag06_quantile_u32(const ag06_atomic_u32 *histogram, double q);

/* End this process when its parent, known to be `parent`, ends; false if it already has. */
int ag06_die_with_parent(int parent);

/* Give up the right to real-time scheduling and to a better niceness, for this process and its own.
 */
void ag06_renounce_real_time(void);
