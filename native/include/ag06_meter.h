/*
 * Meters of two stereo streams that run side by side (dry and wet): loudness after ITU-R BS.1770-5
 * and EBU Tech 3341, loudness range after EBU Tech 3342, sample and true peak, RMS, correlation.
 *
 * The memory is the caller's. A block costs the same whatever is in it, and a cut of the sound into
 * other blocks gives the same readings. Finite everywhere but where silence is -infinity; NaN in
 * the input counts as silence, anything beyond +120 dBFS as +120 dBFS.
 */
#pragma once

#include "ag06_atomic.h"

#define AG06_METERED 2          /* stereo streams */
#define AG06_METER_LANES 4      /* their channels: left and right of the first, of the second */
#define AG06_METER_SLOTS 300    /* of 10 ms: the short-term window, 3 s */
#define AG06_METER_RECENT 40    /* of 10 ms: the momentary window, 400 ms */
#define AG06_METER_HISTORY 360  /* floats: 90 frames of all lanes */
#define AG06_TRUE_PEAK_PAIRS 12 /* of the interpolator's taps, which mirror each other */
#define AG06_LOUDNESS_BINS 4096 /* of 1/40 LU, from the absolute gate at -70 LUFS up to +32.4 */
#define AG06_LOUDNESS_GROUPS 64 /* of as many bins each */

/* What is told of one stream. Levels are linear, [0] left and [1] right. */
typedef struct {
    double momentary_lufs;  /* the last 400 ms; -infinity for silence, as all loudness here */
    double short_term_lufs; /* the last 3 s */
    double integrated_lufs; /* since the reset, gated at -70 LUFS and at -10 LU */
    double lra_lu;          /* loudness range since the reset; 0 while nothing passed the gates */
    double max_momentary_lufs;  /* since the reset, of whole windows */
    double max_short_term_lufs; /* likewise */
    double max_peak[2];         /* largest sample since the reset */
    double max_true_peak[2];    /* largest of the signal between the samples too, since the reset */
    double peak[2];             /* the last 400 ms, unweighted */
    double true_peak[2];        /* the last 400 ms */
    double rms[2];              /* the last 400 ms, unweighted; a full-scale square wave has 1 */
    double correlation; /* of left and right over the last 400 ms, -1 .. 1; 0 where one is silent */
} ag06_reading;

/* Levels of one call's frames alone, by lane, linear. */
typedef struct {
    float peak[AG06_METER_LANES];
    float rms[AG06_METER_LANES];
} ag06_levels;

/*
 * Mean squares in bins by loudness. A group that counts nothing has bins that mean nothing: so a
 * reset forgets the groups alone.
 */
typedef struct {
    uint32_t counts[AG06_LOUDNESS_BINS];
    double energies[AG06_LOUDNESS_BINS]; /* sums of the mean squares counted */
    uint32_t group_counts[AG06_LOUDNESS_GROUPS];
    double group_energies[AG06_LOUDNESS_GROUPS];
    uint64_t count; /* in all groups */
    double energy;
} ag06_loudness_histogram;

/* A programme, of which the integrated measures tell. */
typedef struct {
    ag06_loudness_histogram blocks;  /* of 400 ms, each 100 ms: for the integrated loudness */
    ag06_loudness_histogram windows; /* of 3 s, each 100 ms: for the loudness range */
} ag06_programme;

/* A second-order section with what goes back into its two delays: y = b0 x + s1,
 * s1' = c1 x + s2 - a1 s1, s2' = c2 x - a2 s1. */
typedef struct {
    double b0, c1, c2, a1, a2;
} ag06_meter_section;

/* Unweighted levels of 10 ms, by lane. */
typedef struct {
    double squares[AG06_METER_LANES];  /* sum over the frames */
    double products[AG06_METER_LANES]; /* sum of left times right, in both lanes of a stream */
    float peak[AG06_METER_LANES];
    float true_peak[AG06_METER_LANES];
} ag06_meter_slot;

typedef struct {
    uint32_t rate;
    uint32_t slot_frames; /* 10 ms */
    ag06_meter_section shelf;
    ag06_meter_section highpass;
    /* Of the values at 1/4 and 3/4 between two samples, sum and difference; at 1/2 itself. */
    float quarter_even[AG06_TRUE_PEAK_PAIRS];
    float quarter_odd[AG06_TRUE_PEAK_PAIRS];
    float half[AG06_TRUE_PEAK_PAIRS];

    double state[4][AG06_METER_LANES]; /* s1 and s2 of shelf and highpass */
    float history[AG06_METER_HISTORY]; /* the newest frames, lane by lane */
    uint32_t slot_at;                  /* frames in the present slot */
    uint32_t window_at;                /* 0 .. AG06_METER_SLOTS - 1 */
    uint32_t recent_at;                /* 0 .. AG06_METER_RECENT - 1 */
    uint32_t partial;                  /* the present slot began before the reset */
    uint64_t age;                      /* whole slots since the reset or the resume */
    double weighted[AG06_METER_LANES]; /* K-weighted squares of the present slot */
    ag06_meter_slot present;
    ag06_meter_slot recent[AG06_METER_RECENT];
    double window[AG06_METER_SLOTS][AG06_METERED]; /* mean squares, K-weighted, channels added */
    double window_sum[AG06_METERED];
    double window_fresh[AG06_METERED]; /* the sum as it comes out new, so that rounding never adds
                                          up */

    double momentary[AG06_METERED]; /* mean squares of the last 400 ms */
    double short_term[AG06_METERED];
    float max_peak[AG06_METER_LANES];
    float max_true_peak[AG06_METER_LANES];
    uint64_t resets; /* the word given to the last reset */
    ag06_programme programmes[AG06_METERED];
    ag06_reading readings[AG06_METERED];
} ag06_meter;

/* What a reader gets: both streams at one moment. */
typedef struct {
    uint64_t position; /* after the newest frame metered */
    uint64_t resets;   /* echo of the reset in effect */
    ag06_reading of[AG06_METERED];
} ag06_readings;

/* Readings under a sequence lock; `version` is odd while they are being written. */
typedef struct {
    ag06_atomic_u64 version;
    ag06_readings newest;
} ag06_meter_board;

/* Ready a meter for `rate` frames per second; any memory will do. */
void ag06_meter_init(ag06_meter *meter, uint32_t rate);

/* Begin the programme and all maxima afresh; momentary and short-term loudness go on. `resets` is
 * echoed. */
void ag06_meter_reset(ag06_meter *meter, uint64_t resets);

/* The sound was away: forget the filters and windows, keep the programme and the maxima. */
void ag06_meter_resume(ag06_meter *meter);

/* Meter `frames` interleaved stereo frames of both streams; `second` may be null, for silence. */
void ag06_meter_run(ag06_meter *meter, const float *first, const float *second, uint32_t frames,
                    ag06_levels *levels);

/* Writer's side of a board; never waits. */
void ag06_meter_publish(const ag06_meter *meter, uint64_t position, ag06_meter_board *board);

/* Reader's side: 1, or 0 when the writer was always in the middle of writing (it may have died
 * there). */
int ag06_meter_read(const ag06_meter_board *board, ag06_readings *readings);

/* The parts of the integrated measures; mean squares are K-weighted, the channels' added by weight.
 */
void ag06_programme_reset(ag06_programme *programme);
void ag06_programme_add_block(ag06_programme *programme, double mean_square);
void ag06_programme_add_window(ag06_programme *programme, double mean_square);
double ag06_programme_integrated_lufs(const ag06_programme *programme);
double ag06_programme_lra_lu(const ag06_programme *programme);

/* -0.691 + 10 log10; below -140 LUFS -infinity. */
double ag06_lufs(double mean_square);
