/*
 * Features: whatever the sound, every value is a number of its range; nothing is allocated once
 * there is an extractor, and memory that runs short costs no more than that extractor.
 *
 * The line printed ends in a sum of the bits of all values, which every way of building and every
 * processor must have in common; the Makefile compares.
 */
#include "ag06_features.h"
#include "check.h"
#include "pitch.h"
#include "spectrum.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define ROLLOFF 0.85
#define HOPS 40
#define FRAMES_MAX (HOPS * 192000 / 100)

static const uint32_t rates[] = {8000, 11025, 16000, 17999, 22050, 44100, 48000, 96000, 192000};
#define RATES (sizeof rates / sizeof *rates)

static uint64_t bits = BITS;

/* ---- memory: counted, and short when asked for; sanitizers have their own ------------------- */

static long allocations;

#if !SANITIZED
static long in_use;
static long until_short = -1; /* allocations that are still granted; all when negative */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void __libc_free(void *);

static int granted(void)
{
    if (until_short == 0)
        return 0;
    until_short -= until_short > 0;
    allocations++;
    in_use++;
    return 1;
}

void *malloc(size_t size)
{
    return granted() ? __libc_malloc(size) : NULL;
}

void *calloc(size_t count, size_t size)
{
    return granted() ? __libc_calloc(count, size) : NULL;
}

void free(void *old)
{
    in_use -= old != NULL;
    __libc_free(old);
}
#endif

/* ---- sound -------------------------------------------------------------------------------- */

typedef void (*source)(float *sound, uint32_t values, uint64_t *seed);

static void noise(float *sound, uint32_t values, uint64_t *seed)
{
    for (uint32_t i = 0; i < values; i++)
        sound[i] = (float)random_in(seed, -0.5, 0.5);
}

static void extremes(float *sound, uint32_t values, uint64_t *seed)
{
    const float bad[] = {FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45F,  -1e-40F, NAN, INFINITY, -INFINITY,
                         1e20F,   -1e6F,    1e-12F,  -1e-13F, 1,       -1,  0,        -0.0F};

    for (uint32_t i = 0; i < values; i++)
        sound[i] = bad[random_below(seed, sizeof bad / sizeof *bad)];
}

static void any_bits(float *sound, uint32_t values, uint64_t *seed)
{
    for (uint32_t i = 0; i < values; i++) {
        const uint32_t word = (uint32_t)random_u64(seed);

        memcpy(&sound[i], &word, sizeof word);
    }
}

static void silence(float *sound, uint32_t values, uint64_t *seed)
{
    (void)seed;
    memset(sound, 0, values * sizeof *sound);
}

static void loudest(float *sound, uint32_t values, uint64_t *seed)
{
    (void)seed;
    for (uint32_t i = 0; i < values; i++)
        sound[i] = FLT_MAX;
}

static void impulse(float *sound, uint32_t values, uint64_t *seed)
{
    silence(sound, values, seed);
    sound[random_below(seed, values)] = 1e6F;
}

static const source sources[] = {noise, extremes, any_bits, silence, loudest, impulse};
#define SOURCES (sizeof sources / sizeof *sources)

/* ---- ranges ------------------------------------------------------------------------------- */

#define VALUES(of) (sizeof(of) / sizeof(float))

static void check_within(const float *values, size_t count, double low, double high)
{
    for (size_t i = 0; i < count; i++)
        CHECK((double)values[i] >= low && (double)values[i] <= high); /* and NaN is neither */
}

static void check_signal(const ag06_signal_features *f, double nyquist)
{
    const float *decibels[] = {&f->rms_db,    &f->peak_db,   &f->true_peak_db,
                               &f->hum_50_db, &f->hum_60_db, &f->noise_floor_db};

    for (size_t i = 0; i < sizeof decibels / sizeof *decibels; i++)
        check_within(decibels[i], 1, -120.001, 140);
    check_within(&f->crest_db, 1, 0, 60);
    check_within(&f->dc_offset, 1, -1e6, 1e6);
    check_within(&f->zero_crossing_rate, 1, 0, 2 * nyquist * 1.01);
    check_within(&f->spectral_centroid, 1, 0, nyquist * 1.0001);
    check_within(&f->spectral_spread, 1, 0, nyquist);
    check_within(&f->spectral_rolloff, 1, 0, nyquist * 1.0001);
    check_within(&f->spectral_flatness, 1, 0, 1.001);
    check_within(&f->spectral_flux, 1, 0, 1.001);
    check_within(&f->spectral_slope, 1, -1, 1);
    check_within(&f->f0, 1, 0, 1100);
    check_within(&f->voicing, 1, 0, 1);
    check_within(&f->hnr_db, 1, -20, 40);
    check_within(f->log_mel_db, AG06_MELS, -120.001, 180);
    check_within(f->mfcc, AG06_MFCCS, -2000, 2000);
    check_within(f->chroma, AG06_CHROMAS, 0, 1);
    check_within(f->octave_db, AG06_OCTAVES, -120.001, 140);
}

static void check_hop(const ag06_hop_features *f, uint32_t rate, uint32_t signals)
{
    const float empty[VALUES(ag06_signal_features)] = {0};

    for (uint32_t i = 0; i < AG06_FEATURE_SIGNALS; i++)
        if (i < signals)
            check_signal(&f->signals[i], rate / 2.0);
        else
            CHECK(memcmp(&f->signals[i], empty, sizeof empty) == 0);
    check_within(&f->correlation, 1, -1, 1);
    check_within(&f->balance, 1, -1, 1);
    check_within(&f->momentary_lufs, 1, -120, 200);
    check_within(&f->short_term_lufs, 1, -120, 200);
}

/* ---- tests -------------------------------------------------------------------------------- */

static float sound[2 * FRAMES_MAX];
static ag06_hop_features results[HOPS], again[HOPS];

static void whatever_comes_in_what_comes_out_is_in_range(uint32_t rate, uint32_t channels)
{
    ag06_features *f = ag06_features_new(rate, channels, AG06_FEATURES_ALL, ROLLOFF);
    uint64_t seed = rate + channels;

    CHECK(f != NULL);
    const long before = allocations;
    const uint32_t values = HOPS * ag06_features_hop(f) * channels;
    for (size_t i = 0; i < SOURCES; i++) {
        sources[i](sound, values, &seed);
        ag06_features_extract(f, sound, HOPS, results);
        for (int hop = 0; hop < HOPS; hop++)
            check_hop(&results[hop], rate, channels == 2 ? 3 : 1);
        bits = add_bits(bits, results, sizeof results);
    }
    CHECK_EQUAL(allocations, before);
    ag06_features_free(f);
}

static void a_reset_is_as_new(uint32_t rate)
{
    ag06_features *used = ag06_features_new(rate, 2, AG06_FEATURES_ALL, ROLLOFF);
    ag06_features *fresh = ag06_features_new(rate, 2, AG06_FEATURES_ALL, ROLLOFF);
    uint64_t seed = 7;

    extremes(sound, HOPS * ag06_features_hop(used) * 2, &seed);
    ag06_features_extract(used, sound, HOPS, results);
    ag06_features_reset(used);
    noise(sound, HOPS * ag06_features_hop(used) * 2, &seed);
    ag06_features_extract(used, sound, HOPS, results);
    for (uint32_t hop = 0; hop < HOPS; hop++)
        ag06_features_extract(fresh, sound + (size_t)hop * 2 * ag06_features_hop(fresh), 1,
                              &again[hop]);
    CHECK(memcmp(results, again, sizeof results) == 0);
    ag06_features_free(used);
    ag06_features_free(fresh);
}

/* Bit for bit: the extractor has its own, faster for whole hops. */
static void loudness_and_true_peak_are_the_meters(uint32_t rate)
{
    static ag06_meter meter;
    static float mid[2 * FRAMES_MAX];
    ag06_features *f = ag06_features_new(rate, 2, AG06_FEATURES_METER, ROLLOFF);
    const uint32_t hop = ag06_features_hop(f);
    uint64_t seed = rate;

    ag06_meter_init(&meter, rate);
    for (int round = 0; round < 9; round++) {
        (round % 3 == 2 ? silence : round % 3 ? impulse : noise)(sound, HOPS * hop * 2, &seed);
        for (uint32_t i = 0; i < HOPS * hop; i++)
            mid[2 * i] = 0.5F * (sound[2 * i] + sound[2 * i + 1]);
        ag06_features_extract(f, sound, HOPS, results);
        for (uint32_t n = 0; n < HOPS; n++) {
            const ag06_reading *reading = &meter.readings[0];
            const ag06_meter_slot *slot = &meter.recent[meter.recent_at];
            ag06_levels levels;

            ag06_meter_run(&meter, sound + (size_t)2 * n * hop, mid + (size_t)2 * n * hop, hop,
                           &levels);
            for (int i = 0; i < 3; i++)
                CHECK(results[n].signals[i].true_peak_db ==
                      power_db(slot->true_peak[i] * slot->true_peak[i]));
            CHECK(results[n].momentary_lufs == (float)fmax(reading->momentary_lufs, -120));
            CHECK(results[n].short_term_lufs == (float)fmax(reading->short_term_lufs, -120));
            CHECK(results[n].correlation == (float)reading->correlation);
        }
    }
    ag06_features_free(f);
}

/* YIN's steps 1 to 5 as de Cheveigne and Kawahara write them. */
static double yin(const float *x, uint32_t window, double rate, double *voicing)
{
    double d[PITCH_WINDOW_MAX], mean[PITCH_WINDOW_MAX], sum = 0;
    const uint32_t lags = window / 2 - 4;
    uint32_t best = (uint32_t)(rate / 1000);

    for (uint32_t lag = 1; lag <= lags; lag++) {
        d[lag] = 0;
        for (uint32_t i = 0; i < window / 2; i++)
            d[lag] += pow((double)x[i] - (double)x[i + lag], 2);
        sum += d[lag];
        mean[lag] = d[lag] * lag / sum;
    }
    for (uint32_t lag = best; lag < lags; lag++) {
        if (mean[lag] < mean[best])
            best = lag;
        if (mean[best] < 0.15 && mean[lag] > mean[best])
            break;
    }
    const double slope = d[best - 1] - d[best + 1];
    const double bend = d[best - 1] - 2 * d[best] + d[best + 1];
    const double away = fmin(fmax(0.5 * slope / bend, -0.5), 0.5);
    const double bottom = fmax(d[best] - 0.25 * slope * away, 0);

    *voicing = fmax(1 - mean[best] * bottom / d[best], 0);
    return rate / (best + away);
}

static void the_pitch_is_yins(uint32_t window)
{
    const double rate = 12000;
    pitch_finder *finder = pitch_new(window, rate);
    float values[PITCH_WINDOW_MAX];
    uint64_t seed = window;

    for (int round = 0; round < 200; round++) {
        const double hz = random_in(&seed, 60, 800), loud = random_in(&seed, 0, 0.5);
        ag06_signal_features f;
        double voicing;

        for (uint32_t i = 0; i < window; i++)
            values[i] = (float)(loud * sin(6.283185307 * hz * i / rate) +
                                random_in(&seed, -0.1, 0.1) + loud * (i > window / 2));
        const double wanted = yin(values, window, rate, &voicing);
        pitch_find(finder, values, &f);
        CHECK(fabs((double)f.f0 - wanted) < 1e-3 * wanted);
        CHECK(fabs((double)f.voicing - voicing) < 1e-3);
    }
    pitch_free(finder);
}

static void what_cannot_be_is_refused(void)
{
    CHECK(!ag06_features_new(7999, 1, AG06_FEATURES_ALL, ROLLOFF));
    CHECK(!ag06_features_new(192001, 1, AG06_FEATURES_ALL, ROLLOFF));
    CHECK(!ag06_features_new(48000, 0, AG06_FEATURES_ALL, ROLLOFF));
    CHECK(!ag06_features_new(48000, 3, AG06_FEATURES_ALL, ROLLOFF));
    CHECK(!ag06_features_new(48000, 2, AG06_FEATURES_ALL + 1, ROLLOFF));
    CHECK(!ag06_features_new(48000, 2, AG06_FEATURES_ALL, 0));
    CHECK(!ag06_features_new(48000, 2, AG06_FEATURES_ALL, 1.1));
    CHECK(!ag06_features_new(48000, 2, AG06_FEATURES_ALL, NAN));
    ag06_features_free(NULL);
}

/* Every allocation fails in turn, and what was got before it is given back. */
static void memory_that_runs_short_is_said_by_null(void)
{
#if !SANITIZED
    const long before = allocations;
    ag06_features *f = ag06_features_new(48000, 2, AG06_FEATURES_ALL, ROLLOFF);
    const long needed = allocations - before;

    CHECK(f != NULL && needed > 20);
    ag06_features_free(f);
    for (long got = 0; got < needed; got++) {
        const long used = in_use;

        until_short = got;
        f = ag06_features_new(48000, 2, AG06_FEATURES_ALL, ROLLOFF);
        until_short = -1;
        CHECK(f == NULL);
        CHECK_EQUAL(in_use, used);
    }
#endif
}

int main(void)
{
    give_up_after(120);
    what_cannot_be_is_refused();
    for (size_t i = 0; i < RATES; i++) {
        whatever_comes_in_what_comes_out_is_in_range(rates[i], 1);
        whatever_comes_in_what_comes_out_is_in_range(rates[i], 2);
        a_reset_is_as_new(rates[i]);
        loudness_and_true_peak_are_the_meters(rates[i]);
    }
    for (uint32_t window = 160; window <= PITCH_WINDOW_MAX; window += 76)
        the_pitch_is_yins(window);
    memory_that_runs_short_is_said_by_null();
    printf("ok features: in range whatever comes in, nothing allocated, bits %016llx\n",
           (unsigned long long)bits);
    return 0;
}
