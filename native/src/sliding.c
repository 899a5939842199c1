/*
 * Rows lie in a ring as long as the longest window, and beside each value the bin that it is in.
 *
 *   push    the new row goes into its blocks of SMALL and of LARGE rows and into each window's
 *           histograms, the one that leaves goes out of them
 *   read    the histogram; and for the rest the window's rows up to its first small block, what is
 *           known of those up to its first large one, and of those from there on
 *
 * Nothing but whole numbers is ever subtracted: what has left a window has left no trace in it.
 */
#include "ag06_sliding.h"

#include "summary.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 16u /* rows */
#define LARGE 256u
#define CHUNK 32u /* bins that are passed over at once */
#define CHUNKS (AG06_SLIDING_BINS / CHUNK)
#define ABSENT UINT16_MAX

/* How many values of a series are in each bin, and in each CHUNK of bins. */
typedef struct {
    uint16_t chunks[CHUNKS];
    uint16_t bins[AG06_SLIDING_BINS];
} histogram;

typedef struct {
    uint32_t length;       /* rows */
    uint16_t *count;       /* of each series: values that were there */
    histogram *histograms; /* likewise */
} window;

struct ag06_sliding {
    uint32_t series, windows;
    uint32_t stride;   /* series, made up to whole WIDE */
    uint32_t capacity; /* rows of the ring: whole large blocks, one more than the windows reach */
    uint32_t slot;     /* of the next row in the ring */
    uint64_t rows;     /* that came */
    float *low, *step; /* of each series: where its first bin begins, and how wide one is */
    float *scale;      /* bins in 1 */
    float *origin;     /* the middle of its scale, from which sums are taken: they stay small */
    float *values;     /* capacity rows */
    uint16_t *places;  /* likewise: the bins that they are in */
    summary *small;    /* of all blocks in the ring for the first WIDE series, then for the next */
    summary *large;    /* likewise */
    summary *reading;  /* of what is being read */
    window list[AG06_SLIDING_WINDOWS];
};

static int make(ag06_sliding *s, const float *low, const float *high, const uint32_t *lengths)
{
    const size_t size = (size_t)s->capacity * s->stride;

    s->low = calloc(s->stride, sizeof *s->low);
    s->step = calloc(s->stride, sizeof *s->step);
    s->scale = calloc(s->stride, sizeof *s->scale);
    s->origin = calloc(s->stride, sizeof *s->origin);
    s->values = calloc(size, sizeof *s->values);
    s->places = calloc(size, sizeof *s->places);
    s->small = calloc(size / SMALL / WIDE, sizeof *s->small);
    s->large = calloc(size / LARGE / WIDE, sizeof *s->large);
    s->reading = calloc(s->stride / WIDE, sizeof *s->reading);
    if (!s->low || !s->step || !s->scale || !s->origin || !s->values || !s->places || !s->small ||
        !s->large || !s->reading)
        return 0;
    for (uint32_t i = 0; i < s->series; i++) {
        s->low[i] = low[i];
        s->step[i] = (high[i] - low[i]) / AG06_SLIDING_BINS;
        s->scale[i] = AG06_SLIDING_BINS / (high[i] - low[i]);
        s->origin[i] = 0.5F * low[i] + 0.5F * high[i];
    }
    for (uint32_t k = 0; k < s->windows; k++) {
        window *w = &s->list[k];

        w->length = lengths[k];
        w->count = calloc(s->series, sizeof *w->count);
        w->histograms = calloc(s->series, sizeof *w->histograms);
        if (!w->count || !w->histograms)
            return 0;
    }
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
    s->stride = (series + WIDE - 1) / WIDE * WIDE;
    s->capacity = (lengths[windows - 1] / LARGE + 2) * LARGE;
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
        free(s->list[k].count);
        free(s->list[k].histograms);
    }
    free(s->reading);
    free(s->large);
    free(s->small);
    free(s->places);
    free(s->values);
    free(s->origin);
    free(s->scale);
    free(s->step);
    free(s->low);
    free(s);
}

void ag06_sliding_reset(ag06_sliding *s)
{
    s->rows = 0;
    s->slot = 0;
    for (uint32_t k = 0; k < s->windows; k++) {
        memset(s->list[k].count, 0, s->series * sizeof *s->list[k].count);
        memset(s->list[k].histograms, 0, s->series * sizeof *s->list[k].histograms);
    }
}

/* The bin that a number is in; those outside of the scale are in the first and the last. */
INLINE uint16_t bin_of(const ag06_sliding *s, uint32_t series, float value)
{
    const float bin = (value - s->low[series]) * s->scale[series];
    const float most = AG06_SLIDING_BINS - 1;

    return (uint16_t)(bin >= most ? most : bin >= 0 ? bin : 0); /* 0 for NaN too */
}

/* The new row as the ring has it: NaN for what is no number, and the bin of what is one. */
WIDE_CLONES static void place(const ag06_sliding *s, const float *row, float *values,
                              uint16_t *places)
{
    for (uint32_t i = 0; i < s->series; i++) {
        values[i] = row[i] - row[i] == 0 ? row[i] : NAN;
        places[i] = values[i] == values[i] ? bin_of(s, i, values[i]) : ABSENT;
    }
}

/* The new row into the summaries of its block, one of `length` rows. */
INLINE void summarize(const ag06_sliding *s, const float *values, summary *blocks, uint32_t length)
{
    const uint32_t ring = s->capacity / length;
    summary *block = blocks + s->slot / length;

    for (uint32_t i = 0; i < s->stride; i += WIDE, block += ring) {
        eight e = s->slot % length ? load_eight(block) : of_nothing();

        add_row(&e, values + i, s->origin + i);
        store_eight(block, &e);
    }
}

WIDE_CLONES static void summarize_both(const ag06_sliding *s, const float *values)
{
    summarize(s, values, s->small, SMALL);
    summarize(s, values, s->large, LARGE);
}

WIDE_CLONES static void count_there(uint16_t *count, const uint16_t *come, const uint16_t *gone,
                                    uint32_t series)
{
    for (uint32_t i = 0; i < series; i++)
        count[i] = (uint16_t)(count[i] + (come[i] != ABSENT));
    for (uint32_t i = 0; gone && i < series; i++)
        count[i] = (uint16_t)(count[i] - (gone[i] != ABSENT));
}

static void count_bins(const ag06_sliding *s, window *w, const uint16_t *come, const uint16_t *gone)
{
    for (uint32_t i = 0; i < s->series; i++) {
        histogram *of = &w->histograms[i];

        if (come[i] != ABSENT) {
            of->bins[come[i]]++;
            of->chunks[come[i] / CHUNK]++;
        }
        if (gone && gone[i] != ABSENT) {
            of->bins[gone[i]]--;
            of->chunks[gone[i] / CHUNK]--;
        }
    }
}

/* Where in the ring the row lies that came `rows` before the next. */
static uint32_t slot_of(const ag06_sliding *s, uint32_t rows)
{
    return s->slot >= rows ? s->slot - rows : s->slot + s->capacity - rows;
}

static void push(ag06_sliding *s, const float *row)
{
    const size_t now = (size_t)s->slot * s->stride;
    uint16_t *come = s->places + now;

    place(s, row, s->values + now, come);
    summarize_both(s, s->values + now);
    for (uint32_t k = 0; k < s->windows; k++) {
        window *w = &s->list[k];
        const uint16_t *gone =
            s->rows >= w->length ? s->places + (size_t)slot_of(s, w->length) * s->stride : NULL;

        count_there(w->count, come, gone, s->series);
        count_bins(s, w, come, gone);
    }
    s->rows++;
    s->slot = s->slot + 1 < s->capacity ? s->slot + 1 : 0;
}

void ag06_sliding_push(ag06_sliding *s, const float *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        push(s, rows + (size_t)i * s->series);
}

/* How many blocks of `length` rows there are from a slot on, as far as the next of `end`. */
static uint32_t until(uint32_t slot, uint32_t length, uint32_t end, uint32_t rows)
{
    const uint32_t there = (end - slot % end) % end / length;
    const uint32_t left = (rows + length - 1) / length; /* the last may not be full yet */

    return there < left ? there : left;
}

/* Of the last `rows`, at least one. */
WIDE_CLONES static void sum_up(const ag06_sliding *s, uint32_t rows)
{
    const uint32_t small_ring = s->capacity / SMALL, large_ring = s->capacity / LARGE;
    const uint32_t first = slot_of(s, rows);
    const uint32_t singles = until(first, 1, SMALL, rows);
    const uint32_t small_first = (first + singles) / SMALL;
    const uint32_t smalls = until(small_first * SMALL, SMALL, LARGE, rows - singles);
    const uint32_t before = singles + smalls * SMALL;
    const uint32_t larges = before < rows ? (rows - before + LARGE - 1) / LARGE : 0;
    const uint32_t large_first = (first + before) / LARGE;

    for (uint32_t i = 0; i < s->stride; i += WIDE) {
        const summary *small = s->small + (size_t)(i / WIDE) * small_ring + small_first;
        const summary *large = s->large + (size_t)(i / WIDE) * large_ring;
        eight e = of_nothing();

        for (uint32_t n = 0; n < singles; n++)
            add_row(&e, s->values + (size_t)(first + n) * s->stride + i, s->origin + i);
        for (uint32_t n = 0; n < smalls; n++)
            add_block(&e, small + n);
        for (uint32_t n = 0, block = large_first; n < larges; n++, block++) {
            block = block < large_ring ? block : block - large_ring;
            add_block(&e, large + block);
        }
        store_eight(&s->reading[i / WIDE], &e);
    }
}

/* Where in a histogram one is, on the way from its first chunk to its last. */
typedef struct {
    const histogram *of;
    uint32_t chunk;
    uint32_t below; /* values in the chunks before it */
} walk;

/* The value of a rank from 1 on, to a bin; ranks are asked for in order. */
static float ranked(walk *at, uint32_t rank, float low, float step)
{
    while (at->below + at->of->chunks[at->chunk] < rank)
        at->below += at->of->chunks[at->chunk++];

    uint32_t bin = at->chunk * CHUNK, below = at->below;
    while (below + at->of->bins[bin] < rank)
        below += at->of->bins[bin++];
    /* as if the values of a bin lay evenly in it */
    return low + step * ((float)bin + ((float)(rank - below) - 0.5F) / (float)at->of->bins[bin]);
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
    walk at = {&w->histograms[i], bin_of(s, i, v->min) / CHUNK, 0};

    v->p05 = within(ranked(&at, rank_of(0.05, count), low, step), v);
    v->p50 = within(ranked(&at, rank_of(0.5, count), low, step), v);
    v->p95 = within(ranked(&at, rank_of(0.95, count), low, step), v);
}

void ag06_sliding_read(ag06_sliding *s, uint32_t index, ag06_sliding_values *values)
{
    const window *w = &s->list[index];

    if (s->rows)
        sum_up(s, s->rows < w->length ? (uint32_t)s->rows : w->length);
    for (uint32_t i = 0; i < s->series; i++) {
        const uint32_t count = w->count[i];
        ag06_sliding_values *v = &values[i];

        if (!count) {
            *v = (ag06_sliding_values){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
            continue;
        }
        const summary *of = &s->reading[i / WIDE];
        const uint32_t at = i % WIDE;
        const double mean = of->sum[at] / count;
        const double variance = of->square[at] / count - mean * mean;

        v->min = of->least[at];
        v->max = of->most[at];
        v->mean = within((float)((double)s->origin[i] + mean), v);
        v->std = v->min < v->max && variance > 0 ? (float)sqrt(variance) : 0;
        find_percentiles(s, w, i, v);
    }
}

uint32_t ag06_sliding_extract(ag06_sliding *s, const float *rows, uint32_t count, uint32_t every,
                              ag06_sliding_values *values)
{
    uint32_t readings = 0;

    for (uint32_t i = 0; i < count; i++) {
        push(s, rows + (size_t)i * s->series);
        if (s->rows % every)
            continue;
        for (uint32_t k = 0; k < s->windows; k++, values += s->series)
            ag06_sliding_read(s, k, values);
        readings++;
    }
    return readings;
}
