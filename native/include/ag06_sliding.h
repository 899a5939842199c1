/*
 * Statistics of many series over sliding windows of their last rows: a row is one value of each.
 *
 * A push costs the same however long the windows are, and allocates nothing. Mean and deviation are
 * summed up in double precision from the rows that are in the window, whenever they are read, so
 * that nothing is left of what came before; least and most are those of the rows; percentiles are
 * of a histogram over each series' scale, so they are off by at most one of its AG06_SLIDING_BINS,
 * and what lies outside of the scale counts as its nearest end. What is no number, or infinite, is
 * left out.
 */
#pragma once

#include <stdint.h>

#define AG06_SLIDING_BINS 1024
#define AG06_SLIDING_WINDOWS 8 /* at most */

/* Of one series over one window; all NaN where it had no value. */
typedef struct {
    float mean;
    float std; /* of the values as they are, not of what they are a sample of */
    float min;
    float max;
    float p05; /* the value that 5 % are not above; likewise */
    float p50;
    float p95;
} ag06_sliding_values;

typedef struct ag06_sliding ag06_sliding;

/*
 * `low` and `high` are the scale of each series, `lengths` the windows in rows, the longest last.
 * Null when a scale or a length is none, or memory is short.
 */
ag06_sliding *ag06_sliding_new(uint32_t series, const float *low, const float *high,
                               uint32_t windows, const uint32_t *lengths);

void ag06_sliding_free(ag06_sliding *sliding);

/* Forget all rows. */
void ag06_sliding_reset(ag06_sliding *sliding);

/* Take in `count` rows, one after the other. */
void ag06_sliding_push(ag06_sliding *sliding, const float *rows, uint32_t count);

/* Of each series over the rows of a window that have come, which is given by its index. */
void ag06_sliding_read(ag06_sliding *sliding, uint32_t window, ag06_sliding_values *values);

/*
 * Push `count` rows, and read all windows in turn after every `every`-th, at least 1, of the rows
 * since the last reset: of a recording what streaming gives. Returns how often they were read.
 */
uint32_t ag06_sliding_extract(ag06_sliding *sliding, const float *rows, uint32_t count,
                              uint32_t every, ag06_sliding_values *values);
