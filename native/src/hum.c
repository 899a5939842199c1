#include "hum.h"

#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define STEP 6
#define KEPT_MAX 256

static double tone_hz(uint32_t tone)
{
    return (tone < HUM_HARMONICS ? 50.0 : 60.0) * (tone % HUM_HARMONICS + 1);
}

void hum_init(hum_meter *hum, double rate)
{
    memset(hum, 0, sizeof *hum);
    decimator_init(&hum->decimator, STEP);
    hum->rate = rate / STEP;
    for (uint32_t tone = 0; tone < HUM_MAINS * HUM_HARMONICS; tone++) {
        const double angle = 2 * PI * tone_hz(tone) / hum->rate;

        hum->step_cos[tone] = (float)cos(angle);
        hum->step_sin[tone] = (float)sin(angle);
    }
    for (int i = 0; i < HUM_HOPS; i++)
        hum->window[i] = (float)(0.5 - 0.5 * cos(2 * PI * (i + 0.5) / HUM_HOPS));
    hum_reset(hum);
}

void hum_reset(hum_meter *hum)
{
    decimator_reset(&hum->decimator);
    memset(hum->phase, 0, sizeof hum->phase);
    memset(hum->re, 0, sizeof hum->re);
    memset(hum->im, 0, sizeof hum->im);
    memset(hum->values, 0, sizeof hum->values);
    hum->at = 0;
}

/* What the tones have in common with one hop. */
WIDE_CLONES static void project(hum_meter *hum, const float *values, uint32_t count, float *re,
                                float *im)
{
    float cosine[HUM_TONES], sine[HUM_TONES];

    for (uint32_t tone = 0; tone < HUM_TONES; tone++) {
        const double turns = hum->phase[tone];

        cosine[tone] = (float)cos(2 * PI * turns);
        sine[tone] = (float)sin(2 * PI * turns);
        hum->phase[tone] = turns + count * tone_hz(tone) / hum->rate;
        hum->phase[tone] -= floor(hum->phase[tone]);
        re[tone] = 0;
        im[tone] = 0;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t tone = 0; tone < HUM_TONES; tone++) {
            const float c = cosine[tone], s = sine[tone];

            re[tone] += values[i] * c;
            im[tone] += values[i] * s;
            cosine[tone] = c * hum->step_cos[tone] - s * hum->step_sin[tone];
            sine[tone] = s * hum->step_cos[tone] + c * hum->step_sin[tone];
        }
}

WIDE_CLONES void hum_run(hum_meter *hum, const float *values, uint32_t count,
                         ag06_signal_features *f)
{
    float kept[KEPT_MAX];
    const uint32_t many = decimator_run(&hum->decimator, values, count, kept);
    float re[HUM_TONES] = {0}, im[HUM_TONES] = {0};
    float weight = 0, power[HUM_MAINS] = {0};

    project(hum, kept, many, hum->re[hum->at], hum->im[hum->at]);
    hum->values[hum->at] = (float)many;
    hum->at = (hum->at + 1) % HUM_HOPS;
    for (uint32_t age = 0, hop = hum->at; age < HUM_HOPS; age++) {
        const float w = hum->window[age];

        weight += w * hum->values[hop];
        for (uint32_t tone = 0; tone < HUM_TONES; tone++) {
            re[tone] += w * hum->re[hop][tone];
            im[tone] += w * hum->im[hop][tone];
        }
        hop = hop + 1 < HUM_HOPS ? hop + 1 : 0;
    }
    for (uint32_t tone = 0; tone < HUM_MAINS * HUM_HARMONICS; tone++)
        power[tone / HUM_HARMONICS] += re[tone] * re[tone] + im[tone] * im[tone];
    /* an amplitude is twice the sum over the weight, its mean square half of its square */
    const float scale = weight > 0 ? 2 / (weight * weight) : 0;
    f->hum_50_db = power_db(power[0] * scale);
    f->hum_60_db = power_db(power[1] * scale);
}
