/*
 * Faults in the spectrum, and over seconds, of one channel:
 *
 *   hop -> spectra of 170 ms -> steady tones, noise floor
 *      \-> feedback, from 500 Hz up
 *       \-> about 12 kHz -> feedback below that
 *                        \-> hum
 */
#include "faults.h"

#include "decimate.h"
#include "faults_feedback.h"
#include "faults_floor.h"
#include "faults_hum.h"
#include "faults_steady.h"

#include <stdlib.h>

#define LOW_RATE 12000   /* about */
#define HUM_HOPS 800     /* longer than a steady tone is remembered */
#define HOWL_WINDOW 2048 /* frames, at */
#define HOWL_RATE 48000
#define LOW_HOWL_WINDOW 1024 /* values, at */
#define HOWL_LOWEST_HZ 120
#define HOWL_MIDDLE_HZ 550 /* above which the shorter window tells lines apart */
#define HOWL_HIGHEST_HZ 14000

struct faults_tone {
    decimator decimator;
    hum_faults hum;
    steady_faults steady;
    floor_faults floor;
    feedback_faults howl, low_howl;
    uint32_t hum_hops; /* for which the multiples of the last hum are still no tones */
};

static uint32_t window_at(double rate, double window, double at_rate)
{
    return ag06_fft_length((uint32_t)(window * rate / at_rate));
}

static int make(faults_tone *s, uint32_t rate)
{
    const uint32_t step = rate > LOW_RATE ? (rate + LOW_RATE / 2) / LOW_RATE : 1;
    const double low = (double)rate / step;
    const double highest = HOWL_HIGHEST_HZ < 0.45 * rate ? HOWL_HIGHEST_HZ : 0.45 * rate;

    decimator_init(&s->decimator, step);
    if (!steady_faults_init(&s->steady, rate))
        return 0;
    floor_faults_init(&s->floor, &s->steady.lines.layout);
    return hum_faults_init(&s->hum, low) &
           feedback_faults_init(&s->howl, rate, window_at(rate, HOWL_WINDOW, HOWL_RATE),
                                HOWL_MIDDLE_HZ, highest) &
           feedback_faults_init(&s->low_howl, low, window_at(low, LOW_HOWL_WINDOW, LOW_RATE),
                                HOWL_LOWEST_HZ, HOWL_MIDDLE_HZ);
}

faults_tone *faults_tone_new(uint32_t rate)
{
    faults_tone *s = calloc(1, sizeof *s);

    if (s && !make(s, rate)) {
        faults_tone_free(s);
        return NULL;
    }
    return s;
}

void faults_tone_free(faults_tone *tone)
{
    if (!tone)
        return;
    hum_faults_free(&tone->hum);
    steady_faults_free(&tone->steady);
    feedback_faults_free(&tone->howl);
    feedback_faults_free(&tone->low_howl);
    free(tone);
}

void faults_tone_reset(faults_tone *tone)
{
    decimator_reset(&tone->decimator);
    hum_faults_reset(&tone->hum);
    tone->hum_hops = 0;
    steady_faults_reset(&tone->steady);
    floor_faults_reset(&tone->floor);
    feedback_faults_reset(&tone->howl);
    feedback_faults_reset(&tone->low_howl);
}

void faults_tone_take(faults_tone *tone, const float *samples, uint32_t frames,
                      ag06_tone_faults *result)
{
    float low[DECIMATE_INPUT_MAX];
    const uint32_t many = decimator_run(&tone->decimator, samples, frames, low);

    hum_faults_take(&tone->hum, low, many, frames, result);
    if (result->hum_over_db > 0) {
        tone->steady.hum_hz = result->hum_mains_hz;
        tone->hum_hops = HUM_HOPS;
    } else if (tone->hum_hops > 0) {
        tone->hum_hops--;
    } else {
        tone->steady.hum_hz = 0;
    }
    floor_faults_take(&tone->floor, steady_faults_take(&tone->steady, samples, frames, result),
                      result);
    feedback_faults_take(&tone->howl, samples, frames, frames, result);
    feedback_faults_take(&tone->low_howl, low, many, frames, result);
}
