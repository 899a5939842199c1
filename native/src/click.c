#include "click.h"

#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ORDER CLICK_ORDER
#define PARTS CLICK_PARTS
#define PER_HOP CLICK_PARTS_PER_HOP
#define WHITE 1e-7F         /* of the power: what keeps a predictor from being too sure */
#define QUIETEST 1.5e-5F    /* half a step of 16 bits: nothing is below it */
#define EXCITED 3U          /* hops of which the excitation is kept */
#define FAINTEST 1.5e-3F    /* -56 dBFS: what is less is no click */
#define CRACKLE_LEFT 0.995F /* after a hop, of what crackled: two seconds */
#define CRACKLE_DB 1.0F     /* for each that could not be mended, a click counts less by so much */
#define CRACKLE_MOST 4.0F
#define TURNS 3         /* parts of a hop that are looked at */
#define FAR 0.56F       /* of the highest but two further off: these count 5 dB less */
#define OTHERS 3        /* the highest but two are the measure */
#define LEARNING_HOPS 6 /* there is nothing to compare with before */
#define CANDIDATE 2.5F  /* times the others: what it is worth while to look at */
#define INSIDE 0.5F     /* of what is left within a click: that counts 6 dB less */
#define BEFORE 4U       /* frames before a click that are looked at with it */
#define AROUND (BEFORE + ORDER + 5U)
#define MENDED 2U /* samples, at the most: with more, what rings would be mended too */
#define MODELS 3U
#define BETTER 0.7  /* of what is left otherwise: a way of mending that says more of where it is */
#define ONSET 8.0F  /* times as loud as before: an onset, which is a joint too, but no click */
#define STEADY 4.0F /* times as loud, at the most, on either side */
#define TINY 1e-30
#define TWO_PI 6.283185307179586

int click_init(click *s, uint32_t hop)
{
    s->hop = hop;
    s->window = calloc(2 * (size_t)hop, sizeof *s->window);
    s->windowed = calloc(2 * (size_t)hop + ORDER + WIDE, sizeof *s->windowed);
    s->excitation = calloc(EXCITED * (size_t)hop, sizeof *s->excitation);
    s->before = hop / 120 + 1;
    s->near = hop / 10;
    if (!s->window || !s->windowed || !s->excitation)
        return 0;
    for (uint32_t i = 0; i < 2 * hop; i++)
        s->window[i] = (float)(0.5 - 0.5 * cos(TWO_PI * (i + 0.5) / (2.0 * hop)));
    return 1;
}

void click_free(click *s)
{
    free(s->window);
    free(s->windowed);
    free(s->excitation);
}

void click_reset(click *s)
{
    memset(s->excitation, 0, EXCITED * s->hop * sizeof *s->excitation);
    memset(s->predictors, 0, sizeof s->predictors);
    memset(s->parts, 0, sizeof s->parts);
    memset(&s->found, 0, sizeof s->found);
    s->crackle = 0;
}

/* The predictor of two hops, by Levinson's recursion. */
WIDE_CLONES static void predict(click *s, const float *two_hops, float predictor[ORDER])
{
    double products[ORDER + 1], a[ORDER + 1] = {1}, error;
    const uint32_t length = 2 * s->hop;

    for (uint32_t i = 0; i < length; i++)
        s->windowed[i] = s->window[i] * two_hops[i];
    for (uint32_t lag = 0; lag <= ORDER; lag++)
        products[lag] = (double)wide_dot(s->windowed, s->windowed + lag, length - lag);
    error = products[0] * (1 + (double)WHITE) + 1e-12;
    for (uint32_t i = 1; i <= ORDER; i++) {
        double sum = products[i];

        for (uint32_t k = 1; k < i; k++)
            sum += a[k] * products[i - k];
        const double reflection = -sum / error;

        for (uint32_t k = 1; k <= i / 2; k++) {
            const double low = a[k], high = a[i - k];

            a[k] = low + reflection * high;
            if (k != i - k)
                a[i - k] = high + reflection * low;
        }
        a[i] = reflection;
        error *= 1 - reflection * reflection;
        if (error <= 0)
            break;
    }
    for (uint32_t k = 0; k < ORDER; k++)
        predictor[k] = (float)a[k + 1];
}

/* Lower each magnitude to what this predictor leaves. There are ORDER samples before `frames`. */
WIDE_CLONES static void explain(const float *frames, uint32_t count, const float predictor[ORDER],
                                float *magnitudes)
{
    uint32_t i = 0;

    for (; i + WIDE <= count; i += WIDE) {
        wide left = wide_load(frames + i), other = {0};

        for (uint32_t k = 0; k < ORDER; k += 2) {
            left += predictor[k] * wide_load(frames + i - 1 - k);
            other += predictor[k + 1] * wide_load(frames + i - 2 - k);
        }
        const wide magnitude = wide_abs(left + other), before = wide_load(magnitudes + i);
        const wide_int lower = magnitude < before;

        wide_store(magnitudes + i,
                   (wide)((lower & (wide_int)magnitude) | (~lower & (wide_int)before)));
    }
    for (; i < count; i++) {
        float left = frames[i], other = 0;

        for (uint32_t k = 0; k < ORDER; k += 2) {
            left += predictor[k] * frames[(int64_t)i - 1 - k];
            other += predictor[k + 1] * frames[(int64_t)i - 2 - k];
        }
        left = fabsf(left + other);
        magnitudes[i] = left < magnitudes[i] ? left : magnitudes[i];
    }
}

static void sum_up(const click *s, const float *magnitudes, float *parts)
{
    for (uint32_t k = 0; k < PER_HOP; k++) {
        float most = 0;

        for (uint32_t i = k * s->hop / PER_HOP; i < (k + 1) * s->hop / PER_HOP; i++)
            most = magnitudes[i] > most ? magnitudes[i] : most;
        parts[k] = most;
    }
}

/* The highest but two of all parts that have none of the frames from `from` to `end` of the hops.
 */
static float far_others(const float parts[PARTS], uint32_t first, uint32_t last)
{
    float high[OTHERS] = {0};

    for (uint32_t k = 0; k < PARTS; k++) {
        float value = parts[k];

        if (k >= first && k <= last)
            continue;
        for (uint32_t i = 0; i < OTHERS; i++)
            if (value > high[i]) {
                const float lower = high[i];

                high[i] = value;
                value = lower;
            }
    }
    return high[OTHERS - 1];
}

static float most_of(const float *magnitudes, uint32_t from, uint32_t end)
{
    float most = 0;

    for (uint32_t i = from; i < end; i++)
        most = magnitudes[i] > most ? magnitudes[i] : most;
    return most;
}

/* What a predictor leaves of the frame `at`: of those before it, or of those behind it. */
static double left_of(const float *at, const float predictor[ORDER], int direction)
{
    double left = (double)at[0];

    for (int k = 0; k < ORDER; k++)
        left += (double)predictor[k] * (double)at[direction * (k + 1)];
    return left;
}

/* Solve a x = b of a symmetric positive definite matrix, by Cholesky's method. */
static void solve(double a[MENDED][MENDED], double b[MENDED], uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        for (uint32_t k = 0; k < i; k++)
            a[i][i] -= a[i][k] * a[i][k];
        a[i][i] = sqrt(a[i][i] > TINY ? a[i][i] : TINY);
        for (uint32_t j = i + 1; j < size; j++) {
            for (uint32_t k = 0; k < i; k++)
                a[j][i] -= a[j][k] * a[i][k];
            a[j][i] /= a[i][i];
        }
    }
    for (uint32_t i = 0; i < size; i++) {
        for (uint32_t k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (uint32_t i = size; i-- > 0;) {
        for (uint32_t k = i + 1; k < size; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
}

/* The largest excitation around when `count` samples from `first` on, of those around a click, are
 * chosen for the least of it. */
static double mended(const double left[AROUND], const float predictor[ORDER], uint32_t first,
                     uint32_t count)
{
    double columns[MENDED][AROUND] = {{0}}, products[MENDED][MENDED], amounts[MENDED];
    double most = 0;

    for (uint32_t c = 0; c < count; c++) {
        columns[c][first + c] = 1;
        for (uint32_t k = 0; k < ORDER; k++)
            columns[c][first + c + 1 + k] = (double)predictor[k];
    }
    for (uint32_t c = 0; c < count; c++) {
        amounts[c] = 0;
        for (uint32_t i = 0; i < AROUND; i++)
            amounts[c] += columns[c][i] * left[i];
        for (uint32_t d = 0; d < count; d++) {
            products[c][d] = 0;
            for (uint32_t i = 0; i < AROUND; i++)
                products[c][d] += columns[c][i] * columns[d][i];
        }
    }
    solve(products, amounts, count);
    for (uint32_t i = 0; i < AROUND; i++) {
        double rest = left[i];

        for (uint32_t c = 0; c < count; c++)
            rest -= amounts[c] * columns[c][i];
        most = fmax(most, fabs(rest));
    }
    return most;
}

/* The largest excitation around if there were a joint right before a frame. */
static double joined(const float *at, const double left[AROUND], uint32_t joint,
                     const float predictor[ORDER])
{
    double most = 0;

    for (uint32_t i = 0; i < joint; i++)
        most = fmax(most, fabs(left[i]));
    for (uint32_t i = joint; i < AROUND; i++)
        most = fmax(most, fabs(left_of(at + i, predictor, 1)));
    return most;
}

/* The largest magnitudes before and behind a click. */
typedef struct {
    float before, after;
} levels;

static levels levels_around(const float *frame, uint32_t near)
{
    return (levels){wide_peak(frame - 2 - near, near), wide_peak(frame + 3, near)};
}

/* What is left of a click at a frame at the best, if it is mended; `*offset` is where it begins,
 * from there. */
static float repaired(const click *s, const float *frame, int *offset)
{
    static const struct {
        uint32_t first, count;
    } ways[] = {{1, 1}, {0, 1}, {1, 2}, {0, 2}};
    const float *around = frame - BEFORE;
    double best = INFINITY;

    for (uint32_t m = 0; m < MODELS; m++) {
        const float *predictor = s->predictors[m];
        double left[AROUND];

        for (uint32_t i = 0; i < AROUND; i++)
            left[i] = left_of(around + i, predictor, -1);
        for (uint32_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const double rest = mended(left, predictor, BEFORE - 1 + ways[w].first, ways[w].count);

            if (rest < BETTER * best)
                *offset = (int)ways[w].first - 1;
            best = fmin(best, rest);
        }
        for (uint32_t joint = BEFORE - 1; joint <= BEFORE + 1; joint++) {
            const double rest = joined(around, left, joint, predictor);

            if (rest < BETTER * best)
                *offset = (int)joint - (int)BEFORE;
            best = fmin(best, rest);
        }
    }
    return (float)best;
}

/* How far the frame `peak` of the excitation stands out of the others. */
static void weigh(click *s, const past_hops *past, uint32_t peak)
{
    const uint32_t hop = s->hop, end = peak + ORDER + 1, begin = peak - s->before;
    const float *excitation = s->excitation;
    const float level = excitation[peak];
    const float near =
        fmaxf(most_of(excitation, peak - s->near, begin), most_of(excitation, end, end + s->near));
    const float far =
        far_others(s->parts, (begin + hop) * PER_HOP / hop, (end + hop) * PER_HOP / hop);
    const float other = fmaxf(QUIETEST, fmaxf(near, FAR * far));

    if (level < FAINTEST || level < CANDIDATE * other)
        return;
    const levels around = levels_around(past->frames + hop + peak, s->near);

    if (around.after > ONSET * around.before)
        return;
    int offset = 0;
    const float mend = INSIDE * repaired(s, past->frames + hop + peak, &offset);
    const float crackle_db = CRACKLE_DB * fminf(s->crackle, CRACKLE_MOST);
    const float above_db = 20 * log10f(level / fmaxf(other, mend)) - crackle_db;

    s->crackle += mend > other;
    if (above_db <= s->found.above_db)
        return;
    s->found.above_db = above_db;
    s->found.level = level;
    s->found.steady =
        around.after < STEADY * around.before && around.before < STEADY * around.after;
    s->found.position = (past->taken - EXCITED) * past->hop + peak + (uint64_t)(int64_t)offset;
}

/* The clearest click of the hop before the newest, of its highest parts. */
static void find(click *s, const past_hops *past)
{
    const float *parts = s->parts + PARTS - 2 * PER_HOP;
    uint32_t seen = 0; /* a bit for each part */

    s->crackle *= CRACKLE_LEFT;
    s->found.above_db = 0;
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint32_t part = 0, peak;
        float most = 0;

        for (uint32_t k = 0; k < PER_HOP; k++)
            if (!(seen >> k & 1) && parts[k] > most) {
                most = parts[k];
                part = k;
            }
        if (most < FAINTEST)
            return;
        seen |= 1U << part;
        peak = s->hop + part * s->hop / PER_HOP;
        while (s->excitation[peak] < most)
            peak++;
        weigh(s, past, peak);
    }
}

void click_take(click *s, const past_hops *past, ag06_wave_faults *result)
{
    const float *now = past_hop(past, 0), *before = past_hop(past, 1);
    const uint32_t hop = s->hop;
    float *newest = s->excitation + 2 * (size_t)hop;
    float *predictor = s->predictors[MODELS - 1];

    memmove(s->predictors[0], s->predictors[1], (MODELS - 1) * sizeof s->predictors[0]);
    memmove(s->excitation, s->excitation + hop, 2 * hop * sizeof *newest);
    for (uint32_t i = 0; i < hop; i++)
        newest[i] = fabsf(now[i]);
    predict(s, before, predictor);
    explain(now, hop, s->predictors[MODELS - 2], newest);
    explain(now, hop, predictor, newest);
    explain(before, hop, predictor, newest - hop);
    memmove(s->parts, s->parts + PER_HOP, (PARTS - PER_HOP) * sizeof *s->parts);
    sum_up(s, newest - hop, s->parts + PARTS - 2 * PER_HOP);
    sum_up(s, newest, s->parts + PARTS - PER_HOP);
    if (past->taken < LEARNING_HOPS)
        return;
    find(s, past);
    if (s->found.above_db <= 0)
        return;
    result->click_db = s->found.above_db;
    result->click_level_db = 20 * log10f(s->found.level);
    result->click_began_frames = (float)(past->taken * past->hop - s->found.position);
}
