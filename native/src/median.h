/*
 * Median and median absolute deviation of one series over a sliding window, in constant time.
 *
 * A histogram whose bins are a share of the deviation itself, so it needs no scale: MEDIAN_FINE of
 * them make up the deviation when it is laid out, and it is laid out anew, from the window, when
 * they are fewer than MEDIAN_COARSEST or more than MEDIAN_FINEST, or the median left its middle
 * half. That costs as much as the window is long, and happens at most once in MEDIAN_REST-th of it.
 *
 * Both are off by at most a bin and a half, and so by a tenth of the deviation, but for the rest
 * after a jump; a deviation that is finer than the series' resolution is as good as that.
 */
#pragma once

#include <stdint.h>

#define MEDIAN_BINS 1024
#define MEDIAN_FINE 32     /* bins to the deviation when laid out: it reaches 16 deviations */
#define MEDIAN_COARSEST 16 /* likewise, the fewest */
#define MEDIAN_FINEST 128
#define MEDIAN_REST 16

typedef struct {
    float base, step; /* where the first bin begins, and how wide one is */
    float resolution; /* of the series: deviations below it are all the same */
    float least;      /* likewise, or what floats of that size can tell */
    uint32_t count;   /* values */
    uint32_t since;   /* pushes since it was laid out */
    uint32_t middle;  /* the bin that the median is in */
    uint32_t below;   /* values in the bins before it */
    uint32_t reach;   /* bins about it that hold half of the values */
    uint32_t inside;  /* values in these */
    uint16_t bins[MEDIAN_BINS];
} median;

/* Lay it out for `count` values, of which those that are NaN are left out. `scratch` has room for
 * as many. */
void median_fit(median *m, const float *values, uint32_t count, uint32_t *scratch);

/* Add a value, or take one out that was added; neither is NaN. */
void median_add(median *m, float value);
void median_remove(median *m, float value);

/* Once after adding and removing: find both anew. Zero when it should be laid out anew. */
int median_settle(median *m);

float median_value(const median *m);
float median_deviation(const median *m);
