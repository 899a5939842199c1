/*
 * Wet is made from dry, so the two are alike at lag 0 whatever happens. What came back is an echo
 * in dry of the wet before it: dry's spectrum has ripples, as far apart as 1 over the delay, and
 * the cross-spectrum of both has them, too.
 *
 *   dry, wet -> about 8 kHz -> every 250 ms the cross-spectrum of a second, whitened by what is
 *   about each bin, with peaks cut (a held note has some, an echo has none) -> sums of 1 s -> two
 *   halves of the last 4 s, in three bands -> correlation by lag
 *
 * An echo is there in all bands, in both halves, at one lag and its multiples alone, and stays
 * there to the sample. Voices and music are alike after a period or a bar, but not in all of this.
 * After Knapp and Carter, The Generalized Correlation Method for Estimation of Time Delay, 1976.
 */
#include "faults_loop.h"

#include "decimate.h"
#include "fft.h"
#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
#define LOW_RATE 8000
#define WINDOW_S 1.024
#define STEP_HOPS 25
#define BLOCK_FRAMES 4 /* spectra of a sum */
#define BLOCKS 4
#define HALVES 2
#define BANDS 3
#define SMOOTH_HZ 40.0 /* to each side */
#define PEAK 1.5F      /* as much over what is about it a bin may be */
#define SHORTEST_S 0.004
#define LONGEST_S 0.5
#define QUIET 1e-8F     /* mean square; what is softer tells nothing */
#define LONE 2.0F       /* as much over the second an echo is */
#define BESIDE 4        /* values about an echo that are part of it */
#define AGAIN 0.6F      /* share that a held note has after two of its periods */
#define SAME 0.4F       /* share of the correlation that is to be there in each half */
#define LEAST 0.03F     /* correlation */
#define STEADY 12       /* looks in a row at the same lag */
#define GAIN_SHARE 0.7F /* of an echo's gain is the correlation, since peaks are cut */

static const double EDGES_HZ[BANDS + 1] = {200, 800, 1800, 3400};

typedef struct {
    decimator decimator;
    float *past, *re, *im, *about;
} loop_side;

struct faults_loop {
    uint32_t channels, window, smooth, shortest, longest;
    uint32_t edges[BANDS + 1];
    double rate; /* the lower one */
    ag06_fft *fft;
    loop_side dry, wet;
    float *taper, *work, *out_re, *out_im;
    float *block_re[BLOCKS], *block_im[BLOCKS]; /* sums of spectra, each of sum 1 in each band */
    float *correlation[HALVES];                 /* by lag, the least of the bands */
    uint32_t hops, frame, block;                /* in the step, in the block, in the ring */
    uint32_t blocks;                            /* that are full, BLOCKS at most */
    uint32_t full;                              /* the block that is next has still what it had */
    uint32_t to_do; /* transforms of a look that are still to do, and the search */
    uint32_t lag, steady;
    float found; /* correlation */
};

static int make_side(loop_side *side, uint32_t window, uint32_t step)
{
    decimator_init(&side->decimator, step);
    side->past = calloc(window, sizeof *side->past);
    side->re = calloc(window / 2 + 1, sizeof *side->re);
    side->im = calloc(window / 2 + 1, sizeof *side->im);
    side->about = calloc(window / 2 + 1, sizeof *side->about);
    return side->past && side->re && side->im && side->about;
}

static int make(faults_loop *s, uint32_t step)
{
    const uint32_t bins = s->window / 2 + 1;

    s->fft = ag06_fft_new(s->window);
    s->taper = calloc(s->window, sizeof *s->taper);
    s->work = calloc(s->window, sizeof *s->work);
    s->out_re = calloc(bins, sizeof *s->out_re);
    s->out_im = calloc(bins, sizeof *s->out_im);
    if (!s->fft || !s->taper || !s->work || !s->out_re || !s->out_im ||
        !make_side(&s->dry, s->window, step) || !make_side(&s->wet, s->window, step))
        return 0;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        s->block_re[i] = calloc(bins, sizeof **s->block_re);
        s->block_im[i] = calloc(bins, sizeof **s->block_im);
        if (!s->block_re[i] || !s->block_im[i])
            return 0;
    }
    for (uint32_t i = 0; i < HALVES; i++) {
        s->correlation[i] = calloc(bins, sizeof **s->correlation);
        if (!s->correlation[i])
            return 0;
    }
    return 1;
}

faults_loop *faults_loop_new(uint32_t rate, uint32_t channels)
{
    faults_loop *s = calloc(1, sizeof *s);
    const uint32_t whole = (rate + LOW_RATE / 2) / LOW_RATE;
    const uint32_t step = whole < DECIMATE_STEP_MAX ? whole : DECIMATE_STEP_MAX;

    if (!s)
        return NULL;
    s->channels = channels;
    s->rate = (double)rate / step;
    s->window = ag06_fft_length((uint32_t)(WINDOW_S * s->rate));
    s->smooth = (uint32_t)(SMOOTH_HZ * s->window / s->rate);
    s->shortest = (uint32_t)(SHORTEST_S * s->rate);
    s->longest = (uint32_t)(LONGEST_S * s->rate);
    if (s->longest > s->window / 2 - BESIDE)
        s->longest = s->window / 2 - BESIDE;
    for (uint32_t i = 0; i <= BANDS; i++)
        s->edges[i] = (uint32_t)(EDGES_HZ[i] * s->window / s->rate);
    if (!make(s, step)) {
        faults_loop_free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < s->window; i++)
        s->taper[i] = (float)(0.5 - 0.5 * cos(2 * PI * i / s->window));
    faults_loop_reset(s);
    return s;
}

static void free_side(loop_side *side)
{
    free(side->past);
    free(side->re);
    free(side->im);
    free(side->about);
}

void faults_loop_free(faults_loop *s)
{
    if (!s)
        return;
    ag06_fft_free(s->fft);
    free_side(&s->dry);
    free_side(&s->wet);
    free(s->taper);
    free(s->work);
    free(s->out_re);
    free(s->out_im);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        free(s->block_re[i]);
        free(s->block_im[i]);
    }
    for (uint32_t i = 0; i < HALVES; i++)
        free(s->correlation[i]);
    free(s);
}

void faults_loop_reset(faults_loop *s)
{
    decimator_reset(&s->dry.decimator);
    decimator_reset(&s->wet.decimator);
    memset(s->dry.past, 0, s->window * sizeof *s->dry.past);
    memset(s->wet.past, 0, s->window * sizeof *s->wet.past);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        memset(s->block_re[i], 0, (s->window / 2 + 1) * sizeof **s->block_re);
        memset(s->block_im[i], 0, (s->window / 2 + 1) * sizeof **s->block_im);
    }
    s->hops = s->frame = s->block = s->blocks = s->full = s->to_do = s->lag = s->steady = 0;
    s->found = 0;
}

static void slide(const faults_loop *s, loop_side *side, const float *const sound[2],
                  uint32_t frames)
{
    float mid[DECIMATE_INPUT_MAX], kept[DECIMATE_INPUT_MAX];

    for (uint32_t i = 0; i < frames; i++)
        mid[i] = s->channels > 1 ? 0.5F * (sound[0][i] + sound[1][i]) : sound[0][i];
    const uint32_t many = decimator_run(&side->decimator, mid, frames, kept);
    memmove(side->past, side->past + many, (s->window - many) * sizeof *side->past);
    memcpy(side->past + s->window - many, kept, many * sizeof *side->past);
}

WIDE_CLONES static void transform(const faults_loop *s, loop_side *side)
{
    for (uint32_t i = 0; i < s->window; i++)
        s->work[i] = side->past[i] * s->taper[i];
    ag06_fft_run(s->fft, s->work, side->re, side->im);
}

/* The mean power about each bin. */
static void find_about(const faults_loop *s, loop_side *side)
{
    const uint32_t from = s->edges[0], to = s->edges[BANDS], smooth = s->smooth;
    const float share = 1 / (float)(2 * smooth + 1);
    double sum = 0;

    for (uint32_t k = from - smooth; k < from + smooth; k++)
        sum += (double)(side->re[k] * side->re[k] + side->im[k] * side->im[k]);
    for (uint32_t k = from; k < to; k++) {
        const uint32_t in = k + smooth, out = k - smooth;

        sum += (double)(side->re[in] * side->re[in] + side->im[in] * side->im[in]);
        side->about[k] = (float)(sum > 0 ? sum : 0) * share + 1e-20F;
        sum -= (double)(side->re[out] * side->re[out] + side->im[out] * side->im[out]);
    }
}

/* Add the whitened cross-spectrum to the block's sum. */
WIDE_CLONES static void add_cross(faults_loop *s)
{
    float *re = s->block_re[s->block], *im = s->block_im[s->block];

    for (uint32_t band = 0; band < BANDS; band++) {
        const uint32_t from = s->edges[band], to = s->edges[band + 1];
        float sum = 1e-20F;

        for (uint32_t k = from; k < to; k++) {
            const float x = s->dry.re[k], y = s->dry.im[k], u = s->wet.re[k], v = s->wet.im[k];
            const float white = 1 / sqrtf(s->dry.about[k] * s->wet.about[k]);
            const float a = (x * u + y * v) * white, b = (y * u - x * v) * white;
            const float size = sqrtf(a * a + b * b) + 1e-20F;
            const float cut = size > PEAK ? PEAK / size : 1;

            s->out_re[k] = a * cut;
            s->out_im[k] = b * cut;
        }
        for (uint32_t k = from; k < to; k++)
            sum += sqrtf(s->out_re[k] * s->out_re[k] + s->out_im[k] * s->out_im[k]);
        for (uint32_t k = from; k < to; k++) {
            re[k] += s->out_re[k] / sum;
            im[k] += s->out_im[k] / sum;
        }
    }
    s->frame++;
    s->blocks += s->frame == BLOCK_FRAMES && s->blocks < BLOCKS;
}

/*
 * The correlation of one half in one band, by lag. The transform is of real values only: of
 * x[k] = A + B and x[N - k] = A - B its real part is the cosine sum of A, its imaginary part less
 * the sine sum of B, and both together are the inverse transform of A + iB.
 */
WIDE_CLONES static void correlate(faults_loop *s, uint32_t half, uint32_t band)
{
    const uint32_t first = (s->block + half * HALVES) % BLOCKS, second = (first + 1) % BLOCKS;
    const float share = 0.25F / BLOCK_FRAMES; /* of two blocks, and each value stands twice */
    float *to = s->correlation[half];

    memset(s->work, 0, s->window * sizeof *s->work);
    for (uint32_t k = s->edges[band]; k < s->edges[band + 1]; k++) {
        const float a = s->block_re[first][k] + s->block_re[second][k];
        const float b = s->block_im[first][k] + s->block_im[second][k];

        s->work[k] = (a + b) * share;
        s->work[s->window - k] = (a - b) * share;
    }
    ag06_fft_run(s->fft, s->work, s->out_re, s->out_im);
    for (uint32_t i = 0; i <= s->longest; i++) {
        const float value = s->out_re[i] + s->out_im[i];

        to[i] = band == 0 || value < to[i] ? value : to[i];
    }
}

static float at_lag(const faults_loop *s, uint32_t lag)
{
    const float a = s->correlation[0][lag], b = s->correlation[1][lag];
    const float mean = 0.5F * (a + b);

    return a > SAME * mean && b > SAME * mean ? mean : 0;
}

/* Whether it is there after two turns, too, hardly less: an echo is fainter by its gain each time,
 * a held note is not. */
static int goes_on(const faults_loop *s, uint32_t lag, float found)
{
    for (uint32_t twice = 2 * lag - 2; twice <= 2 * lag + 2 && twice <= s->longest; twice++)
        if (at_lag(s, twice) > AGAIN * found)
            return 1;
    return 0;
}

/* The lag that stands out, and alone. */
static void search(faults_loop *s)
{
    uint32_t best = 0;
    float most = LEAST, second = 1e-6F;

    for (uint32_t lag = s->shortest; lag <= s->longest; lag++)
        if (at_lag(s, lag) > most) {
            most = at_lag(s, lag);
            best = lag;
        }
    for (uint32_t lag = s->shortest; best && lag <= s->longest; lag++) {
        const uint32_t beyond = (lag + BESIDE) % best;

        if (lag + BESIDE >= best && beyond <= 2 * BESIDE)
            continue;
        second = at_lag(s, lag) > second ? at_lag(s, lag) : second;
    }
    if (!best || most < LONE * second || goes_on(s, best, most)) {
        s->steady = 0;
        s->found = 0;
        return;
    }
    const uint32_t moved = best > s->lag ? best - s->lag : s->lag - best;
    s->steady = moved <= 1 ? s->steady + 1 : 1;
    s->lag = best;
    s->found = s->steady >= STEADY ? most : 0;
}

static int is_loud(const faults_loop *s, const loop_side *side)
{
    return wide_dot(side->past, side->past, s->window) > QUIET * (float)s->window;
}

/* The work of a step, a transform a hop. */
static void look(faults_loop *s)
{
    if (s->hops == 0) { /* of the same moment */
        transform(s, &s->dry);
        transform(s, &s->wet);
    } else if (s->hops == 1) {
        find_about(s, &s->dry);
        find_about(s, &s->wet);
    } else if (s->hops == 2) {
        if (is_loud(s, &s->dry) && is_loud(s, &s->wet)) /* time stands still in silence */
            add_cross(s);
        if (s->frame == BLOCK_FRAMES) {
            s->frame = 0;
            s->block = (s->block + 1) % BLOCKS; /* now the oldest */
            s->to_do = s->blocks == BLOCKS ? HALVES * BANDS + 1 : 0;
            s->full = 1;
        }
    } else if (s->to_do > 1) {
        const uint32_t done = HALVES * BANDS + 1 - s->to_do;

        correlate(s, done / BANDS, done % BANDS);
        s->to_do--;
    } else if (s->to_do == 1) {
        search(s);
        s->to_do--;
    } else if (s->hops == STEP_HOPS - 1 && s->full) { /* the oldest makes room */
        memset(s->block_re[s->block], 0, (s->window / 2 + 1) * sizeof **s->block_re);
        memset(s->block_im[s->block], 0, (s->window / 2 + 1) * sizeof **s->block_im);
        s->full = 0;
    }
    s->hops = (s->hops + 1) % STEP_HOPS;
}

void faults_loop_take(faults_loop *s, const float *const dry[2], const float *const wet[2],
                      uint32_t frames, ag06_loop_faults *result)
{
    memset(result, 0, sizeof *result);
    if (!wet)
        return;
    slide(s, &s->dry, dry, frames);
    slide(s, &s->wet, wet, frames);
    look(s);
    if (s->found <= 0)
        return;
    const float gain = s->found / GAIN_SHARE;

    result->loopback_percent = 100 * s->found;
    result->loopback_delay_ms = (float)(1000.0 * s->lag / s->rate);
    result->loopback_gain_db = power_db(gain < 1 ? gain * gain : 1);
}
