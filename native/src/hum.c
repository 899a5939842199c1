#include "hum.h"

#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define STEP 6
#define KEPT_MAX 256
#define HUM_WIDE (HUM_TONES / WIDE)

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

        hum->turns[tone] = tone_hz(tone) / hum->rate;
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

/* Cosine and sine of 0 to 1 turns to single precision, by the polynomials of Moshier's Cephes
 * library about the nearest quarter. */
static inline __attribute__((always_inline)) void point(double turns, float *cosine, float *sine)
{
    const int quarter = (int)(4 * turns + 0.5);
    const double x = 2 * PI * (turns - 0.25 * quarter), z = x * x;
    const double s = x + x * z * (z * (z * -1.9515295891e-4 + 8.3321608736e-3) - 1.6666654611e-1);
    const double c =
        1 - 0.5 * z +
        z * z * (z * (z * 2.443315711809948e-5 - 1.388731625493765e-3) + 4.166664568298827e-2);
    const double across = quarter & 1 ? s : c, up = quarter & 1 ? c : s;

    *cosine = (float)((quarter + 1) & 2 ? -across : across);
    *sine = (float)(quarter & 2 ? -up : up);
}

/* What the tones have in common with one hop. */
static inline __attribute__((always_inline)) void project(hum_meter *hum, const float *values,
                                                          uint32_t count, float *re, float *im)
{
    wide cosine[HUM_WIDE], sine[HUM_WIDE], sums_re[HUM_WIDE] = {{0}}, sums_im[HUM_WIDE] = {{0}};
    float at_cos[HUM_TONES], at_sin[HUM_TONES];

    for (uint32_t tone = 0; tone < HUM_TONES; tone++) {
        const double turns = hum->phase[tone], next = turns + count * hum->turns[tone];

        point(turns, &at_cos[tone], &at_sin[tone]);
        hum->phase[tone] = next - (int)next;
    }
    for (uint32_t k = 0; k < HUM_WIDE; k++) {
        cosine[k] = wide_load(at_cos + k * WIDE);
        sine[k] = wide_load(at_sin + k * WIDE);
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < HUM_WIDE; k++) {
            const wide c = cosine[k], s = sine[k];
            const wide step_cos = wide_load(hum->step_cos + k * WIDE);
            const wide step_sin = wide_load(hum->step_sin + k * WIDE);

            sums_re[k] += values[i] * c;
            sums_im[k] += values[i] * s;
            cosine[k] = c * step_cos - s * step_sin;
            sine[k] = s * step_cos + c * step_sin;
        }
    for (uint32_t k = 0; k < HUM_WIDE; k++) {
        wide_store(re + k * WIDE, sums_re[k]);
        wide_store(im + k * WIDE, sums_im[k]);
    }
}

WIDE_CLONES void hum_run(hum_meter *hum, const float *values, uint32_t count,
                         ag06_signal_features *f)
{
    float kept[KEPT_MAX];
    const uint32_t many = decimator_run(&hum->decimator, values, count, kept);
    wide re[HUM_WIDE] = {{0}}, im[HUM_WIDE] = {{0}};
    float weight = 0, power[HUM_MAINS] = {0};

    project(hum, kept, many, hum->re[hum->at], hum->im[hum->at]);
    hum->values[hum->at] = (float)many;
    hum->at = (hum->at + 1) % HUM_HOPS;
    for (uint32_t age = 0, hop = hum->at; age < HUM_HOPS; age++) {
        const float w = hum->window[age];

        weight += w * hum->values[hop];
        for (uint32_t k = 0; k < HUM_WIDE; k++) {
            re[k] += w * wide_load(hum->re[hop] + k * WIDE);
            im[k] += w * wide_load(hum->im[hop] + k * WIDE);
        }
        hop = hop + 1 < HUM_HOPS ? hop + 1 : 0;
    }
    for (uint32_t k = 0; k < HUM_WIDE; k++)
        re[k] = re[k] * re[k] + im[k] * im[k];
    for (uint32_t tone = 0; tone < HUM_MAINS * HUM_HARMONICS; tone++)
        power[tone / HUM_HARMONICS] += re[tone / WIDE][tone % WIDE];
    /* an amplitude is twice the sum over the weight, its mean square half of its square */
    const float scale = weight > 0 ? 2 / (weight * weight) : 0;
    f->hum_50_db = power_db(power[0] * scale);
    f->hum_60_db = power_db(power[1] * scale);
}
