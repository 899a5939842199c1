/*
 * Each series has a ring of what was learned of it, the sums and the histogram of that, and what
 * the detectors carry from row to row.
 */
#include "ag06_series.h"

#include "median.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAUSSIAN 1.4826F /* standard deviations to a median absolute deviation */
#define SLOWEST 0.98     /* correlation from row to row, at most */
#define PRIOR 16         /* rows without correlation that it begins with */
#define MOST 1e30F       /* of values and scores: what is larger is infinite */
#define CUSUM_SCALE 0.6F /* of 5 deviations, 3 */
#define DRIFT_SHARE 8    /* of the window, in which residuals follow a drift */
#define SUM_MOST 20.0F   /* of cusum: it comes back from anything */

typedef struct {
    double origin, sum, square; /* sums are of what is above the origin */
    double fresh_origin, fresh_sum, fresh_square;
    double power, product; /* moving means of u u and of u u before */
    float resolution;
    float mean, deviation; /* NaN before there were `least` values */
    float middle, spread;  /* median and median absolute deviation, likewise */
    float follows, left;   /* the correlation, and what deviation that leaves to residuals */
    float drift;           /* slow mean of the residuals: what the window's mean lags behind */
    float before;          /* u of the row before */
    float ewma, above, below;
    int32_t skipped; /* the residual of the row before was beyond the limit */
    int32_t beyond;  /* rows in a row beyond the limit, below zero if on that side */
    uint32_t count;  /* values in the window */
    uint32_t fresh;  /* likewise, in the fresh sums */
    uint32_t laid;   /* the histogram is laid out */
    float *values;   /* the ring: NaN where there was none */
    median *ordered; /* what is in it */
} one;

struct ag06_series {
    uint32_t series;
    ag06_series_settings set;
    float ewma_scale; /* one over its deviation */
    float drift_step;
    ag06_series_counts counts;
    uint32_t at;     /* the slot in the rings that is next */
    uint32_t filled; /* rows in the fresh sums */
    uint32_t rows;   /* in the rings */
    one *list;
    float *values;
    median *medians;
    uint32_t *scratch;
};

static int is_number(float value)
{
    return fabsf(value) <= MOST; /* not NaN either */
}

/* As a series without any value. */
static void begin(const ag06_series *s, one *o)
{
    float *values = o->values;
    median *ordered = o->ordered;
    const float resolution = o->resolution;

    for (uint32_t i = 0; i < s->set.window; i++)
        values[i] = NAN;
    *o = (one){.resolution = resolution, .values = values, .ordered = ordered};
    o->mean = o->deviation = o->middle = o->spread = NAN;
    o->left = 1;
    o->power = PRIOR / (double)s->set.window;
}

static int is_possible(const ag06_series_settings *set)
{
    return set->window >= 2 && set->window < UINT16_MAX && set->least >= 2 &&
           set->least <= set->window && set->patience >= 1 && set->patience < INT32_MAX &&
           set->limit > 1 && is_number(set->limit) && set->weight > 0 && set->weight <= 1 &&
           set->slack >= 0 && set->slack < set->limit;
}

ag06_series *ag06_series_new(uint32_t series, const float *resolution,
                             const ag06_series_settings *settings)
{
    ag06_series *s;

    if (series < 1 || !is_possible(settings))
        return NULL;
    for (uint32_t i = 0; i < series; i++)
        if (!(resolution[i] >= 1 / MOST) || !is_number(resolution[i]))
            return NULL;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->series = series;
    s->set = *settings;
    s->ewma_scale = sqrtf((2 - settings->weight) / settings->weight);
    s->drift_step = DRIFT_SHARE / (float)(settings->window + DRIFT_SHARE);
    s->list = calloc(series, sizeof *s->list);
    s->values = calloc((size_t)series * settings->window, sizeof *s->values);
    s->medians = calloc(series, sizeof *s->medians);
    s->scratch = calloc(settings->window, sizeof *s->scratch);
    if (!s->list || !s->values || !s->medians || !s->scratch) {
        ag06_series_free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < series; i++) {
        s->list[i].values = s->values + (size_t)i * settings->window;
        s->list[i].ordered = &s->medians[i];
        s->list[i].resolution = resolution[i];
        s->medians[i].resolution = resolution[i] / GAUSSIAN;
    }
    ag06_series_reset(s);
    return s;
}

void ag06_series_free(ag06_series *s)
{
    if (!s)
        return;
    free(s->list);
    free(s->values);
    free(s->medians);
    free(s->scratch);
    free(s);
}

void ag06_series_reset(ag06_series *s)
{
    s->counts = (ag06_series_counts){0};
    s->at = s->filled = s->rows = 0;
    for (uint32_t i = 0; i < s->series; i++)
        begin(s, &s->list[i]);
}

void ag06_series_gap(ag06_series *s)
{
    for (uint32_t i = 0; i < s->series; i++) {
        one *o = &s->list[i];

        o->before = o->ewma = o->above = o->below = 0;
        o->beyond = o->skipped = 0;
    }
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static float within(float value, float limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

/* What a value is beside its series; all NaN when there is nothing to say. */
typedef struct {
    float u;        /* away from the mean, in deviations */
    float residual; /* of it, in deviations of residuals */
    float ewma, above, below;
} seen;

static seen look(const ag06_series *s, const one *o, float value)
{
    seen now;

    now.u = (value - o->mean) / o->deviation;
    now.residual = (now.u - o->follows * o->before) / o->left - o->drift;

    const float taken = within(now.residual, s->set.limit);

    now.ewma = o->ewma + s->set.weight * (taken - o->ewma);
    now.above = larger(0, o->above + taken - s->set.slack);
    now.below = larger(0, o->below - taken - s->set.slack);
    return now;
}

static void score(const ag06_series *s, const one *o, float value, const seen *now, float *scores)
{
    const float alone = smaller(fabsf(now->residual), MOST);

    if (!is_number(value) || !is_number(o->mean)) {
        for (int k = 0; k < AG06_SERIES_DETECTORS; k++)
            scores[k] = NAN;
        return;
    }
    scores[0] = smaller(fabsf(now->u), MOST);
    scores[1] = smaller(fabsf(value - o->middle) / (GAUSSIAN * o->spread), MOST);
    scores[2] = larger(alone, fabsf(now->ewma) * s->ewma_scale);
    scores[3] = larger(alone, larger(now->above, now->below) * CUSUM_SCALE);
}

/* What runs on from row to row; a residual beyond the limit is as good as none, but for a second
 * one after the other: then it was no spike, and the next row follows from there. */
static void carry(const ag06_series *s, one *o, const seen *now)
{
    o->ewma = now->ewma;
    o->above = now->above < SUM_MOST ? now->above : SUM_MOST;
    o->below = now->below < SUM_MOST ? now->below : SUM_MOST;
    if (fabsf(now->residual) > s->set.limit) {
        o->before = o->skipped ? now->u : o->follows * o->before;
        o->skipped = 1;
        return;
    }
    o->skipped = 0;
    const double u = (double)now->u, step = 1.0 / s->set.window;

    o->drift += now->residual * s->drift_step;
    o->power += step * (u * u - o->power);
    o->product += step * (u * (double)o->before - o->product);
    o->before = now->u;

    const double follows = o->product / o->power;

    o->follows = (float)(follows > SLOWEST ? SLOWEST : follows < -SLOWEST ? -SLOWEST : follows);
    o->left = sqrtf(1 - o->follows * o->follows);
}

/* What is to be learned of a value, NaN for nothing; the series may begin afresh with it. */
static float believe(ag06_series *s, one *o, float value, float u)
{
    const int side = u > s->set.limit ? 1 : u < -s->set.limit ? -1 : 0;

    o->beyond = side * o->beyond > 0 ? o->beyond + side : side;
    if (!side)
        return value;
    if ((uint32_t)abs(o->beyond) < s->set.patience)
        return NAN;
    s->counts.shifts++;
    begin(s, o);
    return value;
}

static void add(one *o, float value, int sign)
{
    const double above = (double)value - o->origin;

    o->sum += sign * above;
    o->square += sign * (above * above);
    o->count += (uint32_t)sign;
}

/* Sums of the last `filled` rows are those of the window when it is full. */
static void add_fresh(one *o, float value)
{
    if (!o->fresh)
        o->fresh_origin = (double)value;

    const double above = (double)value - o->fresh_origin;

    o->fresh_sum += above;
    o->fresh_square += above * above;
    o->fresh++;
}

static void renew(one *o)
{
    o->origin = o->fresh_origin;
    o->sum = o->fresh_sum;
    o->square = o->fresh_square;
    o->count = o->fresh;
    o->fresh_sum = o->fresh_square = 0;
    o->fresh = 0;
}

/* Mean to spread, of what is in the window now. */
static void tell(const ag06_series *s, one *o)
{
    if (o->count < s->set.least) {
        o->mean = o->deviation = o->middle = o->spread = NAN;
        o->laid = 0;
        return;
    }
    const double mean = o->sum / o->count;
    const double variance = o->square / o->count - mean * mean;

    o->mean = (float)(o->origin + mean);
    o->deviation = larger(o->resolution, variance > 0 ? (float)sqrt(variance) : 0);

    const int fits = o->laid && median_settle(o->ordered);

    if (!o->laid || (!fits && o->ordered->since > s->set.window / MEDIAN_REST)) {
        median_fit(o->ordered, o->values, s->set.window, s->scratch);
        o->laid = 1;
    }
    o->middle = median_value(o->ordered);
    o->spread = larger(median_deviation(o->ordered), o->ordered->least);
}

static void learn(ag06_series *s, one *o, float value, const seen *now)
{
    float taken = value;

    if (!is_number(value)) {
        s->counts.left_out++;
        taken = NAN;
        o->before = o->follows * o->before;
    } else if (is_number(o->mean)) {
        carry(s, o, now);
        taken = believe(s, o, value, now->u);
    }
    const float gone = o->values[s->at];

    o->values[s->at] = taken;
    if (!o->count) {
        o->origin = (double)taken;
        o->sum = o->square = 0;
    }
    if (is_number(taken)) {
        add(o, taken, 1);
        add_fresh(o, taken);
    }
    if (is_number(gone))
        add(o, gone, -1);
    if (o->laid) {
        if (is_number(taken))
            median_add(o->ordered, taken);
        if (is_number(gone))
            median_remove(o->ordered, gone);
    }
    if (s->filled + 1 == s->set.window)
        renew(o);
    tell(s, o);
}

static void advance(ag06_series *s)
{
    s->counts.rows++;
    s->at = s->at + 1 < s->set.window ? s->at + 1 : 0;
    s->filled = s->filled + 1 < s->set.window ? s->filled + 1 : 0;
    s->rows = s->rows < s->set.window ? s->rows + 1 : s->rows;
}

void ag06_series_score(const ag06_series *s, const float *row, float *scores)
{
    for (uint32_t i = 0; i < s->series; i++) {
        const seen now = look(s, &s->list[i], row[i]);

        score(s, &s->list[i], row[i], &now, scores + (size_t)i * AG06_SERIES_DETECTORS);
    }
}

void ag06_series_learn(ag06_series *s, const float *row)
{
    for (uint32_t i = 0; i < s->series; i++) {
        const seen now = look(s, &s->list[i], row[i]);

        learn(s, &s->list[i], row[i], &now);
    }
    advance(s);
}

void ag06_series_push(ag06_series *s, const float *rows, uint32_t count, float *scores)
{
    for (uint32_t k = 0; k < count; k++, rows += s->series) {
        for (uint32_t i = 0; i < s->series; i++, scores += AG06_SERIES_DETECTORS) {
            const seen now = look(s, &s->list[i], rows[i]);

            score(s, &s->list[i], rows[i], &now, scores);
            learn(s, &s->list[i], rows[i], &now);
        }
        advance(s);
    }
}

void ag06_series_count(const ag06_series *s, ag06_series_counts *counts)
{
    *counts = s->counts;
}

void ag06_series_usual(const ag06_series *s, float *usual)
{
    for (uint32_t i = 0; i < s->series; i++) {
        const one *o = &s->list[i];

        *usual++ = o->mean;
        *usual++ = o->deviation;
        *usual++ = o->middle;
        *usual++ = GAUSSIAN * o->spread;
    }
}

uint32_t ag06_series_window(const ag06_series *s, float *rows)
{
    const uint32_t first = s->rows < s->set.window ? 0 : s->at;

    for (uint32_t k = 0; k < s->rows; k++)
        for (uint32_t i = 0; i < s->series; i++)
            rows[(size_t)k * s->series + i] = s->list[i].values[(first + k) % s->set.window];
    return s->rows;
}
