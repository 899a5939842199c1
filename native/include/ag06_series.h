/*
 * How odd each value of a row is beside the last rows of its series: four detectors over many
 * series.
 *
 *   z           away from the mean, in standard deviations
 *   modified z  away from the median, in median absolute deviations as deviations of a Gaussian
 *               (Iglewicz and Hoaglin 1993)
 *   ewma        Roberts 1959: the exponentially weighted mean of residuals, in its own deviations
 *   cusum       Page 1954, two-sided: the larger sum of residuals beyond a slack on either side,
 *               times 0.6, so that the usual limit of 5 deviations is 3
 *
 * A residual is what is left of z when the row before has been allowed for by the series' own
 * correlation from row to row (Alwan and Roberts 1988), and for a drift, which is a mean of an
 * eighth of the window; a single one beyond `limit` says nothing of the row after it. The last two
 * are never less than the residual itself, so that they see a single value too (Lucas 1982; Lucas
 * and Saccucci 1990), and take no more of one than `limit`.
 *
 * A row is scored before it is learned, and what is beyond `limit` is not learned, so that what is
 * odd does not become what is usual. After `patience` rows beyond it on the same side it is a
 * shift, and the series begins afresh; and so it does when all but `least` values of the window
 * were odd. A score is NaN while a series has fewer than `least` values, and for a value that is
 * NaN, infinite or beyond 1e30, which is left out; none is beyond 1e30 itself.
 *
 * A push costs the same however long the window is, and allocates nothing. Sums are begun afresh
 * once a window, so that no error adds up. For the errors of median and deviation see src/median.h.
 */
#pragma once

#include <stdint.h>

#define AG06_SERIES_DETECTORS 4 /* in the order above */

typedef struct {
    uint32_t window;   /* rows, 2 to 65534 */
    uint32_t least;    /* values, 2 to `window` */
    uint32_t patience; /* rows, from 1 on */
    float limit;       /* standard deviations, above 1 */
    float weight;      /* of the newest residual in ewma: above 0, at most 1 */
    float slack;       /* of cusum, in standard deviations: 0 or more, below `limit` */
} ag06_series_settings;

typedef struct {
    uint64_t rows;
    uint64_t left_out; /* values that were no numbers, or infinite */
    uint64_t shifts;   /* after which a series began afresh */
} ag06_series_counts;

typedef struct ag06_series ag06_series;

/*
 * `resolution` is the least standard deviation of each series: what is finer is no change at all.
 * Null when one is not at least 1e-30, a setting is none, or memory is short.
 */
ag06_series *ag06_series_new(uint32_t series, const float *resolution,
                             const ag06_series_settings *settings);

void ag06_series_free(ag06_series *series);

/* Forget all rows. */
void ag06_series_reset(ag06_series *series);

/* Rows were lost: what runs on from row to row begins afresh, what is usual stays. */
void ag06_series_gap(ag06_series *series);

/* Scores of one row, AG06_SERIES_DETECTORS of each series; it is not learned. */
void ag06_series_score(const ag06_series *series, const float *row, float *scores);

void ag06_series_learn(ag06_series *series, const float *row);

/* Score and learn row after row. */
void ag06_series_push(ag06_series *series, const float *rows, uint32_t count, float *scores);

void ag06_series_count(const ag06_series *series, ag06_series_counts *counts);

/* What is usual of each series: mean, standard deviation, median, and median absolute deviation as
 * one; NaN while it has fewer than `least` values. */
void ag06_series_usual(const ag06_series *series, float *usual);

/* The rows of the window as they were learned, the oldest first; returns how many. `rows` has room
 * for `window` of them. */
uint32_t ag06_series_window(const ag06_series *series, float *rows);
