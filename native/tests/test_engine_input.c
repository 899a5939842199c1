/* The engine given what it should never get: sound that is too loud, none at all, coefficients of
 * no chain. */
#include "limiter.h"
#include "rig.h"
#include "sound.h"

#define RATE 48000u
#define FADE 960u /* frames of every crossfade at RATE: 20 ms */

static void loud_signal(float *frames, uint64_t count, int kind, uint64_t *seed)
{
    const uint32_t half_period = 1 + random_below(seed, 300);

    for (uint64_t n = 0; n < count; n++)
        for (int channel = 0; channel < AG06_CHANNELS; channel++) {
            float x = (float)random_in(seed, -16, 16);

            if (kind == 1)
                x = n / half_period % 2 ? 15.9f : -15.9f;
            if (kind == 2)
                x = random_below(seed, half_period) == 0 ? 16.0f : 0.001f;
            frames[2 * n + (uint64_t)channel] = x;
        }
}

/* That the output stays below the ceiling could be done by clipping. So the gain is watched too:
 * as a mean over the look-ahead it moves by no more than a share of that from frame to frame. */
static void the_limiter_holds_its_ceiling_without_clipping(void)
{
    enum { FRAMES = 12000 };
    const uint32_t rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
    float *input = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    uint64_t seed = 17;

    for (uint32_t round = 0; round < 90; round++) {
        ag06_chain_settings settings = rig_neutral();
        const uint32_t rate = rates[round % 6];
        const uint32_t latency = ag06_chain_latency(rate);
        const uint32_t lookahead = limiter_lookahead(rate);
        const uint32_t faded_in = rate / 40;
        rig on = rig_make(rate, 0.5);
        double gain_before = -1;

        settings.limiter.enabled = 1;
        settings.limiter.ceiling_db = random_in(&seed, -40, 0);
        settings.limiter.release_ms = exp(random_in(&seed, log(1), log(500)));
        const float ceiling = (float)pow(10, settings.limiter.ceiling_db / 20);
        loud_signal(input, FRAMES, (int)(round / 6 % 3), &seed);
        rig_publish(&on, 0, &settings);
        rig_restart(&on);
        rig_run(&on, input, output, FRAMES, 256);
        CHECK(peak_of(output, FRAMES) <= (double)ceiling);
        CHECK(peak_of(output, FRAMES) > 0.5 * (double)ceiling);
        for (uint64_t n = faded_in; n < FRAMES; n++) {
            const double in = (double)input[2 * (n - latency)];

            if (fabs(in) < 1e-4)
                continue;
            const double now = (double)output[2 * n] / in;
            CHECK(gain_before < 0 || fabs(now - gain_before) <= 1.0 / lookahead + 1e-5);
            gain_before = fabs(in) > 0.0009 ? now : -1;
        }
        rig_free(&on);
    }
    free(input);
    free(output);
}

/* What is left when no sound is silence, with the millisecond after it; how many frames that is. */
static uint64_t without_garbage(const float *frames, float *left, uint64_t count)
{
    uint64_t distrusted = 0, bad = 0;

    for (uint64_t n = 0; n < count; n++) {
        const int is_sound = fabsf(frames[2 * n]) <= 16 && fabsf(frames[2 * n + 1]) <= 16;
        const float trust = is_sound && distrusted == 0 ? 1 : 0;

        distrusted = !is_sound ? RATE / 1000 : distrusted > 0 ? distrusted - 1 : 0;
        left[2 * n] = trust > 0 ? frames[2 * n] : 0;
        left[2 * n + 1] = trust > 0 ? frames[2 * n + 1] : 0;
        bad += trust <= 0;
    }
    return bad;
}

static void garbage(float *frames, uint64_t count, int kind, uint64_t *seed)
{
    for (uint64_t i = 0; i < count * AG06_CHANNELS; i++) {
        const uint32_t bits = (uint32_t)random_u64(seed);
        const float sign = bits & 1 ? 1.0f : -1.0f;
        const float kinds[] = {NAN,  sign * INFINITY, sign * 1e38f, sign * 1e-40f, 16.0f, 1.0f,
                               0.0f, -0.0f,           0.0f};

        frames[i] = kinds[kind];
        if (kind == 5)
            frames[i] = i / AG06_CHANNELS % 2 ? 1.0f : -1.0f; /* Nyquist */
        if (kind == 8)
            memcpy(&frames[i], &bits, sizeof bits);
        if (kind < 8 && bits >> 30 == 0)
            frames[i] = 0.1f; /* now and then, something sound */
    }
}

static void any_input_gives_finite_output_and_is_forgotten_in_50_ms(void)
{
    enum { FRAMES = 4800, KINDS = 9, AFTER = 2400 /* 50 ms */ };
    const ag06_chain_settings busy = rig_busy();
    float *bad = rig_frames(FRAMES);
    float *tone = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    float *expected = rig_frames(FRAMES);
    uint64_t seed = 23;

    for (int kind = 0; kind < KINDS; kind++) {
        rig on = rig_make(RATE, 1);
        rig clean = rig_make(RATE, 1);
        ag06_stats *stats = &on.arena->stats;
        float *dry = rig_frames(FRAMES);
        uint64_t cursor = 0, lost = 0;

        rig_publish(&on, 0, &busy);
        rig_publish(&clean, 0, &busy);
        rig_restart(&on);
        rig_restart(&clean);
        garbage(bad, FRAMES, kind, &seed);
        rig_run(&on, bad, output, FRAMES, 256);
        rig_run(&clean, NULL, expected, FRAMES, 256);
        CHECK(all_finite(output, FRAMES) && peak_of(output, FRAMES) <= 1);
        CHECK_EQUAL(stats->bad_input_frames.raw, without_garbage(bad, dry, FRAMES));
        CHECK_EQUAL(stats->nan_trips.raw, 0);
        CHECK_EQUAL(ag06_ring_read(&on.arena->dry, &cursor, dry, FRAMES, &lost), AG06_RING_OK);
        CHECK(all_finite(dry, FRAMES) && peak_of(dry, FRAMES) <= 16);

        rig_tone(tone, 0, FRAMES, 1000, RATE, 0.3);
        rig_run(&on, tone, output, FRAMES, 256);
        rig_run(&clean, tone, expected, FRAMES, 256);
        CHECK(peak_of(expected + 2 * AFTER, FRAMES - AFTER) > 0.1);
        CHECK(furthest(output + 2 * AFTER, expected + 2 * AFTER, FRAMES - AFTER) < 0.01);
        free(dry);
        rig_free(&on);
        rig_free(&clean);
    }
    free(bad);
    free(tone);
    free(output);
    free(expected);
}

static double mean_of_left(const float *frames, uint64_t count)
{
    double sum = 0;

    for (uint64_t n = 0; n < count; n++)
        sum += (double)frames[2 * n];
    return sum / (double)count;
}

/* Every coefficient in turn NaN, infinite or absurd. Either the chain still makes a sound of it or
 * the guard silences it; what must never come out is a value that is stuck or not finite. */
static void poisoned_coefficients_are_silenced_until_good_ones_come(void)
{
    enum { FRAMES = 9600, FIELDS = (sizeof(ag06_chain_block) - sizeof(uint64_t)) / sizeof(double) };
    const double poisons[] = {NAN, INFINITY, -INFINITY, 1e300};
    float *tone = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    float *expected = rig_frames(FRAMES);
    uint64_t trips = 0;

    rig_tone(tone, 0, FRAMES, 1000, RATE, 0.3);
    for (uint32_t field = 0; field < FIELDS; field++)
        for (uint32_t p = 0; p < 4; p++) {
            const ag06_chain_settings busy = rig_busy();
            rig on = rig_make(RATE, 1);
            ag06_stats *stats = &on.arena->stats;
            ag06_chain_block block;

            rig_publish(&on, 0, &busy);
            rig_restart(&on);
            rig_run(&on, tone, expected, FRAMES, 256);
            ag06_chain_design(&busy, RATE, &block);
            memcpy((char *)&block + sizeof(uint64_t) + field * sizeof(double), &poisons[p],
                   sizeof(double));
            rig_publish_block(&on, 0, &block);
            rig_run(&on, tone, output, FRAMES / 2, 256);
            const uint64_t early = stats->nan_trips.raw;
            rig_run(&on, tone + FRAMES, output + FRAMES, FRAMES / 2, 256);
            CHECK(all_finite(output, FRAMES));
            CHECK(fabs(mean_of_left(output + FRAMES, FRAMES / 2)) < 0.01);
            CHECK(stats->nan_trips.raw == early || peak_of(output + FRAMES, FRAMES / 2) <= 0);
            trips += stats->nan_trips.raw > 0;

            const uint64_t before = stats->nan_trips.raw;
            rig_publish(&on, 0, &busy);
            rig_run(&on, tone, output, FRAMES, 256);
            CHECK(stats->nan_trips.raw - before <= FADE / 64 + 1);
            CHECK(furthest(output + FRAMES, expected + FRAMES, FRAMES / 2) < 0.005);
            rig_free(&on);
        }
    CHECK(trips > FIELDS);
    free(tone);
    free(output);
    free(expected);
}

/* Nothing of a detector is ever heard, so that a NaN in it would stay, and keep its stage from
 * work. */
static void a_detector_that_is_not_a_number_trips_the_guard(void)
{
    enum { FRAMES = 4800 };
    float *tone = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);

    rig_tone(tone, 0, FRAMES, 1000, RATE, 0.3);
    for (int detector = 0; detector < 3; detector++) {
        const ag06_chain_settings busy = rig_busy();
        rig on = rig_make(RATE, 1);
        ag06_chain_block block;

        ag06_chain_design(&busy, RATE, &block);
        double *const fields[] = {&block.deess.detector.a1, &block.comp.sidechain.b0,
                                  &block.gate.hold};
        *fields[detector] = detector == 2 ? INFINITY : NAN;
        rig_publish_block(&on, 0, &block);
        rig_run(&on, tone, output, FRAMES, 256);
        CHECK(on.arena->stats.nan_trips.raw > 0);
        rig_free(&on);
    }
    free(tone);
    free(output);
}

/* What no converter delivers must not move a gain: it is as if there had been silence. */
static void what_is_no_sound_is_silence_to_the_chain(void)
{
    enum { FRAMES = 9600 };
    const float kinds[] = {NAN, INFINITY, -INFINITY, 1e38f, -17};
    float *bad = rig_frames(FRAMES);
    float *silent = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    float *expected = rig_frames(FRAMES);
    ag06_chain_settings settings = rig_busy();
    rig on = rig_make(RATE, 1);
    rig clean = rig_make(RATE, 1);
    uint64_t seed = 83;

    settings.comp.release_ms = settings.limiter.release_ms = 2000;
    rig_noise(bad, FRAMES, 0.5, &seed);
    for (uint64_t i = FRAMES; i < FRAMES * 2; i++)
        bad[i] = random_below(&seed, 500) == 0 ? kinds[random_below(&seed, 5)] : bad[i];
    without_garbage(bad, silent, FRAMES);
    rig_publish(&on, 0, &settings);
    rig_publish(&clean, 0, &settings);
    rig_run(&on, bad, output, FRAMES, 256);
    rig_run(&clean, silent, expected, FRAMES, 256);
    CHECK(same_bits(output, expected, FRAMES) && peak_of(output, FRAMES) > 0.1);
    CHECK(on.arena->stats.bad_input_frames.raw > 0 && on.arena->stats.nan_trips.raw == 0);
    rig_free(&on);
    rig_free(&clean);
    free(bad);
    free(silent);
    free(output);
    free(expected);
}

/* An audition in the slot that nobody hears must not be able to spoil the one that is heard. */
static void a_poisoned_slot_costs_nothing_to_who_does_not_hear_it(void)
{
    enum { FRAMES = 9600 };
    const ag06_chain_settings busy = rig_busy();
    float *input = rig_frames(FRAMES);
    float *clean = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    uint64_t seed = 29;

    rig_noise(input, FRAMES, 0.5, &seed);
    for (uint32_t heard = 0; heard < 3; heard++) { /* slot A, slot B, bypass */
        const uint32_t switches[] = {0, AG06_SWITCH_SLOT_B, AG06_SWITCH_BYPASS};

        for (int poisoned = 0; poisoned < 2; poisoned++) {
            rig on = rig_make(RATE, 1);
            ag06_chain_block block;

            ag06_arena_switch(on.arena, switches[heard]);
            rig_publish(&on, 0, &busy);
            rig_publish(&on, 1, &busy);
            rig_restart(&on);
            rig_run(&on, input, output, FRAMES / 2, 256);
            ag06_chain_design(&busy, RATE, &block);
            if (poisoned)
                block.eq[1].b0 = NAN;
            rig_publish(&on, heard == 1, &busy);
            rig_publish_block(&on, heard == 0, &block);
            rig_run(&on, input + FRAMES, (poisoned ? output : clean) + FRAMES, FRAMES / 2, 256);
            CHECK_EQUAL(on.arena->stats.nan_trips.raw > 0, poisoned);
            rig_free(&on);
        }
        CHECK(peak_of(clean + FRAMES, FRAMES / 2) > 0.1);
        CHECK(same_bits(clean + FRAMES, output + FRAMES, FRAMES / 2));
    }
    free(input);
    free(clean);
    free(output);
}

int main(void)
{
    give_up_after(300);
    the_limiter_holds_its_ceiling_without_clipping();
    any_input_gives_finite_output_and_is_forgotten_in_50_ms();
    poisoned_coefficients_are_silenced_until_good_ones_come();
    a_detector_that_is_not_a_number_trips_the_guard();
    what_is_no_sound_is_silence_to_the_chain();
    a_poisoned_slot_costs_nothing_to_who_does_not_hear_it();
    puts("ok engine_input: limiter, bad input and coefficients");
    return 0;
}
