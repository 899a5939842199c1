/*
 * Loudness, true peak and the stereo image, hop by hop: the numbers of ag06_meter for one stream of
 * whole hops, without what only a programme needs, and a signal at a time.
 */
#pragma once

#include "ag06_features.h"

#include "meter.h"
#include "wide.h"

#define HOP_MAX 1920 /* frames: 10 ms at 192 kHz */

typedef double two_channels __attribute__((vector_size(16)));

typedef struct {
    uint32_t hop; /* frames */
    uint32_t channels;
    ag06_meter_section shelf, highpass;
    float quarter_even[AG06_TRUE_PEAK_PAIRS];
    float quarter_odd[AG06_TRUE_PEAK_PAIRS];
    float half[AG06_TRUE_PEAK_PAIRS];
    float past[AG06_FEATURE_SIGNALS][METER_PAST + HOP_MAX]; /* of each signal, the hop last */
    two_channels shelf_state[2], highpass_state[2];
    two_channels squares[AG06_METER_RECENT]; /* sums over the last hops */
    double products[AG06_METER_RECENT];
    double window[AG06_METER_SLOTS]; /* mean squares, K-weighted, channels added */
    double window_sum;
    double window_fresh; /* the sum as it comes out new, so that rounding never adds up */
    uint32_t recent_at, window_at;
} hop_meter;

/* `hop` frames are 10 ms at `rate`. */
void hop_meter_init(hop_meter *meter, uint32_t rate, uint32_t hop, uint32_t channels);
void hop_meter_reset(hop_meter *meter);

/* The next hop of each signal, all of them finite. */
void hop_meter_run(hop_meter *meter, const float *const signals[AG06_FEATURE_SIGNALS],
                   ag06_hop_features *features);
