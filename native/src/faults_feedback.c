/*
 * At every hop a spectrum of 43 ms, whose peaks are followed.
 *
 * A loop with more than unity gain grows by that gain with each turn: a straight line in dB, at one
 * frequency to the hertz, without harmonics until something clips. A note's attack is no straight
 * line for long, a swell of a voice or a string has harmonics and vibrato.
 */
#include "faults_feedback.h"

#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
#define HOP_S 0.01F
#define SMEARED 3.0 /* windows: a note's attack is no longer, for it is smeared by one */
#define GUARD 3
#define REACH 9
#define NOTHING 1e-16F
#define FAINT 1e-7F       /* -70 dB: softer is not followed */
#define PROMINENT 10.0F   /* over the stronger of both sides */
#define NEAR_BINS 0.6F    /* from one hop to the next */
#define MISSED 3          /* hops for which a peak may be hidden */
#define SLOPE_LEAST 12.0F /* dB a second */
#define SLOPE_MOST 250.0F
#define STRAIGHT_DB 0.4F /* off a straight line, of itself */
#define NOISE_VARIANCE                                                        \
    37.7F /* in dB^2, of a sine in noise of its own power: (20 log10 e)^2 / 2 \
           */
#define STRAIGHT_BINS 0.03F
#define NOISE_BINS 0.1F   /* variance, likewise */
#define FAR 9.0F          /* what is further off is an outlier */
#define CROOKED 2.0F      /* mean square of what is off, by what is allowed */
#define HARMONIC_DB 26.0F /* so far below are its harmonics, or farther */
#define FUNDAMENTAL_DB 12.0F
#define ENDS 4        /* hops at both ends of a line, of which it is seen what else grew */
#define LOUD_DB 10.0F /* below the strongest of the spectrum: softer is not told yet */
#define HOWL_HOPS 50
#define HOWL_DB (-24.0F)
#define HOWL_VARIES_DB 1.0F
#define HOWL_VARIES_BINS 0.1F
#define HELD_DB 8.0F  /* it is over when it fell by so much */
#define GROWN_DB 6.0F /* less is not worth a word */

static const float HARMONICS[FEEDBACK_HARMONICS] = {1 / 3.0F, 0.5F, 2, 3};
static const uint32_t SPANS[] = {15, 20, 27, 40, 60, 80}; /* hops a line is drawn through */

int feedback_faults_init(feedback_faults *f, double rate, uint32_t window, double low_hz,
                         double high_hz)
{
    double sum = 0;

    memset(f, 0, sizeof *f);
    f->window = window;
    f->shortest = (uint32_t)(SMEARED * window / rate / (double)HOP_S);
    f->hz_a_bin = (float)(rate / window);
    f->fft = ag06_fft_new(window);
    f->past = calloc(window, sizeof *f->past);
    f->taper = calloc(window, sizeof *f->taper);
    f->tapered = calloc(window, sizeof *f->tapered);
    f->re = calloc(window / 2 + 1, sizeof *f->re);
    f->im = calloc(window / 2 + 1, sizeof *f->im);
    f->power = calloc(window / 2 + 1, sizeof *f->power);
    if (!f->fft || !f->past || !f->taper || !f->tapered || !f->re || !f->im || !f->power)
        return 0;
    for (uint32_t i = 0; i < window; i++) {
        const double w = 0.5 - 0.5 * cos(2 * PI * i / window);

        f->taper[i] = (float)w;
        sum += w;
    }
    f->scale = (float)(2 / (sum * sum));
    f->low = (uint32_t)(low_hz / (double)f->hz_a_bin);
    if (f->low < REACH)
        f->low = REACH;
    f->high = (uint32_t)(high_hz / (double)f->hz_a_bin);
    if (f->high > window / 2 - REACH)
        f->high = window / 2 - REACH;
    feedback_faults_reset(f);
    return 1;
}

void feedback_faults_free(feedback_faults *f)
{
    ag06_fft_free(f->fft);
    free(f->past);
    free(f->taper);
    free(f->tapered);
    free(f->re);
    free(f->im);
    free(f->power);
}

void feedback_faults_reset(feedback_faults *f)
{
    memset(f->past, 0, f->window * sizeof *f->past);
    memset(f->tracks, 0, sizeof f->tracks);
    f->past_at = 0;
}

WIDE_CLONES static void find_power(feedback_faults *f)
{
    const uint32_t older = f->window - f->past_at; /* samples up to the ring's end */

    for (uint32_t i = 0; i < older; i++)
        f->tapered[i] = f->past[f->past_at + i] * f->taper[i];
    for (uint32_t i = older; i < f->window; i++)
        f->tapered[i] = f->past[i - older] * f->taper[i];
    ag06_fft_run(f->fft, f->tapered, f->re, f->im);
    for (uint32_t i = 0; i < f->window / 2 + 1; i++)
        f->power[i] = (f->re[i] * f->re[i] + f->im[i] * f->im[i]) * f->scale + NOTHING;
}

/* What is beside a peak, as a share of it: of the stronger side; 1 where it is no peak. */
static float beside(const float *at)
{
    float below = 0, above = 0;

    for (int i = 1; i < GUARD; i++)
        if (at[-i] > *at || at[i] > *at)
            return 1;
    for (int i = GUARD; i <= REACH; i++) {
        below += at[-i];
        above += at[i];
    }
    return (below > above ? below : above) / (*at * (REACH - GUARD + 1));
}

static void place(const float *at, float *offset, float *level_db)
{
    const float a = power_db(at[-1]), b = power_db(at[0]), c = power_db(at[1]);
    const float bend = a - 2 * b + c;

    *offset = bend < -1e-3F ? 0.5F * (a - c) / bend : 0;
    *offset = *offset > 0.5F ? 0.5F : *offset < -0.5F ? -0.5F : *offset;
    *level_db = b - 0.25F * (a - c) * *offset;
}

/* The strongest about a multiple of a bin. */
static float level_about(const feedback_faults *f, float bin)
{
    const uint32_t near = (uint32_t)(bin + 0.5F);
    float most = NOTHING;

    if (near < 2 || near + 2 > f->window / 2)
        return power_db(most);
    for (uint32_t k = near - 2; k <= near + 2; k++)
        most = f->power[k] > most ? f->power[k] : most;
    return power_db(most);
}

static void append(const feedback_faults *f, feedback_track *t, float bin, float level_db,
                   float noise)
{
    const uint32_t kept = FEEDBACK_KEPT - 1;

    memmove(t->level_db, t->level_db + 1, kept * sizeof *t->level_db);
    memmove(t->bins, t->bins + 1, kept * sizeof *t->bins);
    memmove(t->noise, t->noise + 1, kept * sizeof *t->noise);
    t->level_db[kept] = level_db;
    t->noise[kept] = noise;
    for (uint32_t i = 0; i < FEEDBACK_HARMONICS; i++) {
        memmove(t->harmonics_db[i], t->harmonics_db[i] + 1, kept * sizeof *t->harmonics_db[i]);
        t->harmonics_db[i][kept] = level_about(f, bin * HARMONICS[i]);
    }
    t->bins[kept] = bin;
    t->length += t->length < FEEDBACK_KEPT;
    t->bin = bin;
}

/* The track that a peak goes on, or a free one, or the softest one if it is softer. */
static feedback_track *track_of(feedback_faults *f, float bin, float level_db)
{
    feedback_track *softest = NULL;

    for (uint32_t i = 0; i < FEEDBACK_TRACKS; i++) {
        feedback_track *t = &f->tracks[i];

        if (t->length && fabsf(t->bin - bin) < NEAR_BINS)
            return t;
    }
    for (uint32_t i = 0; i < FEEDBACK_TRACKS; i++) {
        feedback_track *t = &f->tracks[i];

        if (!t->length)
            return t;
        if (t->grown_db <= 0 && t->missed &&
            (!softest || t->level_db[FEEDBACK_KEPT - 1] < softest->level_db[FEEDBACK_KEPT - 1]))
            softest = t;
    }
    if (!softest || softest->level_db[FEEDBACK_KEPT - 1] > level_db)
        return NULL;
    softest->length = 0;
    return softest;
}

static void follow(feedback_faults *f)
{
    for (uint32_t i = 0; i < FEEDBACK_TRACKS; i++)
        f->tracks[i].missed++;
    for (uint32_t k = f->low; k < f->high; k++) {
        const float *at = f->power + k;
        float offset, level_db;

        if (at[0] < FAINT || at[-1] > at[0] || at[1] >= at[0] || at[0] < PROMINENT * at[GUARD])
            continue;
        const float noise = beside(at);
        if (noise * PROMINENT > 1)
            continue;
        place(at, &offset, &level_db);
        feedback_track *t = track_of(f, (float)k + offset, level_db);
        if (!t || (t->length && !t->missed))
            continue;
        if (!t->length)
            t->grown_db = 0;
        else if (t->missed > 1)
            for (uint32_t gap = 1; gap < t->missed; gap++) { /* as if it had gone straight on */
                const float last = t->level_db[FEEDBACK_KEPT - 1];

                append(f, t, t->bin, last + (level_db - last) / (float)(t->missed - gap + 1), 1);
            }
        append(f, t, (float)k + offset, level_db, noise);
        t->missed = 0;
    }
    for (uint32_t i = 0; i < FEEDBACK_TRACKS; i++)
        if (f->tracks[i].missed > MISSED)
            f->tracks[i].length = 0;
}

static float mean(const float *values)
{
    return wide_total(values, ENDS) / ENDS;
}

/* Whether a harmonic grew with it over the newest `span` hops, and is not far below; or it is
 * itself one of a note, whose partials a filter lets through one by one. */
static int has_harmonics(const feedback_track *t, uint32_t span, float grown_db)
{
    const uint32_t end = FEEDBACK_KEPT - ENDS, from = FEEDBACK_KEPT - span;
    const float level_db = mean(t->level_db + end);

    for (uint32_t i = 0; i < FEEDBACK_HARMONICS; i++) {
        const float now_db = mean(t->harmonics_db[i] + end);

        if (now_db > level_db - HARMONIC_DB &&
            now_db - mean(t->harmonics_db[i] + from) > 0.5F * grown_db)
            return 1;
        if (HARMONICS[i] < 1 && now_db > level_db - FUNDAMENTAL_DB)
            return 1;
    }
    return 0;
}

/* In dB, along the straight line through the newest `span` levels; 0 if they are on none. */
static float find_growth(const feedback_track *t, uint32_t span, float *db_a_second)
{
    const uint32_t from = FEEDBACK_KEPT - span;
    float weights = 0, x = 0, y = 0, xx = 0, xy = 0, place = 0, off = 0;

    for (uint32_t i = 0; i < span; i++) {
        const float level = t->level_db[from + i], at = (float)i;
        const float w = 1 / (STRAIGHT_DB * STRAIGHT_DB + NOISE_VARIANCE * t->noise[from + i]);

        weights += w;
        x += w * at;
        y += w * level;
        xx += w * at * at;
        xy += w * at * level;
        place += w * t->bins[from + i];
    }
    x /= weights;
    y /= weights;
    place /= weights;
    const float slope = (xy / weights - x * y) / (xx / weights - x * x);
    *db_a_second = slope / HOP_S;
    if (*db_a_second < SLOPE_LEAST || *db_a_second > SLOPE_MOST)
        return 0;
    for (uint32_t i = 0; i < span; i++) {
        const float noise = t->noise[from + i];
        const float away_db = t->level_db[from + i] - y - slope * ((float)i - x);
        const float away_bins = t->bins[from + i] - place;
        const float level =
            away_db * away_db / (STRAIGHT_DB * STRAIGHT_DB + NOISE_VARIANCE * noise);
        const float bins =
            away_bins * away_bins / (STRAIGHT_BINS * STRAIGHT_BINS + NOISE_BINS * noise);
        const float more = level > bins ? level : bins;

        off += more < FAR ? more : FAR;
    }
    return off < CROOKED * (float)span ? slope * (float)(span - 1) : 0;
}

/* Whether another peak grew with it: partials of one note do, whatever their ratios. */
static int has_company(const feedback_faults *f, const feedback_track *t, uint32_t span,
                       float grown_db)
{
    const uint32_t end = FEEDBACK_KEPT - ENDS, from = FEEDBACK_KEPT - span;

    for (uint32_t i = 0; i < FEEDBACK_TRACKS; i++) {
        const feedback_track *other = &f->tracks[i];

        if (other == t || other->length < span || other->missed)
            continue;
        if (mean(other->level_db + end) > mean(t->level_db + end) - HARMONIC_DB &&
            mean(other->level_db + end) - mean(other->level_db + from) > 0.5F * grown_db)
            return 1;
    }
    return 0;
}

/* How far a peak that stays is over all of the rest; 0 if it is not alone, or moves. */
static float find_howl(const feedback_faults *f, const feedback_track *t)
{
    const uint32_t bin = (uint32_t)(t->bin + 0.5F), from = FEEDBACK_KEPT - HOWL_HOPS;
    const float level_db = t->level_db[FEEDBACK_KEPT - 1];
    float rest = 0, own = 0;

    if (t->length < HOWL_HOPS || level_db < HOWL_DB)
        return 0;
    for (uint32_t i = from; i < FEEDBACK_KEPT; i++)
        if (fabsf(t->level_db[i] - level_db) > HOWL_VARIES_DB ||
            fabsf(t->bins[i] - t->bin) > HOWL_VARIES_BINS)
            return 0;
    for (uint32_t i = 0; i < FEEDBACK_HARMONICS; i++)
        if (mean(t->harmonics_db[i] + FEEDBACK_KEPT - ENDS) > level_db - HARMONIC_DB)
            return 0;
    for (uint32_t k = 1; k < f->window / 2; k++)
        rest += f->power[k];
    for (uint32_t k = bin - 3; k <= bin + 3; k++)
        own += f->power[k];
    rest -= own;
    return rest < own ? power_db(own) - power_db(rest) : 0;
}

static void judge(const feedback_faults *f, feedback_track *t)
{
    const float level_db = t->level_db[FEEDBACK_KEPT - 1];

    for (uint32_t i = 0; i < sizeof SPANS / sizeof *SPANS && SPANS[i] <= t->length; i++) {
        float db_a_second = 0;
        const float grown_db = SPANS[i] < f->shortest || level_db < f->strongest_db - LOUD_DB
                                   ? 0
                                   : find_growth(t, SPANS[i], &db_a_second);

        if (grown_db < GROWN_DB || grown_db <= t->grown_db ||
            has_harmonics(t, SPANS[i], grown_db) || has_company(f, t, SPANS[i], grown_db))
            continue;
        t->grown_db = grown_db;
        t->db_a_second = db_a_second;
        t->since = SPANS[i];
        t->most_db = level_db;
    }
    const float howl_db = find_howl(f, t);
    if (howl_db > t->grown_db) {
        if (t->grown_db <= 0) { /* else it is the one that grew */
            t->db_a_second = 0;
            t->since = HOWL_HOPS;
        }
        t->grown_db = howl_db;
        t->most_db = level_db;
    }
    t->since++;
    t->most_db = level_db > t->most_db ? level_db : t->most_db;
    if (level_db < t->most_db - HELD_DB)
        t->grown_db = 0;
}

void feedback_faults_take(feedback_faults *f, const float *samples, uint32_t count, uint32_t frames,
                          ag06_tone_faults *result)
{
    const uint32_t to_end = f->window - f->past_at;
    const uint32_t first = count < to_end ? count : to_end;

    memcpy(f->past + f->past_at, samples, first * sizeof *samples);
    memcpy(f->past, samples + first, (count - first) * sizeof *samples);
    f->past_at = count < to_end ? f->past_at + count : count - to_end;
    find_power(f);
    f->strongest_db = power_db(wide_peak(f->power + 1, f->window / 2 - 1));
    follow(f);
    for (uint32_t i = 0; i < FEEDBACK_TRACKS; i++) {
        feedback_track *t = &f->tracks[i];

        if (t->length && !t->missed)
            judge(f, t);
        if (!t->length || t->grown_db <= result->feedback_db)
            continue;
        result->feedback_db = t->grown_db;
        result->feedback_level_db = t->level_db[FEEDBACK_KEPT - 1];
        result->feedback_began_frames = (float)(t->since * frames);
        result->feedback_hz = t->bin * f->hz_a_bin;
        result->feedback_db_per_s = t->db_a_second;
    }
}
