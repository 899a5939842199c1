/*
 * The arena: one shared memory through which the processes meet.
 *
 * Made by ag06d, it outlives every child. The audio process writes rings and stats; ag06d writes
 * parameters; plugin hosts map it read-only. A change of any struct here is a new
 * AG06_LAYOUT_VERSION: a process that maps an arena of another version must refuse it.
 */
#pragma once

#include "ag06_atomic.h"
#include "ag06_chain.h"
#include "ag06_meter.h"
#include "ag06_ring.h"

#define AG06_MAGIC 0x3630474144363047
#define AG06_LAYOUT_VERSION 3
#define AG06_BLOCK_MAX 4096        /* frames; a longer callback is cut into such blocks */
#define AG06_HISTOGRAM_BUCKETS 192 /* four to the octave of nanoseconds */

/* Flags of a block header. */
#define AG06_BLOCK_INPUT_UNDERFLOW 1
#define AG06_BLOCK_INPUT_OVERFLOW 2
#define AG06_BLOCK_OUTPUT_UNDERFLOW 4
#define AG06_BLOCK_OUTPUT_OVERFLOW 8
#define AG06_BLOCK_PRIMING 16
#define AG06_BLOCK_NAN 32 /* the input held NaN or infinity, or the chain made one */
#define AG06_BLOCK_GAP 64 /* first block after the stream was away; see gap_frames */

/* Bits of the switch word. */
#define AG06_SWITCH_MUTE 1
#define AG06_SWITCH_BYPASS 2
#define AG06_SWITCH_SLOT_B 4

/* One callback's block, written when it ends; the newest of these are in the blocks ring. */
typedef struct {
    uint64_t sequence;   /* callbacks since the arena was made */
    uint64_t position;   /* of its first frame */
    uint64_t entry_ns;   /* CLOCK_MONOTONIC when the callback began */
    uint64_t gap_frames; /* frames that the clock says were missed before this block */
    uint32_t frames;
    uint32_t flags;                /* AG06_BLOCK_* */
    uint32_t duration_ns;          /* until the wet frames were written */
    uint32_t switches;             /* AG06_SWITCH_* in effect */
    float dry_peak[AG06_CHANNELS]; /* linear */
    float dry_rms[AG06_CHANNELS];
    float wet_peak[AG06_CHANNELS];
    float wet_rms[AG06_CHANNELS];
    ag06_reduction reduction[AG06_SLOTS]; /* at the block's end */
    uint64_t reserved[1];
} ag06_block;

/* What can go wrong, each counted apart from the others. All since the arena was made, but for
 * stream_*. */
typedef struct {
    ag06_atomic_u64 beat_ns;          /* CLOCK_MONOTONIC, by the audio process's Python loop */
    ag06_atomic_u64 streams;          /* times that a stream began */
    ag06_atomic_u64 stream_start_ns;  /* entry of its first callback; 0 before */
    ag06_atomic_u64 stream_position;  /* ring position at its start */
    ag06_atomic_u64 stream_callbacks; /* callbacks of this stream */
    ag06_atomic_u64 callbacks;
    ag06_atomic_u64 last_entry_ns;
    ag06_atomic_u64 last_frames;
    ag06_atomic_u64 gap_frames;       /* missed while no stream ran, by the clock */
    ag06_atomic_u64 overruns;         /* callbacks longer than their period */
    ag06_atomic_u64 late;             /* began more than 1.5 periods after the one before */
    ag06_atomic_u64 nan_trips;        /* chain resets by the NaN guard */
    ag06_atomic_u64 bad_input_frames; /* silenced: no sound, and the millisecond after it */
    ag06_atomic_u64 input_underflows; /* PortAudio's flags, by kind */
    ag06_atomic_u64 input_overflows;
    ag06_atomic_u64 output_underflows;
    ag06_atomic_u64 output_overflows;
    ag06_atomic_u64 priming;
    ag06_atomic_u64 max_duration_ns;
    ag06_atomic_u64 zero_input_frames; /* length of the run of exact zeros that the input ends in */
    ag06_atomic_u32 finished;          /* PortAudio said that the stream ended */
    ag06_atomic_u32 switches;          /* echo of the switch word in effect */
    ag06_atomic_u32 policy;            /* scheduling policy of the callback's thread */
    ag06_atomic_u32 priority;
    ag06_atomic_u64 duration_histogram[AG06_HISTOGRAM_BUCKETS]; /* callback, entry to end */
    ag06_atomic_u64 gap_histogram[AG06_HISTOGRAM_BUCKETS];      /* entry to entry */
} ag06_stats;

/* A triple-buffered parameter block: the writer never waits, the reader never sees half a block. */
typedef struct {
    ag06_atomic_u32 middle; /* index of the block in between, with AG06_PARAMS_FRESH when unread */
    uint32_t back;          /* the writer's */
    uint32_t front;         /* the reader's */
    uint32_t reserved;
    ag06_atomic_u64 taken;          /* sequence of the block in effect */
    ag06_atomic_u64 taken_position; /* where its crossfade began */
    ag06_chain_block blocks[3];
} ag06_params;

typedef struct {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t rate; /* frames per second */
    uint64_t total_bytes;
    uint64_t made_ns;         /* CLOCK_MONOTONIC */
    ag06_atomic_u32 switches; /* AG06_SWITCH_*, as wanted; written by ag06d */
    uint32_t reserved;
    ag06_atomic_u64 meter_resets; /* resets of the meters, as wanted; written by ag06d */
    uint64_t reserved2[2];
    ag06_ring dry;    /* interleaved float32 frames as they arrived, bad samples silenced */
    ag06_ring wet;    /* interleaved float32 frames as they left; same positions as dry */
    ag06_ring blocks; /* ag06_block */
    ag06_params params[AG06_SLOTS];
    ag06_stats stats;
    ag06_meter_board meters; /* of dry and wet, for readers */
    ag06_meter meter; /* the callback's own; here, so that a programme outlives its process */
} ag06_arena;

/* Bytes of an arena at `rate` whose rings hold `seconds` or more. */
uint64_t ag06_arena_bytes(uint32_t rate, double seconds);

/* Lay out an arena in zeroed memory of ag06_arena_bytes(rate, seconds), both slots neutral. */
void ag06_arena_init(ag06_arena *arena, uint32_t rate, double seconds);

/* 0, or what is wrong with this memory as an arena: 1 magic, 2 layout version, 3 size. */
int ag06_arena_check(const ag06_arena *arena, uint64_t mapped_bytes);

/* Start the triple buffers afresh, keeping the newest blocks. Only while no callback runs. */
void ag06_arena_rewind_params(ag06_arena *arena);

/* Writer's side of a parameter block: give the callback `block` of slot 0 (A) or 1 (B). */
void ag06_params_publish(ag06_params *params, const ag06_chain_block *block);

/* Ask for mute, bypass and slot; the callback crossfades. */
void ag06_arena_switch(ag06_arena *arena, uint32_t switches);

/* Ask for the meters to begin afresh; the callback echoes the number returned. */
uint64_t ag06_arena_reset_meters(ag06_arena *arena);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t ag06_now_ns(void);
