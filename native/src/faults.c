/* A fault meter: cuts hops into channels, and has each part look at what is its own. */
#include "faults.h"

#include "faults_level.h"
#include "faults_loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MIN 8000
#define RATE_MAX 192000
#define HOPS_PER_SECOND 100
#define HOP_FRAMES_MAX (RATE_MAX / HOPS_PER_SECOND)
#define STEREO 2
#define LOUDEST 1e3F /* 60 dBFS, so that no sum of squares is too large */
#define TARGET_LUFS (-20)

struct ag06_faults {
    uint32_t channels;
    uint32_t hop; /* frames */
    faults_wave *wave[STEREO];
    faults_tone *tone[STEREO];
    faults_pair *pair;
    faults_loop *loop;
    level_faults level;
    float dry[STEREO][HOP_FRAMES_MAX];
    float wet[STEREO][HOP_FRAMES_MAX];
};

static int make(ag06_faults *f, uint32_t rate)
{
    for (uint32_t c = 0; c < f->channels; c++) {
        f->wave[c] = faults_wave_new(rate);
        f->tone[c] = faults_tone_new(rate);
        if (!f->wave[c] || !f->tone[c])
            return 0;
    }
    f->pair = faults_pair_new(rate);
    f->loop = faults_loop_new(rate, f->channels);
    level_faults_init(&f->level, rate, f->channels, TARGET_LUFS);
    return f->pair != NULL && f->loop != NULL;
}

ag06_faults *ag06_faults_new(uint32_t rate, uint32_t channels)
{
    ag06_faults *f;

    if (rate < RATE_MIN || rate > RATE_MAX || channels < 1 || channels > STEREO)
        return NULL;
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->channels = channels;
    f->hop = (rate + HOPS_PER_SECOND / 2) / HOPS_PER_SECOND;
    if (!make(f, rate)) {
        ag06_faults_free(f);
        return NULL;
    }
    return f;
}

void ag06_faults_free(ag06_faults *faults)
{
    if (!faults)
        return;
    for (uint32_t c = 0; c < faults->channels; c++) {
        faults_wave_free(faults->wave[c]);
        faults_tone_free(faults->tone[c]);
    }
    faults_pair_free(faults->pair);
    faults_loop_free(faults->loop);
    free(faults);
}

void ag06_faults_aim(ag06_faults *faults, float target_lufs)
{
    faults->level.target_lufs = target_lufs;
}

void ag06_faults_reset(ag06_faults *faults)
{
    for (uint32_t c = 0; c < faults->channels; c++) {
        faults_wave_reset(faults->wave[c]);
        faults_tone_reset(faults->tone[c]);
    }
    faults_pair_reset(faults->pair);
    faults_loop_reset(faults->loop);
    level_faults_reset(&faults->level);
}

/* Interleaved frames into channels; what is no number becomes silence, and what is beyond LOUDEST
 * that. */
static void cut(const ag06_faults *f, const float *frames, float (*channels)[HOP_FRAMES_MAX])
{
    for (uint32_t c = 0; c < f->channels; c++)
        for (uint32_t i = 0; i < f->hop; i++) {
            const float sample = frames[(size_t)i * f->channels + c];

            channels[c][i] = !(sample - sample == 0) ? 0 /* NaN, or infinite */
                             : sample > LOUDEST      ? LOUDEST
                             : sample < -LOUDEST     ? -LOUDEST
                                                     : sample;
        }
}

static void take(ag06_faults *f, const float *dry, const float *wet, ag06_hop_faults *result)
{
    memset(result, 0, sizeof *result);
    cut(f, dry, f->dry);
    for (uint32_t c = 0; c < f->channels && c < STEREO; c++) {
        faults_wave_take(f->wave[c], f->dry[c], f->hop, &result->wave[c]);
        faults_tone_take(f->tone[c], f->dry[c], f->hop, &result->tone[c]);
    }
    const float *const heard[] = {f->dry[0], f->dry[1]}, *const sent[] = {f->wet[0], f->wet[1]};

    if (wet)
        cut(f, wet, f->wet);
    level_faults_take(&f->level, wet ? sent : heard, f->hop, &result->level);
    faults_loop_take(f->loop, heard, wet ? sent : NULL, f->hop, &result->loop);
    if (f->channels < STEREO)
        return;
    const float both = fminf(result->wave[0].dead_s, result->wave[1].dead_s);

    result->wave[0].dead_s -= both;
    result->wave[1].dead_s -= both;
    faults_pair_take(f->pair, heard,
                     (const float *const[]){wet ? sent[0] : NULL, wet ? sent[1] : NULL}, f->hop,
                     &result->pair);
    result->pair.silent_s = both;
}

void ag06_faults_take(ag06_faults *faults, const float *dry, const float *wet, uint32_t hops,
                      ag06_hop_faults *results)
{
    const size_t step = (size_t)faults->hop * faults->channels;

    for (uint32_t i = 0; i < hops; i++)
        take(faults, dry + i * step, wet ? wet + i * step : NULL, &results[i]);
}
