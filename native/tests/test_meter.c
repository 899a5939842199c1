/* The meters: any cut of the sound reads alike, nothing finite makes them lie, a reset begins
 * afresh. */
#include "ag06_meter.h"
#include "rig.h"

#include <pthread.h>

#define RATE 48000u
#define FRAMES (5 * RATE + 123)

static ag06_meter *make_meter(uint32_t rate)
{
    ag06_meter *meter = rig_memory(sizeof *meter);

    memset(meter, 0xa5, sizeof *meter); /* whatever was there before does not matter */
    ag06_meter_init(meter, rate);
    return meter;
}

static void run(ag06_meter *meter, const float *first, const float *second, uint64_t frames,
                uint32_t block)
{
    ag06_levels levels;

    for (uint64_t done = 0; done < frames;) {
        const uint32_t part = frames - done < block ? (uint32_t)(frames - done) : block;

        ag06_meter_run(meter, first + 2 * done, second ? second + 2 * done : NULL, part, &levels);
        done += part;
    }
}

static ag06_meter *metered(const float *first, const float *second, uint64_t frames, uint32_t block)
{
    ag06_meter *meter = make_meter(RATE);

    run(meter, first, second, frames, block);
    return meter;
}

static void check_alike(const ag06_meter *one, const ag06_meter *other)
{
    CHECK(memcmp(one->readings, other->readings, sizeof one->readings) == 0);
    CHECK(memcmp(one->state, other->state, sizeof one->state) == 0);
    CHECK(memcmp(one->weighted, other->weighted, sizeof one->weighted) == 0);
    CHECK(memcmp(&one->present, &other->present, sizeof one->present) == 0);
}

static int is_sane(const ag06_reading *r)
{
    const double loudness[] = {r->momentary_lufs, r->short_term_lufs, r->integrated_lufs,
                               r->max_momentary_lufs, r->max_short_term_lufs};

    for (int i = 0; i < 5; i++)
        if (!(loudness[i] < 200)) /* -infinity is sane */
            return 0;
    for (int i = 0; i < 2; i++)
        if (!(isfinite(r->max_peak[i]) && isfinite(r->max_true_peak[i]) && isfinite(r->rms[i]) &&
              isfinite(r->peak[i]) && isfinite(r->true_peak[i]) && r->peak[i] <= r->true_peak[i] &&
              r->rms[i] <= r->peak[i] * 1.000001 && r->max_peak[i] <= r->max_true_peak[i]))
            return 0;
    return fabs(r->correlation) <= 1 && r->lra_lu >= 0 && r->lra_lu < 110;
}

static int near(double value, double wanted, double tolerance)
{
    return fabs(value - wanted) <= tolerance;
}

static void every_cut_of_the_sound_reads_alike(void)
{
    float *first = rig_frames(FRAMES);
    float *second = rig_frames(FRAMES);
    uint64_t seed = 3;
    const uint32_t blocks[] = {1, 2, 3, 63, 64, 65, 127, 480, 481, 1024, AG06_BLOCK_MAX};

    rig_noise(first, FRAMES, 0.7, &seed);
    rig_tone(second, 0, FRAMES, 997, RATE, 0.3);
    ag06_meter *whole = metered(first, second, FRAMES, 64);
    CHECK(whole->readings[0].integrated_lufs > -10 && whole->readings[1].integrated_lufs < -10);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        ag06_meter *cut = metered(first, second, FRAMES, blocks[i]);
        check_alike(whole, cut);
        free(cut);
    }
    ag06_meter *random = make_meter(RATE);
    for (uint32_t done = 0; done < FRAMES;) {
        const uint32_t most = 1 + random_below(&seed, AG06_BLOCK_MAX);
        const uint32_t part = most < FRAMES - done ? most : FRAMES - done;
        run(random, first + 2 * done, second + 2 * done, part, part);
        done += part;
    }
    check_alike(whole, random);
    free(random);
    free(whole);
    free(first);
    free(second);
}

static void a_stream_reads_the_same_in_either_place(void)
{
    float *sound = rig_frames(FRAMES);
    uint64_t seed = 5;

    rig_noise(sound, FRAMES, 0.4, &seed);
    ag06_meter *meter = metered(sound, sound, FRAMES, 100);
    ag06_meter *alone = metered(sound, NULL, FRAMES, 100);
    CHECK(memcmp(&meter->readings[0], &meter->readings[1], sizeof *meter->readings) == 0);
    CHECK(memcmp(&meter->readings[0], &alone->readings[0], sizeof *meter->readings) == 0);
    CHECK(isinf(alone->readings[1].max_momentary_lufs));
    free(meter);
    free(alone);
    free(sound);
}

static void silence_reads_minus_infinity_and_zero(void)
{
    float *silence = rig_frames(FRAMES);
    ag06_meter *meter = metered(silence, NULL, FRAMES, 64);

    for (int i = 0; i < AG06_METERED; i++) {
        const ag06_reading *r = &meter->readings[i];

        CHECK(r->momentary_lufs == -INFINITY && r->short_term_lufs == -INFINITY);
        CHECK(r->integrated_lufs == -INFINITY && r->max_momentary_lufs == -INFINITY);
        CHECK(r->max_short_term_lufs == -INFINITY && r->lra_lu == 0 && r->correlation == 0);
        CHECK(r->rms[0] == 0 && r->max_peak[1] == 0 && r->max_true_peak[0] == 0);
    }
    free(meter);
    free(silence);
}

/* The windows forget to exactly nothing, and no filter lingers in denormals. */
static void silence_after_a_loud_tone_reads_as_silence(void)
{
    float *sound = rig_frames(12 * RATE);

    rig_tone(sound, 0, RATE, 100, RATE, 1.0);
    ag06_meter *meter = metered(sound, NULL, 12 * RATE, 64);
    CHECK(meter->readings[0].short_term_lufs == -INFINITY && meter->momentary[0] == 0);
    CHECK(meter->readings[0].max_momentary_lufs > -15);
    for (int i = 0; i < 4; i++)
        CHECK(meter->state[i][0] == 0);
    free(meter);
    free(sound);
}

static void mono_and_opposite_channels_correlate_as_they_should(void)
{
    float *sound = rig_frames(RATE);

    rig_tone(sound, 0, RATE, 440, RATE, 0.5);
    ag06_meter *meter = metered(sound, NULL, RATE, 64);
    CHECK(near(meter->readings[0].correlation, 1, 1e-6));
    CHECK(near(meter->readings[0].rms[0], 0.5 / sqrt(2), 1e-6));
    free(meter);
    for (uint32_t n = 0; n < RATE; n++)
        sound[2 * n + 1] = -sound[2 * n];
    meter = metered(sound, NULL, RATE, 64);
    CHECK(near(meter->readings[0].correlation, -1, 1e-6));
    free(meter);
    for (uint32_t n = 0; n < RATE; n++)
        sound[2 * n + 1] = 0;
    meter = metered(sound, NULL, RATE, 64);
    CHECK(meter->readings[0].correlation == 0 && is_sane(&meter->readings[0]));
    free(meter);
    free(sound);
}

static void garbage_never_makes_nan(void)
{
    const float bad[] = {3.4e38f, -3.4e38f, 1e-45f, -1e-40f, NAN, INFINITY, -INFINITY, 1e20f, 0};
    float *sound = rig_frames(FRAMES);
    uint64_t seed = 11;

    for (uint32_t i = 0; i < 2 * FRAMES; i++)
        sound[i] = bad[random_below(&seed, 9)];
    ag06_meter *meter = metered(sound, sound, FRAMES, 100);
    CHECK(is_sane(&meter->readings[0]) && is_sane(&meter->readings[1]));
    CHECK(meter->readings[0].max_peak[0] == 1e6);
    rig_tone(sound, 0, FRAMES, 1000, RATE, 0.1);
    ag06_meter_reset(meter, 1);
    run(meter, sound, NULL, FRAMES, 100);
    run(meter, sound, NULL, FRAMES, 100);
    CHECK(near(meter->readings[0].short_term_lufs, -20.9, 0.3)); /* and all of it passes */
    free(meter);
    free(sound);
}

static void what_is_no_number_counts_as_silence(void)
{
    float *sound = rig_frames(RATE);

    for (uint32_t i = 0; i < 2 * RATE; i++)
        sound[i] = NAN;
    ag06_meter *meter = metered(sound, sound, RATE, 64);
    CHECK(meter->readings[0].max_true_peak[0] == 0 && meter->readings[1].rms[1] == 0);
    CHECK(meter->readings[0].momentary_lufs == -INFINITY);
    free(meter);
    free(sound);
}

static void a_reset_begins_afresh_but_for_the_windows(void)
{
    float *loud = rig_frames(FRAMES);
    float *quiet = rig_frames(FRAMES);

    rig_tone(loud, 0, FRAMES, 1000, RATE, 0.5);
    rig_tone(quiet, 0, FRAMES, 1000, RATE, 0.05);
    ag06_meter *meter = metered(loud, loud, FRAMES, 64); /* ends within a slot */
    const double before = meter->readings[0].momentary_lufs;
    ag06_meter_reset(meter, 7);
    CHECK_EQUAL(meter->resets, 7);
    CHECK(meter->readings[0].integrated_lufs == -INFINITY && meter->readings[0].lra_lu == 0);
    CHECK(meter->readings[0].max_momentary_lufs == -INFINITY &&
          meter->readings[1].max_peak[0] == 0);
    CHECK(meter->readings[0].momentary_lufs == before);
    run(meter, quiet, quiet, FRAMES, 64);
    for (int i = 0; i < AG06_METERED; i++) {
        const ag06_reading *r = &meter->readings[i];

        CHECK(near(r->integrated_lufs, before - 20, 0.01) && near(r->max_peak[0], 0.05, 1e-6));
        CHECK(near(r->max_momentary_lufs, before - 20, 0.01) && r->lra_lu < 0.05);
        CHECK(near(r->max_short_term_lufs, before - 20, 0.01));
    }
    free(meter);
    free(loud);
    free(quiet);
}

static void what_goes_on_after_a_gap_keeps_the_programme(void)
{
    float *sound = rig_frames(FRAMES);

    rig_tone(sound, 0, FRAMES, 1000, RATE, 0.5);
    ag06_meter *meter = metered(sound, sound, FRAMES, 64);
    const ag06_reading before = meter->readings[0];
    ag06_meter_resume(meter);
    const ag06_reading *after = &meter->readings[0];
    CHECK(after->momentary_lufs == -INFINITY && after->rms[0] == 0);
    CHECK(after->integrated_lufs == before.integrated_lufs &&
          after->max_peak[0] == before.max_peak[0]);
    run(meter, sound, sound, FRAMES, 64);
    CHECK(near(after->integrated_lufs, before.integrated_lufs, 0.001));
    CHECK(near(after->momentary_lufs, before.momentary_lufs, 0.001));
    CHECK(meter->programmes[0].blocks.count > 80);
    free(meter);
    free(sound);
}

static void every_rate_reads_the_same_loudness(void)
{
    const uint32_t rates[] = {44100, 48000, 88200, 96000, 176400, 192000};

    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const uint32_t rate = rates[i];
        float *sound = rig_frames(4 * rate);
        ag06_meter *meter = make_meter(rate);

        rig_tone(sound, 0, 4 * rate, 997, rate, 0.1);
        for (uint32_t n = 0; n < 4 * rate; n++)
            sound[2 * n + 1] = sound[2 * n];
        run(meter, sound, NULL, 4 * rate, 64);
        CHECK(near(meter->readings[0].integrated_lufs, -20.0, 0.01));
        CHECK(near(meter->readings[0].max_true_peak[0], 0.1, 0.0002));
        free(meter);
        free(sound);
    }
}

/* Twenty-four hours of blocks, in which the loudness is what it is and costs no more. */
static void a_day_is_measured_like_a_minute(void)
{
    ag06_programme *programme = rig_memory(sizeof *programme);

    ag06_programme_reset(programme);
    for (int i = 0; i < 864000; i++) {
        ag06_programme_add_block(programme, i % 2 ? 1e-3 : 1e-8); /* the latter is below the gate */
        ag06_programme_add_window(programme, i % 2 ? 1e-3 : 1e-4);
    }
    CHECK(near(ag06_programme_integrated_lufs(programme), ag06_lufs(1e-3), 1e-6));
    CHECK(near(ag06_programme_lra_lu(programme), 10, 1e-6));
    free(programme);
}

/* What one programme counted does not come back when the next one is as loud. */
static void a_programme_knows_nothing_of_the_one_before(void)
{
    ag06_programme *programme = rig_memory(sizeof *programme);

    ag06_programme_reset(programme);
    for (int i = 0; i < 900; i++)
        ag06_programme_add_window(programme, 1e-3);
    ag06_programme_reset(programme);
    CHECK(ag06_programme_lra_lu(programme) == 0);
    for (int i = 0; i < 20; i++)
        ag06_programme_add_window(programme, i < 10 ? 1e-3 : 1.2e-3);
    CHECK(near(ag06_programme_lra_lu(programme), 10 * log10(1.2), 1e-6));
    free(programme);
}

/* ---- the board ----------------------------------------------------------------------------- */

static ag06_meter_board board;
static ag06_atomic_u32 written;

static void *write_readings(void *argument)
{
    ag06_meter *meter = make_meter(RATE);

    (void)argument;
    for (uint64_t i = 1; i <= 20000; i++) {
        for (int stream = 0; stream < AG06_METERED; stream++) {
            meter->readings[stream].momentary_lufs = (double)i;
            meter->readings[stream].correlation = (double)i;
        }
        meter->resets = i;
        ag06_meter_publish(meter, i, &board);
    }
    store32_release(&written, 1);
    free(meter);
    return NULL;
}

static void a_reader_sees_one_moment(void)
{
    pthread_t writer;
    ag06_readings readings;
    uint64_t last = 0;

    CHECK(pthread_create(&writer, NULL, write_readings, NULL) == 0);
    while (!load32_acquire(&written)) {
        if (!ag06_meter_read(&board, &readings))
            continue;
        const double i = (double)readings.position;
        CHECK(readings.position >= last && readings.resets == readings.position);
        CHECK(readings.of[0].momentary_lufs == i && readings.of[1].correlation == i);
        last = readings.position;
    }
    CHECK(pthread_join(writer, NULL) == 0);
    CHECK(ag06_meter_read(&board, &readings) && readings.position == 20000);
}

static void a_writer_that_died_is_noticed_and_followed(void)
{
    ag06_meter *meter = make_meter(RATE);
    ag06_readings readings;

    board.version.raw |= 1;
    CHECK(!ag06_meter_read(&board, &readings));
    ag06_meter_publish(meter, 5, &board);
    CHECK(ag06_meter_read(&board, &readings) && readings.position == 5);
    free(meter);
}

/* ---- in the callback ----------------------------------------------------------------------- */

static void the_callback_meters_dry_and_wet(void)
{
    rig on = rig_make(RATE, 1);
    ag06_chain_settings settings = rig_neutral();
    float *input = rig_frames(FRAMES);
    ag06_readings readings;

    settings.trim.gain_db = -6;
    rig_publish(&on, 0, &settings);
    rig_restart(&on);
    rig_tone(input, 0, FRAMES, 1000, RATE, 0.5);
    rig_run(&on, input, NULL, FRAMES, 64);
    CHECK(ag06_meter_read(&on.arena->meters, &readings));
    CHECK_EQUAL(readings.position, FRAMES);
    const ag06_reading *dry = &readings.of[0];
    const ag06_reading *wet = &readings.of[1];
    CHECK(near(dry->max_peak[0], 0.5, 1e-6) && near(dry->max_peak[1], 0.4, 1e-6));
    CHECK(near(wet->short_term_lufs, dry->short_term_lufs - 6, 0.001));
    CHECK(near(wet->integrated_lufs, dry->integrated_lufs - 6, 0.05)); /* it was faded in */
    CHECK(near(wet->rms[1], dry->rms[1] * pow(10, -0.3), 1e-5));

    CHECK_EQUAL(ag06_arena_reset_meters(on.arena), 1);
    rig_run(&on, input, NULL, 64, 64);
    CHECK(ag06_meter_read(&on.arena->meters, &readings));
    CHECK(readings.resets == 1 && readings.of[0].integrated_lufs == -INFINITY);
    rig_free(&on);
    free(input);
}

int main(void)
{
    give_up_after(200);
    every_cut_of_the_sound_reads_alike();
    a_stream_reads_the_same_in_either_place();
    silence_reads_minus_infinity_and_zero();
    silence_after_a_loud_tone_reads_as_silence();
    mono_and_opposite_channels_correlate_as_they_should();
    garbage_never_makes_nan();
    what_is_no_number_counts_as_silence();
    a_reset_begins_afresh_but_for_the_windows();
    what_goes_on_after_a_gap_keeps_the_programme();
    every_rate_reads_the_same_loudness();
    a_day_is_measured_like_a_minute();
    a_programme_knows_nothing_of_the_one_before();
    a_reader_sees_one_moment();
    a_writer_that_died_is_noticed_and_followed();
    the_callback_meters_dry_and_wet();
    puts("ok meter: any cut reads alike, nothing finite makes it lie, resets and readers hold");
    return 0;
}
