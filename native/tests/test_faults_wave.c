/*
 * Faults of the waveform: whatever the sound, every measure is a number; the same sound has the
 * same bits, however it is cut and after whatever was forgotten; and a hole is where it is, to the
 * frame, at any rate and wherever in a hop it begins.
 */
#include "ag06_faults.h"
#include "check.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define HOPS 120
#define HOP_MAX 1920
#define FRAMES_MAX (HOPS * HOP_MAX)
#define MEASURES (sizeof(ag06_hop_faults) / sizeof(float))

static const uint32_t rates[] = {8000, 11025, 22050, 44100, 48000, 96000, 192000};
#define RATES (sizeof rates / sizeof *rates)

static float sound[FRAMES_MAX * 2];
static ag06_hop_faults results[HOPS], others[HOPS];

static uint32_t hop_of(uint32_t rate)
{
    return (rate + 50) / 100;
}

static ag06_faults *make(uint32_t rate)
{
    ag06_faults *made = ag06_faults_new(rate, 2);

    CHECK(made);
    return made;
}

static void fill_noise(uint64_t seed, double most)
{
    for (uint32_t i = 0; i < FRAMES_MAX * 2; i++)
        sound[i] = (float)random_in(&seed, -most, most);
}

static void fill_bits(uint64_t seed)
{
    for (uint32_t i = 0; i < FRAMES_MAX * 2; i++) {
        const uint32_t word = (uint32_t)random_u64(&seed);

        memcpy(&sound[i], &word, sizeof word);
    }
}

static void fill_extremes(uint64_t seed)
{
    static const float bad[] = {FLT_MAX,   -FLT_MAX, 1e-45F, NAN, INFINITY,
                                -INFINITY, 1e20F,    1,      -1,  0};

    for (uint32_t i = 0; i < FRAMES_MAX * 2; i++)
        sound[i] = bad[random_below(&seed, sizeof bad / sizeof *bad)];
}

static void check_numbers(ag06_faults *faults)
{
    ag06_faults_take(faults, sound, sound, HOPS, results);
    for (uint32_t i = 0; i < HOPS; i++)
        for (size_t k = 0; k < MEASURES; k++) {
            float value;

            memcpy(&value, (const char *)&results[i] + k * sizeof value, sizeof value);
            CHECK(isfinite(value));
        }
}

static void every_measure_is_a_number(void)
{
    for (size_t r = 0; r < RATES; r++) {
        ag06_faults *faults = make(rates[r]);

        fill_noise(r + 1, 0.5);
        check_numbers(faults);
        fill_bits(r + 1);
        check_numbers(faults);
        fill_extremes(r + 1);
        check_numbers(faults);
        memset(sound, 0, sizeof sound);
        check_numbers(faults);
        for (uint32_t i = 0; i < FRAMES_MAX * 2; i++)
            sound[i] = FLT_MAX;
        check_numbers(faults);
        ag06_faults_free(faults);
    }
}

static void the_same_sound_has_the_same_bits(void)
{
    const uint32_t rate = 48000, step = 2 * hop_of(rate);
    ag06_faults *fresh = make(rate), *used = make(rate);

    fill_extremes(7);
    ag06_faults_take(used, sound, NULL, HOPS, others);
    ag06_faults_reset(used);
    fill_noise(8, 0.7);
    sound[5000] = 3;
    memset(sound + 40000, 0, 3000 * sizeof *sound);
    ag06_faults_take(fresh, sound, NULL, HOPS, results);
    for (uint32_t i = 0; i < HOPS; i++)
        ag06_faults_take(used, sound + (size_t)i * step, NULL, 1, &others[i]);
    CHECK(memcmp(results, others, sizeof results) == 0);
    ag06_faults_free(fresh);
    ag06_faults_free(used);
}

/* The hop in which a hole is told first, or HOPS. */
static uint32_t first_hole(void)
{
    for (uint32_t i = 0; i < HOPS; i++)
        if (results[i].wave[1].dropout_ms > 0.9F)
            return i;
    return HOPS;
}

static void check_hole(uint32_t rate, uint32_t phase, double value)
{
    const uint32_t hop = hop_of(rate), start = 50 * hop + phase, length = rate / 400;
    ag06_faults *faults = make(rate);

    fill_noise(rate + phase, 0.3);
    for (uint32_t i = start; i < start + length; i++)
        sound[2 * i + 1] = (float)value;
    ag06_faults_take(faults, sound, NULL, HOPS, results);
    const uint32_t told = first_hole();

    CHECK(told == 50 || told == 51);
    const uint32_t end = (told + 1) * hop;

    CHECK_EQUAL(end - (uint32_t)results[told].wave[1].dropout_began_frames, start);
    for (uint32_t i = 0; i < HOPS; i++)
        CHECK(results[i].wave[0].dropout_ms == 0);
    ag06_faults_free(faults);
}

static void a_hole_is_where_it_is(void)
{
    for (size_t r = 0; r < RATES; r++)
        for (uint32_t tenth = 0; tenth < 10; tenth++)
            check_hole(rates[r], tenth * hop_of(rates[r]) / 10, 0);
}

/* What dies away into nothing, and what was nothing all along, has no hole. */
static void silence_is_no_hole(void)
{
    const uint32_t rate = 48000, frames = HOPS * hop_of(rate);
    ag06_faults *faults = make(rate);

    fill_noise(3, 0.3);
    for (uint32_t i = 0; i < frames; i++) {
        const float gain = i < frames / 2 ? expf(-(float)i / 3000.0F) : 0;

        sound[2 * i] *= gain;
        sound[2 * i + 1] *= gain;
    }
    ag06_faults_take(faults, sound, NULL, HOPS, results);
    CHECK(first_hole() == HOPS);
    ag06_faults_free(faults);
}

int main(void)
{
    give_up_after(120);
    every_measure_is_a_number();
    the_same_sound_has_the_same_bits();
    a_hole_is_where_it_is();
    silence_is_no_hole();
    CHECK(!ag06_faults_new(7999, 2) && !ag06_faults_new(48000, 3) && !ag06_faults_new(48000, 0));
    puts("ok faults_wave: numbers whatever the sound, the same bits, holes to the frame");
    return 0;
}
