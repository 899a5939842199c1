/*
 * Rows lie in a ring as long as the longest window, and beside each value the bin that it is in.
 *
 *   push    add the new row to each window's sums and histograms, take the one that leaves out
 *   read    sums; the histogram; and for least and most the rows at both ends of the window, with
 *           what is known of each block of BLOCK rows in between
 */
#include "ag06_sliding.h"

#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64u /* rows */
#define CHUNK 32u /* bins that are passed over at once */
#define ABSENT UINT16_MAX

typedef struct {
    uint32_t length;   /* rows */
    uint32_t filled;   /* of the fresh sums */
    double *sum;       /* of each series, of what is above its origin */
    double *square;    /* likewise, of the squares */
    double *fresh_sum; /* of the last `filled` rows: the sums of the window when it is full */
    double *fresh_square;
    uint32_t *count; /* values that were there */
    uint32_t *fresh_count;
    uint16_t *bins; /* AG06_SLIDING_BINS of each series: how many values */
} window;

struct ag06_sliding {
    uint32_t series, windows;
    uint32_t
        capacity;  /* rows of the ring: the longest window, made up to whole blocks, and one more */
    uint64_t rows; /* that came */
    float *low, *step; /* of each series: where its first bin begins, and how wide one is */
    float *scale;      /* bins in 1 */
    double *origin; /* its first value, from which sums are taken: they stay small, and so exact */
    uint8_t *begun; /* whether it had one */
    float *values;  /* capacity rows */
    uint16_t *places;        /* likewise: the bins that they are in */
    float *least, *most;     /* of each block in the ring */
    float *lowest, *highest; /* of what is being read */
    window list[AG06_SLIDING_WINDOWS];
};

static int make_window(window *w, uint32_t series, uint32_t length)
{
    w->length = length;
    w->sum = calloc(series, sizeof *w->sum);
    w->square = calloc(series, sizeof *w->square);
    w->fresh_sum = calloc(series, sizeof *w->fresh_sum);
    w->fresh_square = calloc(series, sizeof *w->fresh_square);
    w->count = calloc(series, sizeof *w->count);
    w->fresh_count = calloc(series, sizeof *w->fresh_count);
    w->bins = calloc((size_t)series * AG06_SLIDING_BINS, sizeof *w->bins);
    return w->sum && w->square && w->fresh_sum && w->fresh_square && w->count && w->fresh_count &&
           w->bins;
}

static int make(ag06_sliding *s, const float *low, const float *high, const uint32_t *lengths)
{
    const size_t blocks = s->capacity / BLOCK;

    s->low = calloc(s->series, sizeof *s->low);
    s->step = calloc(s->series, sizeof *s->step);
    s->scale = calloc(s->series, sizeof *s->scale);
    s->origin = calloc(s->series, sizeof *s->origin);
    s->begun = calloc(s->series, sizeof *s->begun);
    s->values = calloc((size_t)s->capacity * s->series, sizeof *s->values);
    s->places = calloc((size_t)s->capacity * s->series, sizeof *s->places);
    s->least = calloc(blocks * s->series, sizeof *s->least);
    s->most = calloc(blocks * s->series, sizeof *s->most);
    s->lowest = calloc(s->series, sizeof *s->lowest);
    s->highest = calloc(s->series, sizeof *s->highest);
    if (!s->lowest || !s->highest || !s->low || !s->step || !s->scale || !s->origin || !s->begun ||
        !s->values || !s->places || !s->least || !s->most)
        return 0;
    for (uint32_t i = 0; i < s->series; i++) {
        s->low[i] = low[i];
        s->step[i] = (high[i] - low[i]) / AG06_SLIDING_BINS;
        s->scale[i] = AG06_SLIDING_BINS / (high[i] - low[i]);
    }
    for (uint32_t k = 0; k < s->windows; k++)
        if (!make_window(&s->list[k], s->series, lengths[k]))
            return 0;
    return 1;
}

ag06_sliding *ag06_sliding_new(uint32_t series, const float *low, const float *high,
                               uint32_t windows, const uint32_t *lengths)
{
    ag06_sliding *s;

    if (series < 1 || windows < 1 || windows > AG06_SLIDING_WINDOWS)
        return NULL;
    for (uint32_t i = 0; i < series; i++)
        if (!(low[i] < high[i]) || !isfinite(high[i] - low[i]))
            return NULL;
    for (uint32_t k = 0; k < windows; k++)
        if (lengths[k] < 1 || lengths[k] >= UINT16_MAX || (k && lengths[k] <= lengths[k - 1]))
            return NULL;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->series = series;
    s->windows = windows;
    s->capacity = (lengths[windows - 1] / BLOCK + 2) * BLOCK;
    if (!make(s, low, high, lengths)) {
        ag06_sliding_free(s);
        return NULL;
    }
    return s;
}

void ag06_sliding_free(ag06_sliding *s)
{
    if (!s)
        return;
    for (uint32_t k = 0; k < s->windows; k++) {
        window *w = &s->list[k];

        free(w->sum);
        free(w->square);
        free(w->fresh_sum);
        free(w->fresh_square);
        free(w->count);
        free(w->fresh_count);
        free(w->bins);
    }
    free(s->low);
    free(s->step);
    free(s->scale);
    free(s->origin);
    free(s->begun);
    free(s->values);
    free(s->places);
    free(s->least);
    free(s->most);
    free(s->lowest);
    free(s->highest);
    free(s);
}

static void clear_sums(window *w, uint32_t series)
{
    memset(w->sum, 0, series * sizeof *w->sum);
    memset(w->square, 0, series * sizeof *w->square);
    memset(w->fresh_sum, 0, series * sizeof *w->fresh_sum);
    memset(w->fresh_square, 0, series * sizeof *w->fresh_square);
    memset(w->count, 0, series * sizeof *w->count);
    memset(w->fresh_count, 0, series * sizeof *w->fresh_count);
    w->filled = 0;
}

void ag06_sliding_reset(ag06_sliding *s)
{
    s->rows = 0;
    memset(s->begun, 0, s->series);
    for (uint32_t k = 0; k < s->windows; k++) {
        clear_sums(&s->list[k], s->series);
        memset(s->list[k].bins, 0, (size_t)s->series * AG06_SLIDING_BINS * sizeof(uint16_t));
    }
}

static size_t at(const ag06_sliding *s, uint64_t row)
{
    return (size_t)(row % s->capacity) * s->series;
}

/* The bin that a number is in; those outside of the scale are in the first and the last. */
static inline uint16_t bin_of(const ag06_sliding *s, uint32_t series, float value)
{
    const float bin = (value - s->low[series]) * s->scale[series];
    const float most = AG06_SLIDING_BINS - 1;

    return (uint16_t)(bin >= most ? most : bin >= 0 ? bin : 0); /* 0 for NaN too */
}

/* The new row as the ring has it: NaN for what is no number, and the bin of what is one. */
WIDE_CLONES static void place(ag06_sliding *s, const float *row, float *values, uint16_t *places)
{
    for (uint32_t i = 0; i < s->series; i++) {
        values[i] = row[i] - row[i] == 0 ? row[i] : NAN;
        places[i] = values[i] == values[i] ? bin_of(s, i, values[i]) : ABSENT;
    }
    for (uint32_t i = 0; i < s->series; i++)
        if (!s->begun[i] && places[i] != ABSENT) {
            s->begun[i] = 1;
            s->origin[i] = (double)values[i];
        }
}

WIDE_CLONES static void bound(ag06_sliding *s, const float *values)
{
    const size_t block = (size_t)(s->rows % s->capacity / BLOCK) * s->series;
    float *least = s->least + block, *most = s->most + block;

    if (s->rows % BLOCK == 0)
        for (uint32_t i = 0; i < s->series; i++) {
            least[i] = INFINITY;
            most[i] = -INFINITY;
        }
    for (uint32_t i = 0; i < s->series; i++) {
        least[i] = values[i] < least[i] ? values[i] : least[i];
        most[i] = values[i] > most[i] ? values[i] : most[i];
    }
}

WIDE_CLONES static void add(const ag06_sliding *s, const float *values, double *sum, double *square,
                            uint32_t *count, double sign)
{
    for (uint32_t i = 0; i < s->series; i++) {
        const int there = values[i] == values[i];
        const double above = there ? (double)values[i] - s->origin[i] : 0;

        sum[i] += sign * above;
        square[i] += sign * (above * above);
        count[i] += (uint32_t)((sign > 0 ? 1 : -1) * there);
    }
}

static void count_bins(const ag06_sliding *s, uint16_t *bins, const uint16_t *come,
                       const uint16_t *gone)
{
    for (uint32_t i = 0; i < s->series; i++) {
        uint16_t *of = bins + (size_t)i * AG06_SLIDING_BINS;

        if (come[i] != ABSENT)
            of[come[i]]++;
        if (gone && gone[i] != ABSENT)
            of[gone[i]]--;
    }
}

static void push_window(const ag06_sliding *s, window *w, size_t now)
{
    const int full = s->rows >= w->length;
    const size_t before = full ? at(s, s->rows - w->length) : 0;

    add(s, s->values + now, w->fresh_sum, w->fresh_square, w->fresh_count, 1);
    if (++w->filled == w->length) { /* the fresh sums are those of this very window */
        memcpy(w->sum, w->fresh_sum, s->series * sizeof *w->sum);
        memcpy(w->square, w->fresh_square, s->series * sizeof *w->square);
        memcpy(w->count, w->fresh_count, s->series * sizeof *w->count);
        memset(w->fresh_sum, 0, s->series * sizeof *w->fresh_sum);
        memset(w->fresh_square, 0, s->series * sizeof *w->fresh_square);
        memset(w->fresh_count, 0, s->series * sizeof *w->fresh_count);
        w->filled = 0;
    } else {
        add(s, s->values + now, w->sum, w->square, w->count, 1);
        if (full)
            add(s, s->values + before, w->sum, w->square, w->count, -1);
    }
    count_bins(s, w->bins, s->places + now, full ? s->places + before : NULL);
}

void ag06_sliding_push(ag06_sliding *s, const float *row)
{
    const size_t now = at(s, s->rows);

    place(s, row, s->values + now, s->places + now);
    bound(s, s->values + now);
    for (uint32_t k = 0; k < s->windows; k++)
        push_window(s, &s->list[k], now);
    s->rows++;
}

WIDE_CLONES static void widen(ag06_sliding *s, const float *least, const float *most)
{
    for (uint32_t i = 0; i < s->series; i++) {
        s->lowest[i] = least[i] < s->lowest[i] ? least[i] : s->lowest[i];
        s->highest[i] = most[i] > s->highest[i] ? most[i] : s->highest[i];
    }
}

/* Least and most of the last `rows`. */
static void find_bounds(ag06_sliding *s, uint64_t rows)
{
    uint64_t row = s->rows - rows;

    for (uint32_t i = 0; i < s->series; i++) {
        s->lowest[i] = INFINITY;
        s->highest[i] = -INFINITY;
    }
    while (row < s->rows) {
        if (row % BLOCK == 0 && row + BLOCK <= s->rows) {
            const size_t block = (size_t)(row % s->capacity / BLOCK) * s->series;

            widen(s, s->least + block, s->most + block);
            row += BLOCK;
        } else {
            widen(s, s->values + at(s, row), s->values + at(s, row));
            row++;
        }
    }
}

/* Where in a histogram one is, on the way from its first bin to its last. */
typedef struct {
    const uint16_t *bins;
    uint32_t bin;
    uint32_t below; /* values in the bins before it */
} walk;

/* The value of a rank from 1 on, to a bin; ranks are asked for in order. */
static float ranked(walk *at, uint32_t rank, float low, float step)
{
    for (;;) {
        if (at->bin % CHUNK == 0) {
            uint32_t chunk = 0;

            for (uint32_t i = 0; i < CHUNK; i++)
                chunk += at->bins[at->bin + i];
            if (at->below + chunk < rank) {
                at->below += chunk;
                at->bin += CHUNK;
                continue;
            }
        }
        if (at->below + at->bins[at->bin] >= rank)
            break;
        at->below += at->bins[at->bin++];
    }
    /* as if the values of a bin lay evenly in it */
    return low +
           step * ((float)at->bin + ((float)(rank - at->below) - 0.5F) / (float)at->bins[at->bin]);
}

static float within(float value, const ag06_sliding_values *v)
{
    return value < v->min ? v->min : value > v->max ? v->max : value;
}

static uint32_t rank_of(double share, uint32_t count)
{
    return (uint32_t)ceil(share * count);
}

static void find_percentiles(const ag06_sliding *s, const window *w, uint32_t i,
                             ag06_sliding_values *v)
{
    const uint32_t count = w->count[i];
    const float low = s->low[i], step = s->step[i];
    walk at = {w->bins + (size_t)i * AG06_SLIDING_BINS, bin_of(s, i, v->min) / CHUNK * CHUNK, 0};

    v->p05 = within(ranked(&at, rank_of(0.05, count), low, step), v);
    v->p50 = within(ranked(&at, rank_of(0.5, count), low, step), v);
    v->p95 = within(ranked(&at, rank_of(0.95, count), low, step), v);
}

void ag06_sliding_read(ag06_sliding *s, uint32_t index, ag06_sliding_values *values)
{
    const window *w = &s->list[index];

    find_bounds(s, s->rows < w->length ? s->rows : w->length);
    for (uint32_t i = 0; i < s->series; i++) {
        const uint32_t count = w->count[i];
        ag06_sliding_values *v = &values[i];

        if (!count) {
            *v = (ag06_sliding_values){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
            continue;
        }
        const double mean = w->sum[i] / count;
        const double variance = w->square[i] / count - mean * mean;

        v->min = s->lowest[i];
        v->max = s->highest[i];
        v->mean = within((float)(s->origin[i] + mean), v);
        v->std = v->min < v->max && variance > 0 ? (float)sqrt(variance) : 0;
        find_percentiles(s, w, i, v);
    }
}
