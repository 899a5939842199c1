/*
 * Tonal and slow faults: whatever the sound, every measure is finite; a cut into other calls and a
 * reset change nothing; a hum, a tone and a howl are found at their frequency at any rate.
 */
#include "ag06_faults.h"
#include "check.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define PI 3.14159265358979323846
#define STEREO 2
#define SECONDS (SANITIZED ? 7 : 9)
#define HOPS (SECONDS * 100)
#define HOP_MAX 1920
#define MEASURES (sizeof(ag06_hop_faults) / sizeof(float))

static const uint32_t rates[] = {8000, 11025, 16000, 44100, 48000, 96000, 192000};
#define RATES (sizeof rates / sizeof *rates)

static float sound[HOPS * HOP_MAX * STEREO], sent[HOPS * HOP_MAX * STEREO];
static ag06_hop_faults results[HOPS], others[HOPS];
static uint64_t seed = 1;

static uint32_t hop_of(uint32_t rate)
{
    return (rate + 50) / 100;
}

static ag06_faults *make(uint32_t rate, uint32_t channels)
{
    ag06_faults *made = ag06_faults_new(rate, channels);

    CHECK(made);
    return made;
}

static void fill(uint32_t rate, float (*sample)(double))
{
    const size_t frames = (size_t)HOPS * hop_of(rate);

    for (size_t i = 0; i < frames; i++)
        for (size_t c = 0; c < STEREO; c++)
            sound[STEREO * i + c] = sample((double)i / rate);
}

static float noise(double level)
{
    return (float)(level * (random_in(&seed, -1, 1) + random_in(&seed, -1, 1)));
}

static float odd(double time)
{
    static const float extremes[] = {NAN,     INFINITY, -INFINITY, FLT_MAX, -FLT_MAX,
                                     FLT_MIN, 1e-42F,   1,         -1,      0};

    if (time < 2 || random_below(&seed, 3) == 0)
        return extremes[random_below(&seed, 10)];
    return noise(time < 4 ? 1 : 1e-7);
}

static float hum(double time)
{
    return (float)(0.01 * sin(2 * PI * 50.1 * time) + 0.006 * sin(2 * PI * 150.3 * time)) +
           noise(0.001);
}

static float whine(double time)
{
    return (float)(0.005 * sin(2 * PI * 3000 * time)) + noise(0.001);
}

/* 60 dB a second, from -90 dBFS on, in the third second. */
static float howl(double time)
{
    const double grown = time < 2 ? 0 : fmin(pow(10, 3 * (time - 2) - 4.5), 0.9);

    return (float)(grown * sin(2 * PI * 1000 * time)) + noise(0.001);
}

static void check_finite(uint32_t hops)
{
    const float *values = (const float *)results;

    for (size_t i = 0; i < hops * MEASURES; i++)
        CHECK(isfinite(values[i]));
}

static void measures_are_finite_whatever_the_sound(void)
{
    for (uint32_t r = 0; r < RATES; r++)
        for (uint32_t channels = 1; channels <= STEREO; channels++) {
            ag06_faults *faults = make(rates[r], channels);

            fill(rates[r], odd);
            ag06_faults_take(faults, sound, sound, HOPS / channels, results);
            check_finite(HOPS / channels);
            memset(sound, 0, sizeof sound);
            ag06_faults_take(faults, sound, NULL, HOPS / channels, results);
            check_finite(HOPS / channels);
            ag06_faults_free(faults);
        }
}

static void a_cut_and_a_reset_change_nothing(void)
{
    const uint32_t rate = 44100, hop = hop_of(rate);
    ag06_faults *faults = make(rate, STEREO);

    fill(rate, howl);
    for (size_t i = 0; i < (size_t)HOPS * hop * STEREO; i++)
        sent[i] = i < 4096 ? 0 : sound[i - 4096];
    ag06_faults_take(faults, sound, sent, HOPS, results);
    ag06_faults_reset(faults);
    for (uint32_t i = 0; i < HOPS;) {
        const uint32_t left = HOPS - i, asked = 1 + random_below(&seed, 7);
        const uint32_t hops = asked < left ? asked : left;
        const size_t at = (size_t)i * hop * STEREO;

        ag06_faults_take(faults, sound + at, sent + at, hops, others + i);
        i += hops;
    }
    CHECK(memcmp(results, others, sizeof results) == 0);
    ag06_faults_free(faults);
}

static void each_is_found_at_its_frequency_at_any_rate(void)
{
    for (uint32_t r = 0; r < RATES; r++) {
        const uint32_t rate = rates[r];
        ag06_faults *faults = make(rate, STEREO);
        const ag06_tone_faults *last = &results[HOPS - 1].tone[1];
        float grown = 0, hz = 0;

        fill(rate, hum);
        ag06_faults_take(faults, sound, NULL, HOPS, results);
        CHECK(last->hum_over_db > 15 && fabsf(last->hum_mains_hz - 50.1F) < 0.2F);
        CHECK(fabsf(last->hum_level_db + 41.7F) < 1 && last->hum_harmonics >= 2);
        ag06_faults_reset(faults);
        fill(rate, whine);
        ag06_faults_take(faults, sound, NULL, HOPS, results);
        CHECK(last->tone_over_db > 15 && fabsf(last->tone_hz - 3000) < 2);
        CHECK(fabsf(last->tone_level_db + 49) < 1 && last->hum_over_db <= 0);
        ag06_faults_reset(faults);
        fill(rate, howl);
        ag06_faults_take(faults, sound, NULL, HOPS, results);
        for (uint32_t i = 0; i < HOPS; i++)
            if (results[i].tone[0].feedback_db > grown) {
                grown = results[i].tone[0].feedback_db;
                hz = results[i].tone[0].feedback_hz;
            }
        CHECK(grown > 20 && fabsf(hz - 1000) < 5);
        ag06_faults_free(faults);
    }
}

int main(void)
{
    give_up_after(300);
    measures_are_finite_whatever_the_sound();
    a_cut_and_a_reset_change_nothing();
    each_is_found_at_its_frequency_at_any_rate();
    puts("ok faults_tone: finite whatever comes, the same however it is cut, found at every rate");
    return 0;
}
