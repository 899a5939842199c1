#include "pitch.h"

#include "fft.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HIGHEST_HZ 1000
#define THRESHOLD 0.15 /* of the normalised difference: the first dip below it is taken */
#define SILENT 1e-9    /* sum of squares */
#define HNR_LEAST_DB (-20)
#define HNR_MOST_DB 40
#define LAGS_MAX (PITCH_WINDOW_MAX / 2)

struct pitch_finder {
    uint32_t window, width, lags, length; /* values; the length is the transform's */
    double rate;
    ag06_fft *fft;
    float *fixed, *whole; /* the earlier half, and all of the window; zeros behind */
    float *re[2], *im[2]; /* their spectra */
};

static float *room(uint32_t length)
{
    return calloc(length, sizeof(float));
}

pitch_finder *pitch_new(uint32_t window, double rate)
{
    pitch_finder *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->window = window;
    p->width = window / 2;
    p->lags = window / 2 - 4;
    p->rate = rate;
    /* no product of the circle's may reach round it */
    for (p->length = (window + 31) / 32 * 32; ag06_fft_length(p->length) != p->length;)
        p->length += 32;
    p->fft = ag06_fft_new(p->length);
    p->fixed = room(p->length);
    p->whole = room(p->length);
    for (int i = 0; i < 2; i++) {
        p->re[i] = room(p->length);
        p->im[i] = room(p->length);
    }
    if (!p->fft || !p->fixed || !p->whole || !p->re[0] || !p->re[1] || !p->im[0] || !p->im[1]) {
        pitch_free(p);
        return NULL;
    }
    return p;
}

void pitch_free(pitch_finder *p)
{
    if (!p)
        return;
    for (int i = 0; i < 2; i++) {
        free(p->re[i]);
        free(p->im[i]);
    }
    free(p->whole);
    free(p->fixed);
    ag06_fft_free(p->fft);
    free(p);
}

/*
 * Sums of values[i] * values[i + lag] over the earlier half, at lags 0 to half the window: their
 * spectrum is that of the half, conjugate, times that of the whole. With C = U + iV, the sums are
 * those of U cos - V sin: what the real transform of U + V has as real and imaginary part.
 */
WIDE_CLONES static void correlate(pitch_finder *p, const float *values, float *products)
{
    const float *a_re = p->re[0], *a_im = p->im[0], *b_re = p->re[1], *b_im = p->im[1];
    const uint32_t half = p->length / 2;
    const float scale = 1 / (float)p->length;
    float *restrict sums = p->fixed;

    memcpy(p->fixed, values, p->width * sizeof *values);
    memset(p->fixed + p->width, 0, (p->length - p->width) * sizeof *values);
    memcpy(p->whole, values, p->window * sizeof *values);
    ag06_fft_run(p->fft, p->fixed, p->re[0], p->im[0]);
    ag06_fft_run(p->fft, p->whole, p->re[1], p->im[1]);
    for (uint32_t k = 1; k < half; k++) {
        const float u = a_re[k] * b_re[k] + a_im[k] * b_im[k];
        const float v = a_re[k] * b_im[k] - a_im[k] * b_re[k];

        sums[k] = u + v;
        sums[p->length - k] = u - v;
    }
    sums[0] = a_re[0] * b_re[0];
    sums[half] = a_re[half] * b_re[half];
    ag06_fft_run(p->fft, sums, p->re[0], p->im[0]);
    for (uint32_t lag = 0; lag <= p->lags; lag++)
        products[lag] = (p->re[0][lag] + p->im[0][lag]) * scale;
}

WIDE_CLONES static float energy_of(const float *values, uint32_t count)
{
    return wide_dot(values, values, count);
}

/* Where the parabola through three neighbours has its extreme, -1/2 to 1/2 from the middle. */
static double extreme(double left, double middle, double right)
{
    const double bend = left - 2 * middle + right;
    const double at = bend != 0 ? 0.5 * (left - right) / bend : 0;

    return at < -0.5 ? -0.5 : at > 0.5 ? 0.5 : at;
}

void pitch_find(pitch_finder *p, const float *values, ag06_signal_features *f)
{
    const uint32_t width = p->width, lags = p->lags;
    const uint32_t shortest = (uint32_t)(p->rate / HIGHEST_HZ);
    float products[LAGS_MAX];
    double difference[LAGS_MAX + 1] = {0}, relative[LAGS_MAX + 1], energy[LAGS_MAX + 1];
    double sum = 0;
    uint32_t best = shortest;

    f->f0 = 0;
    f->voicing = 0;
    f->hnr_db = HNR_LEAST_DB;
    energy[0] = (double)energy_of(values, width);
    if (energy[0] < SILENT)
        return;
    correlate(p, values, products);
    relative[0] = 1;
    difference[0] = 0;
    for (uint32_t lag = 1; lag <= lags; lag++) {
        const double gone = (double)values[lag - 1], come = (double)values[lag + width - 1];

        energy[lag] = energy[lag - 1] - gone * gone + come * come;
        difference[lag] = energy[0] + energy[lag] - 2 * (double)products[lag];
        if (difference[lag] < 0)
            difference[lag] = 0;
        sum += difference[lag];
        relative[lag] = sum > 0 ? difference[lag] * lag / sum : 1;
        if (lag < shortest || lag == lags)
            continue;
        if (relative[lag] < relative[best])
            best = lag;
        if (relative[best] < THRESHOLD && relative[lag] > relative[best])
            break;
    }
    if (best <= 1 || best >= lags)
        return;
    /* The cumulative mean leans on what is left of the dip, so the difference itself is asked. */
    const double away = extreme(difference[best - 1], difference[best], difference[best + 1]);
    const double bottom =
        difference[best] - 0.25 * (difference[best - 1] - difference[best + 1]) * away;
    const double deep = bottom > 0 ? bottom : 0;
    const double aperiodic = difference[best] > 0 ? relative[best] * (deep / difference[best]) : 0;
    const double both = energy[0] + energy[best];
    const double periodic = both > 0 ? 1 - deep / both : 0;
    const double hnr = periodic >= 1   ? HNR_MOST_DB
                       : periodic <= 0 ? HNR_LEAST_DB
                                       : 10 * log10(periodic / (1 - periodic));

    f->f0 = (float)(p->rate / (best + away));
    f->voicing = (float)(aperiodic < 1 ? 1 - aperiodic : 0);
    f->hnr_db = (float)(hnr < HNR_LEAST_DB ? HNR_LEAST_DB : hnr > HNR_MOST_DB ? HNR_MOST_DB : hnr);
}
