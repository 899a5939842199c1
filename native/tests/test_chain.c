/* The chain from inside: the same bits on every processor, slots that know nothing of each other.
 */
#include "chain_run.h"
#include "engine.h"
#include "rig.h"

#define RATE 48000u

static int32_t toss(uint64_t *seed)
{
    return (int32_t)random_below(seed, 2);
}

/* Settings within what a person may set; about half of all stages are on. */
static ag06_chain_settings any_settings(uint64_t *seed)
{
    ag06_chain_settings s = rig_neutral();
    ag06_band_settings *bands[] = {&s.eq.low, &s.eq.peak1, &s.eq.peak2, &s.eq.high};

    s.trim.gain_db = random_in(seed, -24, 24);
    s.highpass =
        (ag06_highpass_settings){toss(seed), toss(seed) ? 12 : 24, random_in(seed, 20, 1000)};
    s.gate.enabled = toss(seed);
    s.gate.threshold_db = random_in(seed, -90, 0);
    s.gate.release_ms = random_in(seed, 5, 100);
    s.gate.attack_ms = random_in(seed, 0.1, 100);
    for (int i = 0; i < 4; i++)
        *bands[i] = (ag06_band_settings){toss(seed), random_in(seed, 20, 20000),
                                         random_in(seed, -24, 24), random_in(seed, 0.1, 18)};
    s.deess = (ag06_deess_settings){toss(seed), random_in(seed, 2000, 16000),
                                    random_in(seed, -60, 0), random_in(seed, 1, 20), 10};
    s.comp = rig_comp(random_in(seed, -60, 0), random_in(seed, 1, 20), random_in(seed, 0.1, 200),
                      random_in(seed, 5, 200));
    s.comp.enabled = toss(seed);
    s.comp.sidechain_hz = toss(seed) ? random_in(seed, 20, 1000) : 0;
    s.limiter = (ag06_limiter_settings){random_below(seed, 4) > 0, random_in(seed, -24, 0), 20};
    return s;
}

/* Loud, soft and silent stretches, each some chunks long. */
static void any_sound(float *frames, uint64_t count, uint64_t *seed)
{
    double peak = 1;

    for (uint64_t n = 0; n < count; n++) {
        if (n % 1024 == 0)
            peak = random_below(seed, 4) ? pow(10, random_in(seed, -5, 1)) : 0;
        frames[2 * n] = (float)random_in(seed, -peak, peak);
        frames[2 * n + 1] = (float)random_in(seed, -peak, peak);
    }
}

/* Two times the same: coefficients, state, a change on its way. */
typedef struct {
    chain_coefficients coefficients;
    chain_state state;
    chain_change change;
} running;

static void begin(running *chain)
{
    memset(chain, 0, sizeof *chain);
    chain_reset(&chain->state, RATE);
}

static void set(running *chain, int slot, const ag06_chain_block *block)
{
    chain_change_begin(&chain->change, &chain->coefficients, &chain->state, 480);
    chain_set_slot(&chain->coefficients, &chain->state, &chain->change, slot, block);
}

static void every_processor_computes_the_same_bits(void)
{
    enum { CHUNKS = 30000 };
    running *ours = rig_memory(sizeof *ours);
    running *plain = rig_memory(sizeof *plain);
    float dry[CHUNK * AG06_CHANNELS];
    uint64_t seed = 61, mad_chunks = 0;

    begin(ours);
    begin(plain);
    for (int i = 0; i < CHUNKS; i++) {
        const uint32_t count = random_below(&seed, 4) ? CHUNK : 1 + random_below(&seed, CHUNK);
        lanes a[CHUNK], b[CHUNK];

        if (i % 50 == 0) {
            const ag06_chain_settings settings = any_settings(&seed);
            const int slot = (int)random_below(&seed, AG06_SLOTS);
            ag06_chain_block block;

            ag06_chain_design(&settings, RATE, &block);
            if (random_below(&seed, 20) == 0)
                block.gate.threshold_db = block.eq[1].a1 = NAN;
            set(ours, slot, &block);
            set(plain, slot, &block);
        }
        any_sound(dry, count, &seed);
        const uint32_t mad =
            chain_run(&ours->coefficients, &ours->state, &ours->change, dry, a, count);
        CHECK_EQUAL(run_stages(&plain->coefficients, &plain->state, &plain->change, dry, b, count),
                    mad);
        CHECK(mad || memcmp(a, b, count * sizeof *a) == 0);
        for (int slot = 0; slot < AG06_SLOTS; slot++)
            if (mad & 1u << slot) {
                chain_reset_slot(&ours->state, slot);
                chain_reset_slot(&plain->state, slot);
            }
        mad_chunks += mad > 0;
    }
    CHECK(mad_chunks > 0 && mad_chunks < CHUNKS / 2);
    free(ours);
    free(plain);
}

/*
 * What slot A sounds like, while slot B is given one setting after another, or none at all. Where B
 * has a stage switched on that A has not, the stage is run for A too, and must change no bit; the
 * limiter of one may rest while the other's works.
 */
static void a_slot_does_not_hear_what_the_other_does(void)
{
    enum { FRAMES = 48000, BLOCK = 480 };
    float *input = rig_frames(FRAMES);
    float *alone = rig_frames(FRAMES);
    float *beside = rig_frames(FRAMES);

    for (int round = 0; round < (SANITIZED ? 4 : 20); round++) {
        for (int busy = 0; busy < 2; busy++) {
            rig on = rig_make(RATE, 1);
            uint64_t seed = 67 + (uint64_t)round, other = 71 + (uint64_t)round;

            any_sound(input, FRAMES, &seed);
            for (uint64_t done = 0; done < FRAMES; done += BLOCK) {
                if (done % 4800 == 0) {
                    const ag06_chain_settings a = any_settings(&seed);
                    const ag06_chain_settings b = busy ? any_settings(&other) : rig_neutral();

                    rig_publish(&on, 0, &a);
                    rig_publish(&on, 1, &b);
                }
                rig_run(&on, input + 2 * done, (busy ? beside : alone) + 2 * done, BLOCK, BLOCK);
            }
            CHECK_EQUAL(on.arena->stats.nan_trips.raw, 0);
            rig_free(&on);
        }
        CHECK(memcmp(alone, beside, FRAMES * 2 * sizeof(float)) == 0);
    }
    free(input);
    free(alone);
    free(beside);
}

/* Random bits close below the ceiling, whose true peaks are above it, and near silence. */
static void bursts(float *frames, uint64_t count, double peak, uint64_t *seed)
{
    for (uint64_t i = 0; i < count * AG06_CHANNELS; i++) {
        const double share = i / AG06_CHANNELS % RATE < RATE / 8 ? 1 : 1e-4;

        frames[i] = (float)(share * (toss(seed) ? peak : -peak));
    }
}

/* A limiter at rest is left out, and one that is not near its ceiling estimates no true peaks. Slot
 * B, which never rests, has both done for slot A as well. */
static void a_limiter_rests_without_changing_a_bit(void)
{
    enum { FRAMES = 4 * 48000 };
    float *input = rig_frames(FRAMES);
    float *resting = rig_frames(FRAMES);
    float *working = rig_frames(FRAMES);

    for (int busy = 0; busy < 2; busy++) {
        rig on = rig_make(RATE, 1);
        ag06_chain_settings a = rig_neutral();
        ag06_chain_settings b = rig_neutral();
        uint64_t seed = 79;

        a.limiter = (ag06_limiter_settings){1, -6, 5};
        b.limiter = (ag06_limiter_settings){busy, -24, 1000};
        b.trim.gain_db = 80;
        bursts(input, FRAMES, 0.31, &seed);
        rig_publish(&on, 0, &a);
        rig_publish(&on, 1, &b);
        rig_restart(&on);
        rig_run(&on, input, busy ? working : resting, FRAMES, 256);
        CHECK((on.engine->state.limiter.quiet > 0) == !busy);
        rig_free(&on);
    }
    CHECK(memcmp(resting, working, FRAMES * 2 * sizeof(float)) == 0);
    CHECK(memcmp(resting + 4800, input + 4800, 4800 * 2 * sizeof(float)) != 0);
    free(input);
    free(resting);
    free(working);
}

static uint64_t subnormals(const void *memory, uint64_t bytes)
{
    uint64_t found = 0;

    for (uint64_t at = 0; at < bytes; at += sizeof(double)) {
        double value;

        memcpy(&value, (const char *)memory + at, sizeof value);
        found += fpclassify(value) == FP_SUBNORMAL;
    }
    return found;
}

/* Numbers that fade away must not end as those that cost a processor a hundred times as much. */
static void nothing_that_fades_away_becomes_subnormal(void)
{
    enum { FRAMES = 4800 };
    float *noise = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    rig on = rig_make(RATE, 1);
    const ag06_chain_settings busy = rig_busy();
    const uint64_t lanes_bytes = offsetof(chain_state, limiter) + offsetof(limiter_state, recent);
    uint64_t seed = 73;

    rig_publish(&on, 0, &busy);
    rig_noise(noise, FRAMES, 1, &seed);
    rig_run(&on, noise, output, FRAMES, 256);
    for (int tenth = 0; tenth < 300; tenth++) {
        rig_run(&on, NULL, output, FRAMES, 256);
        CHECK_EQUAL(subnormals(&on.engine->state, lanes_bytes), 0);
    }
    for (uint64_t i = 0; i < FRAMES * 2; i++) {
        noise[i] = 1e-40f;
        output[i] = 1;
    }
    rig_run(&on, noise, output, FRAMES, 256);
    for (uint64_t i = 0; i < FRAMES * 2; i++)
        CHECK(output[i] == 0);
    rig_free(&on);
    free(noise);
    free(output);
}

/* A ratio of 1 turns nothing down, and is made up for all the same. */
static void makeup_is_there_at_any_ratio_whatever_the_other_slot_does(void)
{
    enum { FRAMES = 9600 };
    float *tone = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);

    rig_tone(tone, 0, FRAMES, 1000, RATE, 0.1);
    for (int other = 0; other < 2; other++) {
        rig on = rig_make(RATE, 1);
        ag06_chain_settings a = rig_neutral();
        ag06_chain_settings b = rig_neutral();

        a.comp = rig_comp(-20, 1, 5, 100);
        a.comp.makeup_db = 20 * log10(2);
        b.comp = rig_comp(-40, 4, 5, 100);
        b.comp.enabled = other;
        rig_publish(&on, 0, &a);
        rig_publish(&on, 1, &b);
        rig_restart(&on);
        rig_run(&on, tone, output, FRAMES, 256);
        double most = 0;
        for (uint64_t n = FRAMES / 2; n < FRAMES; n++)
            most = fmax(most, fabs((double)output[2 * n]));
        CHECK(fabs(most - 0.2) < 1e-3);
        rig_free(&on);
    }
    free(tone);
    free(output);
}

int main(void)
{
    give_up_after(120);
    every_processor_computes_the_same_bits();
    a_slot_does_not_hear_what_the_other_does();
    a_limiter_rests_without_changing_a_bit();
    nothing_that_fades_away_becomes_subnormal();
    makeup_is_there_at_any_ratio_whatever_the_other_slot_does();
    puts("ok chain: the same bits on every processor, slots apart, rest, no subnormals, make-up");
    return 0;
}
