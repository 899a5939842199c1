/* The engine, heard from outside: what goes into the callback and what comes out. */
#include "limiter.h"
#include "rig.h"

#include <float.h>

#define RATE 48000u
#define FADE 720u     /* frames of every crossfade at RATE: 15 ms */
#define LEAD 480u     /* frames that a new chain runs unheard before: 10 ms */
#define SETTLED 4800u /* frames after which nothing at RATE remembers its beginning */

static int same_bits(const float *a, const float *b, uint64_t frames)
{
    return memcmp(a, b, frames * AG06_CHANNELS * sizeof(float)) == 0;
}

static double peak_of(const float *samples, uint64_t frames)
{
    double most = 0;

    for (uint64_t i = 0; i < frames * AG06_CHANNELS; i++)
        most = fmax(most, fabs((double)samples[i]));
    return most;
}

static double furthest(const float *a, const float *b, uint64_t frames)
{
    double most = 0;

    for (uint64_t i = 0; i < frames * AG06_CHANNELS; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static int all_finite(const float *samples, uint64_t frames)
{
    for (uint64_t i = 0; i < frames * AG06_CHANNELS; i++)
        if (!isfinite(samples[i]))
            return 0;
    return 1;
}

/* ---- cutting ------------------------------------------------------------------------------- */

static void the_wet_signal_does_not_depend_on_the_callbacks_size(void)
{
    enum { FRAMES = 40000 };
    const ag06_chain_settings busy = rig_busy();
    float *input = rig_frames(FRAMES);
    float *whole = rig_frames(FRAMES);
    float *cut = rig_frames(FRAMES);
    uint64_t seed = 7;

    rig_noise(input, FRAMES, 0.7, &seed);
    for (uint64_t i = 0; i < 2 * FRAMES; i++) /* so that every gain is on its way somewhere */
        input[i] *= i / 12000 % 3 == 0 ? 1.0f : i / 12000 % 3 == 1 ? 0.001f : 0.03f;
    for (int way = 0; way < 12; way++) {
        const uint32_t blocks[] = {4096, 16384, 16, 17, 63, 64, 65, 128, 333, 1021, 4095, 0};
        rig on = rig_make(RATE, 1);

        rig_publish(&on, 0, &busy); /* taken, with its crossfade, by the first callback */
        for (uint64_t done = 0; done < FRAMES;) {
            const uint32_t block = blocks[way] ? blocks[way] : 16 + random_below(&seed, 4081);
            const uint64_t part = FRAMES - done < block ? FRAMES - done : block;

            rig_run(&on, input + 2 * done, (way ? cut : whole) + 2 * done, part, block);
            done += part;
        }
        CHECK(way == 0 || same_bits(whole, cut, FRAMES));
        CHECK_EQUAL(ag06_ring_head(&on.arena->dry), FRAMES);
        CHECK_EQUAL(ag06_ring_head(&on.arena->wet), FRAMES);
        rig_free(&on);
    }
    free(input);
    free(whole);
    free(cut);
}

/* ---- bypass, slots, mute ------------------------------------------------------------------- */

static void bypass_gives_the_input_back_bit_by_bit_after_the_latency(void)
{
    enum { FRAMES = 8192 };
    const uint32_t rates[] = {44100, 48000, 96000, 192000};
    float *input = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    uint64_t seed = 3;

    for (int r = 0; r < 4; r++) {
        const ag06_chain_settings busy = rig_busy();
        const uint32_t latency = ag06_chain_latency(rates[r]);
        rig on = rig_make(rates[r], 1);

        rig_publish(&on, 0, &busy);
        ag06_arena_switch(on.arena, AG06_SWITCH_BYPASS);
        rig_restart(&on);
        for (uint64_t i = 0; i < 2 * FRAMES; i++)
            input[i] = ldexpf((float)random_in(&seed, -1, 1), -(int)random_below(&seed, 130));
        input[2 * 6000] = -0.0f;
        input[2 * 6001] = 16.0f;
        input[2 * 6002] = -16.0f;
        input[2 * 6003] = FLT_MIN;
        rig_run(&on, input, output, FRAMES, 333);
        CHECK(signbit(output[2 * (6000 + latency)]));
        CHECK(same_bits(&output[2 * 4096], &input[2 * (4096 - latency)], FRAMES - 4096));
        rig_free(&on);
    }
    free(input);
    free(output);
}

static void switching_between_equal_slots_changes_no_bit(void)
{
    enum { FRAMES = 24000 };
    const ag06_chain_settings busy = rig_busy();
    float *input = rig_frames(FRAMES);
    float *steady = rig_frames(FRAMES);
    float *switched = rig_frames(FRAMES);
    uint64_t seed = 11;

    rig_noise(input, FRAMES, 0.5, &seed);
    for (int way = 0; way < 2; way++) {
        rig on = rig_make(RATE, 1);

        rig_publish(&on, 0, &busy);
        rig_publish(&on, 1, &busy);
        rig_restart(&on);
        for (uint64_t done = 0; done < FRAMES; done += 240) {
            ag06_arena_switch(on.arena, way && done % 1920 >= 960 ? AG06_SWITCH_SLOT_B : 0);
            rig_run(&on, input + 2 * done, (way ? switched : steady) + 2 * done, 240, 240);
        }
        rig_free(&on);
    }
    CHECK(peak_of(steady, FRAMES) > 0.1 && same_bits(steady, switched, FRAMES));
    free(input);
    free(steady);
    free(switched);
}

static void mute_is_silence_through_every_change_of_parameters(void)
{
    float *input = rig_frames(SETTLED);
    float *output = rig_frames(SETTLED);
    rig on = rig_make(RATE, 1);
    uint64_t seed = 5;

    rig_noise(input, SETTLED, 0.9, &seed);
    rig_run(&on, input, output, SETTLED, 128);
    ag06_arena_switch(on.arena, AG06_SWITCH_MUTE);
    rig_run(&on, input, output, SETTLED, 128);
    for (int change = 0; change < 20; change++) {
        const ag06_chain_settings settings = change % 2 ? rig_busy() : rig_neutral();
        const uint32_t other = change % 3 == 0 ? AG06_SWITCH_SLOT_B : AG06_SWITCH_BYPASS;

        rig_publish(&on, change % 2, &settings);
        ag06_arena_switch(on.arena, AG06_SWITCH_MUTE | (change % 4 ? other : 0));
        rig_run(&on, input, output, 1000, 100);
        CHECK(peak_of(output, 1000) <= 0);
        CHECK_EQUAL(on.arena->stats.switches.raw & AG06_SWITCH_MUTE, AG06_SWITCH_MUTE);
    }
    ag06_arena_switch(on.arena, 0);
    rig_run(&on, input, output, SETTLED, 128);
    CHECK(peak_of(output, SETTLED) > 0.5);
    rig_free(&on);
    free(input);
    free(output);
}

/* ---- clicks -------------------------------------------------------------------------------- */

/* Largest second difference of the left channel: a tone's curvature, and a click's jump. */
static double bend(const float *frames, uint64_t count)
{
    double most = 0;

    for (uint64_t n = 1; n + 1 < count; n++)
        most = fmax(most, fabs((double)frames[2 * n - 2] - 2 * (double)frames[2 * n] +
                               (double)frames[2 * n + 2]));
    return most;
}

typedef struct {
    const char *name;
    ag06_chain_settings before, after;
    uint32_t switches_before, switches_after;
} change;

/*
 * Of a fade of F frames between two steady tones of angular frequency w and amplitudes A and B,
 *   y[n] = a[n] + (b[n] - a[n]) n / F,
 * the second difference is at most that of the louder tone, plus 2 (a' + b') / F on the way, plus
 * (A + B) / F in the corners where the fade begins and ends. A quarter on top is for the stages
 * that are still settling: filters that ring, gains that move at their attack.
 */
static double bend_of_a_fade(double tones, double w, double peaks)
{
    return 1.25 * (tones + (2 * w + 1) * peaks / FADE);
}

/* Output of a steady tone with `settings`; `first` is the position of its first frame. */
static void steady_tone(const change *of, int after, const float *input, float *output,
                        uint64_t frames)
{
    rig on = rig_make(RATE, 1);

    rig_publish(&on, 0, after ? &of->after : &of->before);
    rig_publish(&on, 1, &of->after);
    ag06_arena_switch(on.arena, after ? of->switches_after : of->switches_before);
    rig_restart(&on);
    rig_run(&on, input, output, frames, 128);
    rig_free(&on);
}

/* Whether slot A changes too, or only switches do. */
static int only_switches(const change *of)
{
    return of->switches_before != of->switches_after;
}

static void check_no_click(const change *of)
{
    enum { FRAMES = 24000, AT = 12000, TRIES = 12 };
    float *input = rig_frames(FRAMES);
    float *before = rig_frames(FRAMES);
    float *after = rig_frames(FRAMES);
    float *changed = rig_frames(FRAMES);
    double worst = 0, cut = 0;

    rig_tone(input, 0, FRAMES, 1000, RATE, 0.5);
    steady_tone(of, 0, input, before, FRAMES);
    steady_tone(of, 1, input, after, FRAMES);
    for (uint64_t attempt = 0; attempt < TRIES; attempt++) { /* over a quarter period */
        const uint64_t at = AT + attempt;
        rig on = rig_make(RATE, 1);

        rig_publish(&on, 0, &of->before);
        rig_publish(&on, 1, &of->after);
        ag06_arena_switch(on.arena, of->switches_before);
        rig_restart(&on);
        rig_run(&on, input, changed, at, 128);
        if (!only_switches(of))
            rig_publish(&on, 0, &of->after);
        ag06_arena_switch(on.arena, of->switches_after);
        rig_run(&on, input + 2 * at, changed + 2 * at, FRAMES - at, 128);
        worst = fmax(worst, bend(changed + 2 * (AT - 100), FRAMES - AT + 100));

        memcpy(changed, before, 2 * at * sizeof(float));
        memcpy(changed + 2 * at, after + 2 * at, 2 * (FRAMES - at) * sizeof(float));
        cut = fmax(cut, bend(changed + 2 * (AT - 100), FRAMES - AT + 100));
        rig_free(&on);
    }
    const double tones =
        fmax(bend(before + 2 * AT, FRAMES - AT), bend(after + 2 * AT, FRAMES - AT));
    const double peaks =
        peak_of(before + 2 * AT, FRAMES - AT) + peak_of(after + 2 * AT, FRAMES - AT);
    const double bound = bend_of_a_fade(tones, 2 * M_PI * 1000 / RATE, peaks);

    if (worst > bound || cut < 4 * bound) {
        fprintf(stderr, "%s: second difference %g when faded, %g when cut, of steady tones %g\n",
                of->name, worst, cut, tones);
        CHECK(worst <= bound);
        CHECK(cut >= 4 * bound); /* else the bound would let a click pass */
    }
    free(input);
    free(before);
    free(after);
    free(changed);
}

static void no_change_clicks(void)
{
    enum { CHANGES = 16 };
    change all[CHANGES];
    int count = 0;

#define CHANGE(title, setting)                                                           \
    do {                                                                                 \
        change *c = &all[count++];                                                       \
        *c = (change){.name = (title), .before = rig_neutral(), .after = rig_neutral()}; \
        setting;                                                                         \
    } while (0)

    CHANGE("trim", c->after.trim.gain_db = -60);
    CHANGE("level", c->after.level.gain_db = -60);
    CHANGE("high-pass on", c->after.highpass = ((ag06_highpass_settings){1, 24, 1000}));
    CHANGE("high-pass off", c->before.highpass = ((ag06_highpass_settings){1, 24, 1000}));
    CHANGE("low shelf", c->after.eq.low = ((ag06_band_settings){1, 4000, -24, 0.7}));
    CHANGE("peak 1", c->after.eq.peak1 = ((ag06_band_settings){1, 1000, -24, 1}));
    CHANGE("peak 2", c->after.eq.peak2 = ((ag06_band_settings){1, 1000, -24, 1}));
    CHANGE("high shelf", c->after.eq.high = ((ag06_band_settings){1, 250, -24, 0.7}));
    CHANGE("compressor", c->after.comp = rig_comp(-40, 20, 5, 120));
    CHANGE("make-up", (c->after.comp = rig_comp(0, 2, 5, 120), c->after.comp.makeup_db = 12));
    CHANGE("limiter on", c->after.limiter = ((ag06_limiter_settings){1, -24, 60}));
    CHANGE("limiter off", c->before.limiter = ((ag06_limiter_settings){1, -24, 60}));
    CHANGE("slot", (c->after.trim.gain_db = -60, c->switches_after = AG06_SWITCH_SLOT_B));
    CHANGE("mute", c->switches_after = AG06_SWITCH_MUTE);
    CHANGE("unmute", c->switches_before = AG06_SWITCH_MUTE);
    CHANGE("bypass", (c->before.trim.gain_db = c->after.trim.gain_db = -60,
                      c->switches_after = AG06_SWITCH_BYPASS));
#undef CHANGE
    for (int i = 0; i < count; i++)
        check_no_click(&all[i]);
}

static void a_stream_fades_in(void)
{
    enum { FRAMES = 4800 };
    float *input = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    rig on = rig_make(RATE, 1);

    for (uint64_t stream = 0; stream < 12; stream++) {
        rig_tone(input, stream, FRAMES, 1000, RATE, 0.5);
        ag06_arena_switch(on.arena, stream % 2 ? AG06_SWITCH_BYPASS : 0);
        rig_restart(&on);
        rig_run(&on, input, output, FRAMES, 128);
        CHECK(bend(output, FRAMES) <=
              bend_of_a_fade(bend(input, FRAMES), 2 * M_PI * 1000 / RATE, 0.5));
        CHECK(peak_of(output + 2 * FADE, FRAMES - FADE) > 0.49);
    }
    rig_free(&on);
    free(input);
    free(output);
}

/* ---- limiter ------------------------------------------------------------------------------- */

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
        const uint32_t faded_in = rate / 50;
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

/* ---- bad input, bad coefficients ------------------------------------------------------------ */

static uint64_t frames_out_of_bounds(const float *frames, uint64_t count)
{
    uint64_t bad = 0;

    for (uint64_t n = 0; n < count; n++)
        bad += !(fabsf(frames[2 * n]) <= 16 && fabsf(frames[2 * n + 1]) <= 16);
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
        CHECK_EQUAL(stats->bad_input_frames.raw, frames_out_of_bounds(bad, FRAMES));
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
    for (uint64_t i = 0; i < FRAMES * 2; i++) {
        const int is_bad = i > FRAMES && random_below(&seed, 10) == 0;

        silent[i] = is_bad ? 0 : bad[i];
        bad[i] = is_bad ? kinds[random_below(&seed, 5)] : bad[i];
    }
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

/* ---- echoes -------------------------------------------------------------------------------- */

static void a_block_is_echoed_with_the_position_where_it_begins_to_be_heard(void)
{
    enum { FRAMES = 9600, AT = 3000 };
    const ag06_chain_settings busy = rig_busy();
    float *input = rig_frames(FRAMES);
    float *before = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    rig without = rig_make(RATE, 1);
    rig on = rig_make(RATE, 1);
    const ag06_params *params = on.arena->params;
    uint64_t seed = 31;

    rig_noise(input, FRAMES, 0.5, &seed);
    rig_run(&without, input, before, FRAMES, 100);
    rig_run(&on, input, output, AT, 100);
    CHECK_EQUAL(params[0].taken.raw, 0);
    rig_publish(&on, 0, &busy);
    rig_publish(&on, 0, &busy);
    CHECK_EQUAL(params[0].taken.raw, 0);
    rig_run(&on, input + 2 * AT, output + 2 * AT, 500, 100);
    CHECK_EQUAL(params[0].taken.raw, 2);
    const uint64_t heard = params[0].taken_position.raw;
    CHECK_EQUAL(heard, AT + LEAD);
    CHECK_EQUAL(params[1].taken.raw, 0);
    CHECK(same_bits(before, output, heard));
    CHECK(!same_bits(before + 2 * heard, output + 2 * heard, 8));

    /* one that comes during the fade waits for its end */
    rig_publish(&on, 0, &busy);
    rig_publish(&on, 1, &busy);
    rig_run(&on, input + 2 * (AT + 500), output, 600, 100);
    CHECK_EQUAL(params[0].taken.raw, 2);
    rig_run(&on, input + 2 * (AT + 1100), output, 300, 100);
    CHECK_EQUAL(params[0].taken.raw, 3);
    CHECK_EQUAL(params[1].taken.raw, 1);
    CHECK(params[0].taken_position.raw >= heard + FADE);
    CHECK(params[0].taken_position.raw < heard + FADE + LEAD + 100);
    rig_free(&without);
    rig_free(&on);
    free(input);
    free(before);
    free(output);
}

/* The audio process can be killed between writing a dry block and its wet one. */
static void dry_and_wet_keep_step_after_a_process_was_killed(void)
{
    float *input = rig_frames(SETTLED);
    float *output = rig_frames(SETTLED);
    rig on = rig_make(RATE, 1);
    uint64_t seed = 37;

    rig_noise(input, SETTLED, 0.5, &seed);
    rig_run(&on, input, output, SETTLED, 256);
    ag06_ring_write(&on.arena->dry, input, 4096);
    ag06_ring_write(&on.arena->dry, input, 300);
    rig_restart(&on);
    rig_run(&on, input, output, 256, 256);
    CHECK_EQUAL(ag06_ring_head(&on.arena->dry), SETTLED + 4396 + 256);
    CHECK_EQUAL(ag06_ring_head(&on.arena->wet), SETTLED + 4396 + 256);
    rig_free(&on);
    free(input);
    free(output);
}

int main(void)
{
    give_up_after(300);
    the_wet_signal_does_not_depend_on_the_callbacks_size();
    bypass_gives_the_input_back_bit_by_bit_after_the_latency();
    switching_between_equal_slots_changes_no_bit();
    mute_is_silence_through_every_change_of_parameters();
    no_change_clicks();
    a_stream_fades_in();
    the_limiter_holds_its_ceiling_without_clipping();
    any_input_gives_finite_output_and_is_forgotten_in_50_ms();
    poisoned_coefficients_are_silenced_until_good_ones_come();
    a_detector_that_is_not_a_number_trips_the_guard();
    what_is_no_sound_is_silence_to_the_chain();
    a_poisoned_slot_costs_nothing_to_who_does_not_hear_it();
    a_block_is_echoed_with_the_position_where_it_begins_to_be_heard();
    dry_and_wet_keep_step_after_a_process_was_killed();
    puts("ok engine: cutting, bypass, slots, mute, clicks, limiter, bad input and coefficients, "
         "echo");
    return 0;
}
