#include "spectrum.h"

#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR_POWER 1e-12F     /* AG06_FEATURE_FLOOR_DB */
#define FLATNESS_LEAST 1e-10F  /* of each bin's power, or one empty bin would decide */
#define DB_A_NEPER 4.34294482F /* 10 / log 10 */
#define HANN_WIDTH 1.5F        /* bins of noise that a bin's power holds */
#define PI 3.14159265358979323846

/* Slaney's mel scale: 200/3 Hz a mel up to 1 kHz, then 27 steps for a factor of 6.4. */
#define MEL_HZ (200.0 / 3)
#define MEL_BREAK_HZ 1000.0
#define MEL_BREAK (MEL_BREAK_HZ / MEL_HZ)
#define MEL_STEPS 27
#define MEL_FACTOR 6.4

#define CHROMA_A0_HZ 27.5
#define CHROMA_CENTRE 5.0 /* octaves above A0, where the weighting has its middle */
#define CHROMA_WIDTH 2.0  /* octaves */
#define CHROMA_LEAST                                                             \
    1e-6 /* of a bin's weights; what is below all through eight bins is left out \
          */

#define OCTAVE_MIDDLE_HZ 1000.0
#define OCTAVE_MIDDLE 5 /* index of the band about 1 kHz */

typedef struct {
    uint32_t first; /* bin */
    uint32_t count;
    uint32_t at; /* its first weight */
} band;

struct spectrum_tables {
    uint32_t bins; /* window / 2 + 1 */
    uint32_t size; /* with the zeros */
    float bin_hz;
    float rolloff;
    float *hz;     /* of each bin */
    float *roots;  /* room for those of a power spectrum */
    float *chroma; /* weights of eight bins each, by pitch class; most classes are far from most
                      bins */
    uint32_t *chroma_bins; /* the first of the eight */
    uint32_t chroma_ends[AG06_CHROMAS];
    float *mel_weights;
    band mels[AG06_MELS];
    band octaves[AG06_OCTAVES]; /* without weights */
    float dct[AG06_MFCCS][AG06_MELS];
};

uint32_t spectrum_size(uint32_t window)
{
    return (window / 2 + 1 + WIDE - 1) / WIDE * WIDE;
}

float power_db(float power)
{
    const wide w = {power > FLOOR_POWER ? power : FLOOR_POWER, 1, 1, 1, 1, 1, 1, 1};

    return DB_A_NEPER * wide_log(w)[0];
}

static double mel_of(double hz)
{
    if (hz < MEL_BREAK_HZ)
        return hz / MEL_HZ;
    return MEL_BREAK + MEL_STEPS * log(hz / MEL_BREAK_HZ) / log(MEL_FACTOR);
}

static double hz_of(double mel)
{
    if (mel < MEL_BREAK)
        return mel * MEL_HZ;
    return MEL_BREAK_HZ * pow(MEL_FACTOR, (mel - MEL_BREAK) / MEL_STEPS);
}

/* Triangles of equal area from each band's lower neighbour to its upper. */
static void design_mels(spectrum_tables *t)
{
    const double top = mel_of(t->bin_hz * (t->bins - 1.0));
    uint32_t at = 0;

    for (uint32_t m = 0; m < AG06_MELS; m++) {
        const double low = hz_of(top * m / (AG06_MELS + 1));
        const double middle = hz_of(top * (m + 1) / (AG06_MELS + 1));
        const double high = hz_of(top * (m + 2) / (AG06_MELS + 1));
        band *mel = &t->mels[m];

        mel->at = at;
        mel->count = 0;
        for (uint32_t bin = 0; bin < t->bins; bin++) {
            const double hz = (double)t->bin_hz * bin;
            const double weight = fmin((hz - low) / (middle - low), (high - hz) / (high - middle));

            if (weight <= 0)
                continue;
            if (mel->count++ == 0)
                mel->first = bin;
            t->mel_weights[at++] = (float)(2 * weight / (high - low));
        }
    }
    for (int n = 0; n < AG06_MFCCS; n++)
        for (int m = 0; m < AG06_MELS; m++)
            t->dct[n][m] = (float)(sqrt((n > 0 ? 2.0 : 1.0) / AG06_MELS) *
                                   cos(PI * n * (m + 0.5) / AG06_MELS));
}

/* How near a bin is to each pitch class, as librosa.filters.chroma has it; their squares sum to 1.
 */
static void chroma_weights(double bin, double bin_hz, double weights[AG06_CHROMAS])
{
    const double semitone =
        12 * log2((bin > 0 ? bin : 1) * bin_hz / CHROMA_A0_HZ) - (bin > 0 ? 0 : 18);
    const double next = 12 * log2((bin + 1) * bin_hz / CHROMA_A0_HZ);
    const double width = fmax(next - semitone, 1);
    double norm = 0;

    for (uint32_t pitch = 0; pitch < AG06_CHROMAS; pitch++) {
        const double from_a = pitch - 9.0; /* C is nine semitones below A */
        double away = fmod(semitone - from_a + 6, 12);

        away = (away < 0 ? away + 12 : away) - 6;
        weights[pitch] = exp(-0.5 * pow(2 * away / width, 2));
        norm += weights[pitch] * weights[pitch];
    }
    for (uint32_t pitch = 0; pitch < AG06_CHROMAS; pitch++)
        weights[pitch] /= sqrt(norm);
}

/* What a bin counts for, the middle octaves most. */
static double chroma_loudness(double bin, double bin_hz)
{
    const double octave =
        log2((bin > 0 ? bin : 1) * bin_hz / CHROMA_A0_HZ) - (bin > 0 ? 0 : 1.5) - CHROMA_CENTRE;

    return exp(-0.5 * octave * octave / (CHROMA_WIDTH * CHROMA_WIDTH));
}

static void design_chroma(spectrum_tables *t)
{
    uint32_t at[AG06_CHROMAS] = {0}, blocks = 0;
    const double bin_hz = (double)t->bin_hz;

    /* twice: how many blocks each class has, then what they are */
    for (int filling = 0; filling < 2; filling++) {
        for (uint32_t first = 0; first < t->size; first += WIDE) {
            double weights[WIDE][AG06_CHROMAS] = {{0}};

            for (uint32_t i = 0; i < WIDE && first + i < t->bins; i++)
                chroma_weights(first + i, bin_hz, weights[i]);
            for (uint32_t pitch = 0; pitch < AG06_CHROMAS; pitch++) {
                double most = 0;

                for (uint32_t i = 0; i < WIDE; i++)
                    most = fmax(most, weights[i][pitch]);
                if (most < CHROMA_LEAST)
                    continue;
                for (uint32_t i = 0; filling && i < WIDE; i++)
                    t->chroma[(size_t)at[pitch] * WIDE + i] =
                        (float)(weights[i][pitch] * chroma_loudness(first + i, bin_hz));
                if (filling)
                    t->chroma_bins[at[pitch]] = first;
                at[pitch]++;
            }
        }
        for (uint32_t pitch = 0; pitch < AG06_CHROMAS && !filling; pitch++) {
            const uint32_t count = at[pitch];

            at[pitch] = blocks;
            blocks += count;
        }
    }
    memcpy(t->chroma_ends, at, sizeof at);
}

static void design_octaves(spectrum_tables *t)
{
    for (int i = 0; i < AG06_OCTAVES; i++) {
        const double middle = OCTAVE_MIDDLE_HZ * exp2(i - OCTAVE_MIDDLE);
        const double first = ceil(middle / sqrt(2) / t->bin_hz);
        const double end = fmin(ceil(middle * sqrt(2) / t->bin_hz), t->bins);

        t->octaves[i].first = (uint32_t)first;
        t->octaves[i].count = end > first ? (uint32_t)(end - first) : 0;
    }
}

spectrum_tables *spectrum_new(uint32_t rate, uint32_t window, double rolloff)
{
    spectrum_tables *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->bins = window / 2 + 1;
    t->size = spectrum_size(window);
    t->bin_hz = (float)rate / (float)window;
    t->rolloff = (float)rolloff;
    t->hz = calloc(t->size, sizeof *t->hz);
    t->roots = calloc(t->size, sizeof *t->roots);
    t->chroma = calloc((size_t)t->size * AG06_CHROMAS, sizeof *t->chroma);
    t->mel_weights = calloc(2 * (size_t)t->bins, sizeof *t->mel_weights); /* no bin is in more */
    t->chroma_bins = calloc((size_t)t->size / WIDE * AG06_CHROMAS, sizeof *t->chroma_bins);
    if (!t->hz || !t->roots || !t->chroma || !t->chroma_bins || !t->mel_weights) {
        spectrum_free(t);
        return NULL;
    }
    for (uint32_t bin = 0; bin < t->bins; bin++)
        t->hz[bin] = t->bin_hz * (float)bin;
    design_mels(t);
    design_chroma(t);
    design_octaves(t);
    return t;
}

void spectrum_free(spectrum_tables *tables)
{
    if (!tables)
        return;
    free(tables->hz);
    free(tables->roots);
    free(tables->chroma);
    free(tables->chroma_bins);
    free(tables->mel_weights);
    free(tables);
}

/* The bin at which the power below first reaches `wanted`. */
static inline uint32_t reached(const spectrum_tables *t, const float *power, float wanted)
{
    float below = 0;
    uint32_t bin = 0;

    while (bin + WIDE < t->size) {
        const float here = wide_sum(wide_load(power + bin));

        if (below + here >= wanted)
            break;
        below += here;
        bin += WIDE;
    }
    below += power[bin];
    while (below < wanted && bin + 1 < t->bins)
        below += power[++bin];
    return bin;
}

WIDE_CLONES void spectrum_shape(spectrum_tables *t, const float *power, float *magnitudes,
                                ag06_signal_features *f)
{
    wide sum = {0}, first = {0}, second = {0}, energy = {0}, rises = {0};
    wide audible = {0}, logs = {0}, product = (wide){0} + 1;
    const float zeros = (float)(t->size - t->bins);

    for (uint32_t i = 0; i < t->size; i += WIDE) {
        const wide p = wide_load(power + i), hz = wide_load(t->hz + i);
        const wide a = wide_sqrt(p);

        sum += a;
        first += a * hz;
        second += a * hz * hz;
        energy += p;
        wide_store(t->roots + i, a);
        const wide heard = wide_max(p, (wide){0} + FLATNESS_LEAST);
        audible += heard;
        product *= heard;
        if (i % (2 * WIDE) || i + WIDE == t->size) { /* of two, 1e-20 to 1e24 */
            logs += wide_log(product);
            product = (wide){0} + 1;
        }
    }
    const float total = wide_sum(sum), all = wide_sum(energy), count = (float)t->bins;
    const float scale = total > 0 ? 1 / total : 0;

    for (uint32_t i = 0; i < t->size; i += WIDE) {
        const wide now = wide_load(t->roots + i) * scale;
        const wide rise = wide_max(now - wide_load(magnitudes + i), (wide){0});

        rises += rise * rise;
        wide_store(magnitudes + i, now);
    }
    const float mean_hz = t->bin_hz * (count - 1) / 2;
    const float hz_spread = t->bin_hz * t->bin_hz * (count * count - 1) / 12; /* variance */
    const float centroid = wide_sum(first) * scale;
    const float variance = wide_sum(second) * scale - centroid * centroid;
    const wide rest = {FLATNESS_LEAST, 1, 1, 1, 1, 1, 1, 1};
    const float log_sum = wide_sum(logs) - zeros * wide_log(rest)[0];

    f->spectral_centroid = centroid;
    f->spectral_spread = variance > 0 ? sqrtf(variance) : 0;
    f->spectral_rolloff = all > FLOOR_POWER ? t->hz[reached(t, power, t->rolloff * all)] : 0;
    f->spectral_flatness =
        expf(log_sum / count) / ((wide_sum(audible) - zeros * FLATNESS_LEAST) / count);
    f->spectral_flux = sqrtf(wide_sum(rises));
    f->spectral_slope = total > 0 ? (centroid - mean_hz) / (count * hz_spread) : 0;
}

static inline __attribute__((always_inline)) void decibels(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += WIDE) {
        const wide power = wide_max(wide_load(values + i), (wide){0} + FLOOR_POWER);

        wide_store(values + i, DB_A_NEPER * wide_log(power));
    }
}

WIDE_CLONES void spectrum_mfcc(const spectrum_tables *t, const float *power,
                               ag06_signal_features *f)
{
    for (int m = 0; m < AG06_MELS; m++) {
        const band *mel = &t->mels[m];

        f->log_mel_db[m] = wide_dot(power + mel->first, t->mel_weights + mel->at, mel->count);
    }
    decibels(f->log_mel_db, AG06_MELS);
    for (int n = 0; n < AG06_MFCCS; n++)
        f->mfcc[n] = wide_dot(t->dct[n], f->log_mel_db, AG06_MELS);
}

WIDE_CLONES void spectrum_tone(const spectrum_tables *t, const float *power,
                               ag06_signal_features *f)
{
    float most = 0;
    float octaves[2 * WIDE] = {0};
    uint32_t at = 0;

    for (uint32_t pitch = 0; pitch < AG06_CHROMAS; pitch++) {
        wide sum = {0};

        for (; at < t->chroma_ends[pitch]; at++)
            sum += wide_load(power + t->chroma_bins[at]) * wide_load(t->chroma + (size_t)at * WIDE);
        f->chroma[pitch] = wide_sum(sum);
        most = f->chroma[pitch] > most ? f->chroma[pitch] : most;
    }
    for (uint32_t pitch = 0; pitch < AG06_CHROMAS; pitch++)
        f->chroma[pitch] = most > FLOOR_POWER ? f->chroma[pitch] / most : 0;
    for (int i = 0; i < AG06_OCTAVES; i++)
        octaves[i] =
            wide_total(power + t->octaves[i].first, t->octaves[i].count) / (2 * HANN_WIDTH);
    decibels(octaves, 2 * WIDE);
    memcpy(f->octave_db, octaves, sizeof f->octave_db);
}
