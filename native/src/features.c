/*
 * Features of a stream, hop by hop:
 *
 *   hop -> each channel, and mid -> levels                       every hop, in the time domain
 *       \-> last `window` frames -> FFT of each channel; mid's is their mean -> spectrum
 *        \-> about 12 kHz -> pitch
 *                        \-> about 2 kHz -> hum
 *   hop -> meter -> true peak, loudness, correlation, balance
 */
#include "ag06_features.h"

#include "fft.h"
#include "hop_meter.h"
#include "hum.h"
#include "pitch.h"
#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MIN 8000
#define RATE_MAX 192000
#define WINDOW_FRAMES 2048 /* at */
#define WINDOW_RATE 48000
#define PITCH_RATE 12000
#define SLOTS_PER_SECOND 100
#define FADED 1e-12F     /* full scale 1; softer sound is silence, and squares are no denormals */
#define LOUDEST 1e6F     /* +120 dB */
#define MEAN_HOPS 10     /* the noise floor is of 100 ms */
#define FLOOR_SECONDS 10 /* and the least of so many */
#define PI 3.14159265358979323846

_Static_assert(HOP_MAX == RATE_MAX / SLOTS_PER_SECOND, "a hop has its room");

enum { LEFT, RIGHT, MID };

/* The quietest of the last seconds, in constant time: the quietest of each. */
typedef struct {
    float squares[MEAN_HOPS]; /* mean squares of the last hops */
    float least[FLOOR_SECONDS];
    uint64_t hops;
} noise_floor;

typedef struct {
    float hop[HOP_MAX];
    float *past;    /* the window, oldest first */
    float *re, *im; /* its spectrum */
    float *power;
    float *magnitudes;           /* of the hop before, normalised */
    float low[PITCH_WINDOW_MAX]; /* at the pitch's rate, the newest last */
    decimator decimator;
    hum_meter hum;
    noise_floor floor;
} signal_state;

struct ag06_features {
    uint32_t rate, channels, signals, groups;
    uint32_t hop, window, bins;
    uint32_t pitch_window; /* values */
    double pitch_rate;
    float power_scale;
    float *hann;
    float *windowed;
    ag06_fft *fft;
    spectrum_tables *tables;
    pitch_finder *pitch;
    signal_state *states; /* of each signal */
    hop_meter meter;
};

static int wants(const ag06_features *f, uint32_t groups)
{
    return (f->groups & groups) != 0;
}

static int make_signal(const ag06_features *f, signal_state *s)
{
    const size_t size = spectrum_size(f->window);

    s->past = calloc(f->window, sizeof *s->past);
    s->re = calloc(size, sizeof *s->re);
    s->im = calloc(size, sizeof *s->im);
    s->power = calloc(size, sizeof *s->power);
    s->magnitudes = calloc(size, sizeof *s->magnitudes);
    return s->past && s->re && s->im && s->power && s->magnitudes;
}

static int make(ag06_features *f, double rolloff)
{
    const uint32_t step = (f->rate + PITCH_RATE / 2) / PITCH_RATE;

    f->pitch_rate = (double)f->rate / step;
    f->pitch_window = f->window / step;
    f->hann = calloc(f->window, sizeof *f->hann);
    f->windowed = calloc(f->window, sizeof *f->windowed);
    f->fft = ag06_fft_new(f->window);
    f->tables = spectrum_new(f->rate, f->window, rolloff);
    f->pitch = pitch_new(f->pitch_window, f->pitch_rate);
    f->states = calloc(f->signals, sizeof *f->states);
    if (!f->hann || !f->windowed || !f->fft || !f->tables || !f->pitch || !f->states)
        return 0;
    for (uint32_t i = 0; i < f->window; i++)
        f->hann[i] = (float)(0.5 - 0.5 * cos(2 * PI * i / f->window));
    for (uint32_t i = 0; i < f->signals; i++) {
        if (!make_signal(f, &f->states[i]))
            return 0;
        decimator_init(&f->states[i].decimator, step);
        hum_init(&f->states[i].hum, f->pitch_rate);
    }
    hop_meter_init(&f->meter, f->rate, f->hop, f->channels);
    ag06_features_reset(f);
    return 1;
}

ag06_features *ag06_features_new(uint32_t rate, uint32_t channels, uint32_t groups, double rolloff)
{
    ag06_features *f;

    if (rate < RATE_MIN || rate > RATE_MAX || channels < 1 || channels > 2 ||
        groups > AG06_FEATURES_ALL || !(rolloff > 0 && rolloff <= 1))
        return NULL;
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->rate = rate;
    f->channels = channels;
    f->signals = channels == 2 ? AG06_FEATURE_SIGNALS : 1;
    f->groups = groups;
    f->hop = (rate + SLOTS_PER_SECOND / 2) / SLOTS_PER_SECOND;
    f->window = ag06_fft_length((uint32_t)((uint64_t)WINDOW_FRAMES * rate / WINDOW_RATE));
    f->bins = f->window / 2 + 1;
    f->power_scale = 16.0F / ((float)f->window * (float)f->window); /* (2 / sum of the window)^2 */
    if (!make(f, rolloff)) {
        ag06_features_free(f);
        return NULL;
    }
    return f;
}

void ag06_features_free(ag06_features *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; f->states && i < f->signals; i++) {
        free(f->states[i].past);
        free(f->states[i].re);
        free(f->states[i].im);
        free(f->states[i].power);
        free(f->states[i].magnitudes);
    }
    free(f->states);
    pitch_free(f->pitch);
    spectrum_free(f->tables);
    ag06_fft_free(f->fft);
    free(f->windowed);
    free(f->hann);
    free(f);
}

uint32_t ag06_features_hop(const ag06_features *f)
{
    return f->hop;
}

uint32_t ag06_features_window(const ag06_features *f)
{
    return f->window;
}

static void reset_signal(const ag06_features *f, signal_state *s)
{
    memset(s->past, 0, f->window * sizeof *s->past);
    memset(s->magnitudes, 0, spectrum_size(f->window) * sizeof *s->magnitudes);
    memset(s->low, 0, sizeof s->low);
    memset(&s->floor, 0, sizeof s->floor);
    decimator_reset(&s->decimator);
    hum_reset(&s->hum);
}

void ag06_features_reset(ag06_features *f)
{
    for (uint32_t i = 0; i < f->signals; i++)
        reset_signal(f, &f->states[i]);
    hop_meter_reset(&f->meter);
}

static float clean(float value)
{
    const float size = fabsf(value);

    if (!(size >= FADED)) /* NaN too */
        return 0;
    return size <= LOUDEST ? value : copysignf(LOUDEST, value);
}

static void take_apart(ag06_features *f, const float *frames)
{
    float *left = f->states[LEFT].hop;

    if (f->channels == 1) {
        for (uint32_t i = 0; i < f->hop; i++)
            left[i] = clean(frames[i]);
        return;
    }
    float *right = f->states[RIGHT].hop, *mid = f->states[MID].hop;
    for (uint32_t i = 0; i < f->hop; i++) {
        left[i] = clean(frames[2 * i]);
        right[i] = clean(frames[2 * i + 1]);
        mid[i] = 0.5F * (left[i] + right[i]);
    }
}

static float quietest(noise_floor *floor, float mean_square)
{
    const uint64_t second = floor->hops / SLOTS_PER_SECOND % FLOOR_SECONDS;
    const uint64_t seen = floor->hops / SLOTS_PER_SECOND + 1;
    float *least = &floor->least[second];
    float mean = 0;

    floor->squares[floor->hops % MEAN_HOPS] = mean_square;
    for (int i = 0; i < MEAN_HOPS; i++)
        mean += floor->squares[i];
    mean /= MEAN_HOPS;
    if (floor->hops < MEAN_HOPS) /* the windows are not whole yet */
        mean *= (float)MEAN_HOPS / (float)(floor->hops + 1);
    if (floor->hops % SLOTS_PER_SECOND == 0 || mean < *least)
        *least = mean;
    floor->hops++;
    for (uint64_t i = 0; i < FLOOR_SECONDS && i < seen; i++)
        mean = floor->least[i] < mean ? floor->least[i] : mean;
    return mean;
}

WIDE_CLONES static void find_levels(const ag06_features *f, signal_state *s,
                                    ag06_signal_features *out)
{
    const float *hop = s->past + f->window - f->hop, *before = hop - 1;
    const float mean_square = wide_dot(hop, hop, f->hop) / (float)f->hop;
    const float peak = wide_peak(hop, f->hop);
    uint32_t crossings = 0;

    for (uint32_t i = 0; i < f->hop; i++)
        crossings += (hop[i] >= 0) != (before[i] >= 0);
    out->rms_db = power_db(mean_square);
    out->peak_db = power_db(peak * peak);
    out->crest_db = peak * peak > mean_square ? power_db(peak * peak / mean_square) : 0;
    out->dc_offset = wide_total(s->past, f->window) / (float)f->window;
    out->zero_crossing_rate = (float)crossings * (float)f->rate / (float)f->hop;
    out->noise_floor_db = power_db(quietest(&s->floor, mean_square));
}

static void slide(float *past, uint32_t length, const float *values, uint32_t count)
{
    memmove(past, past + count, (length - count) * sizeof *past);
    memcpy(past + length - count, values, count * sizeof *past);
}

WIDE_CLONES static void find_spectrum(ag06_features *f, uint32_t signal)
{
    signal_state *s = &f->states[signal];

    if (signal == MID) { /* the transform is linear */
        const signal_state *left = &f->states[LEFT], *right = &f->states[RIGHT];

        for (uint32_t i = 0; i < f->bins; i++) {
            s->re[i] = 0.5F * (left->re[i] + right->re[i]);
            s->im[i] = 0.5F * (left->im[i] + right->im[i]);
        }
    } else {
        for (uint32_t i = 0; i < f->window; i++)
            f->windowed[i] = s->past[i] * f->hann[i];
        ag06_fft_run(f->fft, f->windowed, s->re, s->im);
    }
    for (uint32_t i = 0; i < f->bins; i++)
        s->power[i] = (s->re[i] * s->re[i] + s->im[i] * s->im[i]) * f->power_scale;
}

static void find_pitch(const ag06_features *f, signal_state *s, ag06_signal_features *out)
{
    float kept[HOP_MAX];
    const uint32_t many = decimator_run(&s->decimator, s->hop, f->hop, kept);

    slide(s->low, f->pitch_window, kept, many);
    if (wants(f, AG06_FEATURES_PITCH))
        pitch_find(f->pitch, s->low, out);
    if (wants(f, AG06_FEATURES_HUM))
        hum_run(&s->hum, kept, many, out);
}

static void meter(ag06_features *f, ag06_hop_features *result)
{
    const float *signals[AG06_FEATURE_SIGNALS] = {NULL};

    for (uint32_t i = 0; i < f->signals; i++)
        signals[i] = f->states[i].hop;
    hop_meter_run(&f->meter, signals, result);
}

static void extract(ag06_features *f, const float *frames, ag06_hop_features *result)
{
    memset(result, 0, sizeof *result);
    take_apart(f, frames);
    for (uint32_t i = 0; i < f->signals; i++) {
        signal_state *s = &f->states[i];
        ag06_signal_features *out = &result->signals[i];

        slide(s->past, f->window, s->hop, f->hop);
        if (wants(f, AG06_FEATURES_LEVEL))
            find_levels(f, s, out);
        if (wants(f, AG06_FEATURES_SPECTRUM | AG06_FEATURES_MFCC | AG06_FEATURES_TONE))
            find_spectrum(f, i);
        if (wants(f, AG06_FEATURES_SPECTRUM))
            spectrum_shape(f->tables, s->power, s->magnitudes, out);
        if (wants(f, AG06_FEATURES_MFCC))
            spectrum_mfcc(f->tables, s->power, out);
        if (wants(f, AG06_FEATURES_TONE))
            spectrum_tone(f->tables, s->power, out);
        if (wants(f, AG06_FEATURES_PITCH | AG06_FEATURES_HUM))
            find_pitch(f, s, out);
    }
    if (wants(f, AG06_FEATURES_METER))
        meter(f, result);
}

void ag06_features_extract(ag06_features *f, const float *frames, uint32_t hops,
                           ag06_hop_features *results)
{
    for (uint32_t i = 0; i < hops; i++)
        extract(f, frames + (size_t)i * f->hop * f->channels, &results[i]);
}
