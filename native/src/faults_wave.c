/* Faults in the time domain of one channel: the last hops, and each part that looks at them. */
#include "faults.h"

#include "click.h"
#include "flat_top.h"
#include "hole.h"
#include "life.h"
#include "over.h"
#include "past.h"
#include "slip.h"

#include <stdlib.h>
#include <string.h>

struct faults_wave {
    past_hops past;
    float *frames;
    flat_top tops;
    hole holes;
    click clicks;
    slip slips;
    life alive;
};

faults_wave *faults_wave_new(uint32_t rate)
{
    faults_wave *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->past.rate = rate;
    s->past.hop = (rate + 50) / 100;
    s->frames = calloc((size_t)PAST_HOPS * s->past.hop, sizeof *s->frames);
    s->past.frames = s->frames;
    if (!s->frames || !click_init(&s->clicks, s->past.hop)) {
        faults_wave_free(s);
        return NULL;
    }
    return s;
}

void faults_wave_free(faults_wave *wave)
{
    if (!wave)
        return;
    click_free(&wave->clicks);
    free(wave->frames);
    free(wave);
}

void faults_wave_reset(faults_wave *wave)
{
    memset(wave->frames, 0, (size_t)PAST_HOPS * wave->past.hop * sizeof *wave->frames);
    wave->past.taken = 0;
    flat_top_reset(&wave->tops);
    hole_reset(&wave->holes);
    click_reset(&wave->clicks);
    slip_reset(&wave->slips);
    life_reset(&wave->alive);
}

void faults_wave_take(faults_wave *wave, const float *samples, uint32_t frames,
                      ag06_wave_faults *result)
{
    const size_t kept = (size_t)(PAST_HOPS - 1) * frames;

    memmove(wave->frames, wave->frames + frames, kept * sizeof *samples);
    memcpy(wave->frames + kept, samples, frames * sizeof *samples);
    wave->past.taken++;
    flat_top_take(&wave->tops, &wave->past, result);
    hole_take(&wave->holes, &wave->past, result);
    click_take(&wave->clicks, &wave->past, result);
    slip_take(&wave->slips, &wave->clicks, &wave->past, result);
    over_take(&wave->past, result);
    life_take(&wave->alive, &wave->past, result);
}
