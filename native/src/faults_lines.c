#include "faults_lines.h"

#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
#define NOTHING 1e-16F  /* a power, far below what 24 bits hold */
#define CLEAR_OVER 4.0F /* a line is clear of its neighbours when so much stronger: 6 dB */
#define CONTRARY 4.0F
#define STEADY_DB 0.6F /* deviation that a steady tone may have, of itself and of the windows */
#define FAR 9.0F       /* what is further off is an outlier, and not the further the worse */
#define SWAY_DB 0.4F
#define PARTS 5
#define INDEPENDENT 0.5F /* of the moments, since their windows overlap */
#define NOISE_VARIANCE                                                        \
    37.7F /* in dB^2, of a sine in noise of its own power: (20 log10 e)^2 / 2 \
           */
#define LINE_QUANTILE 0.1F
#define QUIET_QUANTILE 0.2F

/* Blackman and Harris' window of four terms: what is 92 dB weaker is seen beside a line. */
static float taper_at(uint32_t i, uint32_t window)
{
    const double turn = 2 * PI * i / window;

    return (float)(0.35875 - 0.48829 * cos(turn) + 0.14128 * cos(2 * turn) -
                   0.01168 * cos(3 * turn));
}

int lines_init(line_history *l, const line_layout *layout)
{
    const size_t half = layout->window / 2 + 1;
    double sum = 0;

    memset(l, 0, sizeof *l);
    l->layout = *layout;
    l->fft = ag06_fft_new(layout->window);
    l->past = calloc(layout->window, sizeof *l->past);
    l->taper = calloc(layout->window, sizeof *l->taper);
    l->tapered = calloc(layout->window, sizeof *l->tapered);
    l->re = calloc(half, sizeof *l->re);
    l->im = calloc(half, sizeof *l->im);
    l->power = calloc((size_t)layout->frames * layout->bins, sizeof *l->power);
    l->block_least =
        calloc((size_t)layout->frames / layout->block * layout->bins, sizeof *l->block_least);
    l->least = calloc(layout->bins, sizeof *l->least);
    if (!l->fft || !l->past || !l->taper || !l->tapered || !l->re || !l->im || !l->power ||
        !l->block_least || !l->least)
        return 0;
    for (uint32_t i = 0; i < layout->window; i++) {
        l->taper[i] = taper_at(i, layout->window);
        sum += (double)l->taper[i];
    }
    l->scale = (float)(2 / (sum * sum));
    return 1;
}

void lines_free(line_history *l)
{
    ag06_fft_free(l->fft);
    free(l->past);
    free(l->taper);
    free(l->tapered);
    free(l->re);
    free(l->im);
    free(l->power);
    free(l->block_least);
    free(l->least);
}

void lines_reset(line_history *l)
{
    memset(l->past, 0, l->layout.window * sizeof *l->past);
    l->past_at = l->at = l->taken = 0;
}

void lines_slide(line_history *l, const float *samples, uint32_t count)
{
    const uint32_t to_end = l->layout.window - l->past_at;
    const uint32_t first = count < to_end ? count : to_end;

    memcpy(l->past + l->past_at, samples, first * sizeof *samples);
    memcpy(l->past, samples + first, (count - first) * sizeof *samples);
    l->past_at = count < to_end ? l->past_at + count : count - to_end;
}

WIDE_CLONES const float *lines_take(line_history *l)
{
    const uint32_t bins = l->layout.bins;
    float *power = l->power + (size_t)l->at * bins;
    float *least = l->block_least + (size_t)(l->at / l->layout.block) * bins;
    const uint32_t older = l->layout.window - l->past_at; /* samples up to the ring's end */
    const int fresh = l->at % l->layout.block == 0;

    for (uint32_t i = 0; i < older; i++)
        l->tapered[i] = l->past[l->past_at + i] * l->taper[i];
    for (uint32_t i = older; i < l->layout.window; i++)
        l->tapered[i] = l->past[i - older] * l->taper[i];
    ag06_fft_run(l->fft, l->tapered, l->re, l->im);
    for (uint32_t i = 0; i < bins; i++)
        power[i] = (l->re[i] * l->re[i] + l->im[i] * l->im[i]) * l->scale + NOTHING;
    for (uint32_t i = 0; i < bins; i++)
        least[i] = fresh || power[i] < least[i] ? power[i] : least[i];
    l->at = (l->at + 1) % l->layout.frames;
    l->taken += l->taken < l->layout.frames;
    return power;
}

int lines_full(const line_history *l)
{
    return l->taken == l->layout.frames;
}

WIDE_CLONES void lines_find_least(line_history *l)
{
    const uint32_t bins = l->layout.bins, blocks = l->layout.frames / l->layout.block;

    memcpy(l->least, l->block_least, bins * sizeof *l->least);
    for (uint32_t k = 1; k < blocks; k++) {
        const float *block = l->block_least + (size_t)k * bins;

        for (uint32_t i = 0; i < bins; i++)
            l->least[i] = block[i] < l->least[i] ? block[i] : l->least[i];
    }
}

/* The mean over the neighbours on each side. */
static void find_sides(const line_layout *layout, const float *at, float *below, float *above)
{
    const int guard = (int)layout->guard, reach = (int)layout->reach;

    *below = *above = 0;
    for (int i = guard; i <= reach; i++) {
        *below += at[-i];
        *above += at[i];
    }
    *below /= (float)(reach - guard + 1);
    *above /= (float)(reach - guard + 1);
}

float lines_prominence(const line_history *l, uint32_t bin)
{
    const float *at = l->least + bin;
    const int guard = (int)l->layout.guard;
    float below, above;

    for (int i = 1; i < guard; i++)
        if (at[-i] > *at || at[i] > *at)
            return 0;
    find_sides(&l->layout, at, &below, &above);
    return *at / (below > above ? below : above);
}

static void sort(float *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const float value = values[i];
        uint32_t k = i;

        for (; k > 0 && values[k - 1] > value; k--)
            values[k] = values[k - 1];
        values[k] = value;
    }
}

static float quantile(const float *sorted, uint32_t count, float share)
{
    return sorted[(uint32_t)(share * (float)(count - 1) + 0.5F)];
}

static float mean(const float *values, uint32_t count)
{
    return wide_total(values, count) / (float)count;
}

/* The square of how far a level is from the middle one, by the square of what it is allowed. */
static float deviation(float line, float middle, float own_db, float noise)
{
    const float away = power_db(line) - power_db(middle);

    const float square = away * away / (own_db * own_db + NOISE_VARIANCE * noise / middle);

    return square < FAR ? square : FAR;
}

static float median(const float *values, uint32_t count)
{
    float sorted[LINES_FRAMES_MAX];

    memcpy(sorted, values, count * sizeof *sorted);
    sort(sorted, count);
    return quantile(sorted, count, 0.5F);
}

static void find_wobble(const float *line, const float *noise, uint32_t count,
                        line_reading *reading)
{
    const uint32_t part = count / PARTS;
    const float middle = median(line, count);
    float wobble = 0, sway = 0;

    for (uint32_t i = 0; i < count; i++)
        wobble += deviation(line[i], middle, STEADY_DB, noise[i]);
    reading->wobble = sqrtf(wobble / (float)count);
    for (uint32_t i = 0; part && i < PARTS; i++)
        sway += deviation(median(line + i * part, part), middle, SWAY_DB,
                          mean(noise + i * part, part) / (INDEPENDENT * (float)part));
    reading->sway = sqrtf(sway / PARTS);
}

/* Where between the bins a peak is, and how high, by a parabola through the logarithms. */
static void interpolate(const float peak[3], float *offset, float *gain_db)
{
    const float a = power_db(peak[0]), b = power_db(peak[1]), c = power_db(peak[2]);
    const float bend = a - 2 * b + c;

    *offset = bend < -1e-3F ? 0.5F * (a - c) / bend : 0;
    *offset = *offset > 0.5F ? 0.5F : *offset < -0.5F ? -0.5F : *offset;
    *gain_db = -0.25F * (a - c) * *offset;
}

float a_weight(float hz)
{
    const float f2 = hz * hz;
    const float gain = 12194.0F * 12194.0F * f2 * f2 /
                       ((f2 + 20.6F * 20.6F) * (f2 + 12194.0F * 12194.0F) *
                        sqrtf((f2 + 107.7F * 107.7F) * (f2 + 737.9F * 737.9F)));

    return gain * gain * 1.585F; /* 1 at 1 kHz */
}

void lines_read(const line_history *l, uint32_t bin, line_reading *reading)
{
    const uint32_t bins = l->layout.bins, frames = l->taken;
    float line[LINES_FRAMES_MAX], beside[LINES_FRAMES_MAX], sorted[LINES_FRAMES_MAX];
    float noise[LINES_FRAMES_MAX], peak[3] = {0}, offset, gain_db;
    uint32_t clear = 0, contrary = 0;

    memset(reading, 0, sizeof *reading);
    if (!frames)
        return;
    for (uint32_t i = 0; i < frames; i++) {
        const float *at = l->power + (size_t)i * bins + bin;
        float below, above;

        find_sides(&l->layout, at, &below, &above);
        line[i] = *at;
        beside[i] = sqrtf(below * above);
    }
    memcpy(sorted, line, frames * sizeof *sorted);
    sort(sorted, frames);
    const float steady = quantile(sorted, frames, LINE_QUANTILE);
    memcpy(sorted, beside, frames * sizeof *sorted);
    sort(sorted, frames);
    const float quiet = quantile(sorted, frames, QUIET_QUANTILE);
    for (uint32_t age = 0, i = l->at; age < frames; age++, i++) {
        i = i < frames ? i : 0; /* the oldest first */
        const float *at = l->power + (size_t)i * bins + bin;

        contrary += line[i] > CONTRARY * steady && line[i] > CONTRARY * beside[i] * CLEAR_OVER;
        if (beside[i] * CLEAR_OVER >= steady)
            continue;
        sorted[clear] = line[i];
        noise[clear++] = beside[i];
        for (int k = 0; k < 3; k++)
            peak[k] += at[k - 1];
    }
    reading->over_db = power_db(steady) - power_db(quiet);
    reading->level_db = power_db(steady);
    reading->contrary = (float)contrary / (float)frames;
    reading->clear = (float)clear / (float)frames;
    reading->hz = (float)(bin * l->layout.rate / l->layout.window);
    if (clear < 2)
        return;
    find_wobble(sorted, noise, clear, reading);
    interpolate(peak, &offset, &gain_db);
    reading->hz = (float)(((double)bin + (double)offset) * l->layout.rate / l->layout.window);
    reading->level_db += gain_db;
    reading->over_db += gain_db;
    /* 10^(gain / 10) to its square term: a bin is never more than 1.4 dB too low */
    reading->power = steady * (1 + gain_db * (0.2302585F + gain_db * 0.0265095F));
    reading->heard = reading->power * a_weight(reading->hz);
}
