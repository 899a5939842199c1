/* The engine, heard from outside: cutting, bypass, slots, mute, echoes. */
#include "rig.h"
#include "sound.h"

#include <float.h>

#define RATE 48000u
#define FADE 960u     /* frames of every crossfade at RATE: 20 ms */
#define LEAD 480u     /* frames that a new chain runs unheard before: 10 ms */
#define SETTLED 4800u /* frames after which nothing at RATE remembers its beginning */

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
    enum { FRAMES = 8192, FADED_IN = 4480 };
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
        CHECK(
            same_bits(&output[2 * FADED_IN], &input[2 * (FADED_IN - latency)], FRAMES - FADED_IN));
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
    rig_run(&on, input + 2 * (AT + 1100), output, 500, 100);
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
    give_up_after(120);
    the_wet_signal_does_not_depend_on_the_callbacks_size();
    bypass_gives_the_input_back_bit_by_bit_after_the_latency();
    switching_between_equal_slots_changes_no_bit();
    mute_is_silence_through_every_change_of_parameters();
    a_block_is_echoed_with_the_position_where_it_begins_to_be_heard();
    dry_and_wet_keep_step_after_a_process_was_killed();
    puts("ok engine: cutting, bypass, slots, mute, echo");
    return 0;
}
