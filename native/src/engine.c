/* From dry to wet: parameter blocks and slots with their crossfades, bypass, mute, NaN guard. */
#include "engine.h"

#include "atomic.h"
#include "lanes.h"
#include "params.h"

#include <math.h>
#include <string.h>

#define FADE_S 20e-3
#define LEAD_S 10e-3 /* of a new chain before it is heard: time for its filters to come in */

uint64_t ag06_engine_bytes(void)
{
    return sizeof(ag06_engine);
}

static ramp ramp_at(double value, uint32_t frames)
{
    const ramp r = {value, value, 1.0 / frames};

    return r;
}

static double wanted(uint32_t switches, uint32_t bit)
{
    return (switches & bit) != 0 ? 1 : 0;
}

/* From silence, once the delays hold sound again: so the ramp begins that much below zero. */
static void fade_in(ag06_engine *engine)
{
    engine->audible.value = -(double)engine->latency * engine->audible.step;
}

/* A process that was killed may have left a dry block without its wet one; that stays silent. */
static void keep_step(ag06_engine *engine)
{
    ag06_arena *arena = engine->arena;

    for (;;) {
        const uint64_t missing = load_relaxed(&arena->dry.head) - load_relaxed(&arena->wet.head);

        if (missing == 0)
            return;
        ag06_ring_write(&arena->wet, engine->wet,
                        missing < AG06_BLOCK_MAX ? missing : AG06_BLOCK_MAX);
    }
}

void ag06_engine_init(ag06_engine *engine, ag06_arena *arena, int priority)
{
    const double rate = arena->rate;
    const uint32_t switches = load32_acquire(&arena->switches);

    memset(engine, 0, sizeof *engine);
    engine->arena = arena;
    engine->priority = priority;
    engine->latency = ag06_chain_latency(rate);
    engine->fade_frames = (uint32_t)(FADE_S * rate);
    engine->lead_frames = (uint32_t)fmax(LEAD_S * rate, engine->latency);
    chain_reset(&engine->state, rate);
    for (int slot = 0; slot < AG06_SLOTS; slot++)
        chain_set_slot(&engine->coefficients, &engine->state, NULL, slot,
                       params_front(&arena->params[slot]));
    engine->slot_b = ramp_at(wanted(switches, AG06_SWITCH_SLOT_B), engine->fade_frames);
    engine->bypass = ramp_at(wanted(switches, AG06_SWITCH_BYPASS), engine->fade_frames);
    engine->audible = ramp_at(0, engine->fade_frames);
    fade_in(engine);
    keep_step(engine);
    store_relaxed(&arena->stats.stream_start_ns, 0);
    __atomic_store_n(&arena->stats.finished.raw, 0, __ATOMIC_RELEASE);
}

/*
 * Begin a crossfade to whatever parameter blocks are new; one fade runs at a time, and a block that
 * comes during it waits. First only the old chain is heard, while the filters of the new one come
 * in, and until the limiter's delay holds no more frames from before: then there is no seam in it.
 */
static void take_params(ag06_engine *engine, uint64_t position)
{
    ag06_params *params = engine->arena->params;

    if (engine->fade_left > 0 || !(params_fresh(&params[0]) || params_fresh(&params[1])))
        return;
    engine->old_coefficients = engine->coefficients;
    engine->old_state = engine->state;
    engine->fade_left = engine->lead_frames + engine->fade_frames;
    chain_change_begin(&engine->change, &engine->coefficients, &engine->state, engine->lead_frames);
    for (int slot = 0; slot < AG06_SLOTS; slot++) {
        if (!params_fresh(&params[slot]))
            continue;
        const ag06_chain_block *block = params_take(&params[slot]);
        chain_set_slot(&engine->coefficients, &engine->state, &engine->change, slot, block);
        store_relaxed(&params[slot].taken_position, position + engine->lead_frames);
        store_release(&params[slot].taken, block->sequence);
    }
}

static void take_switches(ag06_engine *engine)
{
    const uint32_t switches = load32_acquire(&engine->arena->switches);

    engine->slot_b.target = wanted(switches, AG06_SWITCH_SLOT_B);
    engine->bypass.target = wanted(switches, AG06_SWITCH_BYPASS);
    engine->audible.target = 1 - wanted(switches, AG06_SWITCH_MUTE);
    store32_release(&engine->arena->stats.switches, switches);
}

/* Returns the slots that went mad. */
static uint32_t run_chain(ag06_engine *engine, const float *dry, lanes *frames, uint32_t count)
{
    uint32_t mad =
        chain_run(&engine->coefficients, &engine->state, &engine->change, dry, frames, count);
    if (engine->fade_left == 0)
        return mad;

    lanes old[CHUNK];
    mad |= chain_run(&engine->old_coefficients, &engine->old_state, NULL, dry, old, count);
    for (uint32_t n = 0; n < count && engine->fade_left > 0; n++, engine->fade_left--) {
        const double share = faded((double)engine->fade_left / (double)engine->fade_frames);

        frames[n] = share < 1 ? frames[n] + (old[n] - frames[n]) * share : old[n];
    }
    return mad;
}

static int is_heard(const ag06_engine *engine, int slot)
{
    const double here = slot == 0 ? 0 : 1; /* where slot_b stands when only this slot is heard */
    const int elsewhere = engine->slot_b.value == 1 - here && engine->slot_b.target == 1 - here;
    const int bypassed = engine->bypass.value >= 1 && engine->bypass.target >= 1;

    return !elsewhere && !bypassed;
}

/* Begin slot `slot` afresh, in the chain that fades out too; the other slot does not notice. */
static void silence_slot(ag06_engine *engine, int slot, lanes *frames, uint32_t count)
{
    chain_reset_slot(&engine->state, slot);
    chain_reset_slot(&engine->old_state, slot);
    chain_change_drop(&engine->change, &engine->coefficients, slot);
    chain_set_slot(&engine->old_coefficients, &engine->old_state, NULL, slot,
                   params_front(&engine->arena->params[slot]));
    for (uint32_t n = 0; n < count; n++)
        frames[n][2 * slot] = frames[n][2 * slot + 1] = 0;
    if (is_heard(engine, slot))
        fade_in(engine);
}

/* The input of `latency` frames ago, and the present one into its place. */
static void delay_input(ag06_engine *engine, const float *dry, float *late, uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        const uint32_t left = engine->latency - engine->delayed_at;
        const uint32_t part = count - done < left ? count - done : left;
        const size_t bytes = part * AG06_CHANNELS * sizeof *late;
        float *kept = &engine->delayed[engine->delayed_at * AG06_CHANNELS];

        memcpy(&late[done * AG06_CHANNELS], kept, bytes);
        memcpy(kept, &dry[done * AG06_CHANNELS], bytes);
        engine->delayed_at = part == left ? 0 : engine->delayed_at + part;
        done += part;
    }
}

static int rests_at(const ramp *r, double value)
{
    return r->value == value && r->target == value;
}

/* Only one slot is heard, and all of it. An addition makes a negative zero positive, as in a fade.
 */
static void hear_slot(int slot, const lanes *frames, float *wet, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        wet[2 * n] = (float)(frames[n][2 * slot] + 0.0);
        wet[2 * n + 1] = (float)(frames[n][2 * slot + 1] + 0.0);
    }
}

static void fade(ag06_engine *engine, const float *late, const lanes *frames, float *wet,
                 uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const double b = faded(ramp_next(&engine->slot_b));
        const double bypass = faded(ramp_next(&engine->bypass));
        const double audible = faded(ramp_next(&engine->audible));

        for (uint32_t channel = 0; channel < AG06_CHANNELS; channel++) {
            const double in_a = frames[n][channel];
            const double in_b = frames[n][2 + channel];
            const float input = late[2 * n + channel];
            const double processed = b < 1 ? in_a + b * (in_b - in_a) : in_b;
            const double heard = processed + bypass * ((double)input - processed);

            wet[2 * n + channel] =
                bypass >= 1 && audible >= 1 ? input : (float)(heard * audible + 0.0);
        }
    }
}

static void mix(ag06_engine *engine, const float *dry, const lanes *frames, float *wet,
                uint32_t count)
{
    const int whole = rests_at(&engine->audible, 1);
    float late[CHUNK * AG06_CHANNELS];

    delay_input(engine, dry, late, count);
    if (whole && rests_at(&engine->bypass, 1))
        memcpy(wet, late, count * AG06_CHANNELS * sizeof *wet);
    else if (whole && rests_at(&engine->bypass, 0) && rests_at(&engine->slot_b, 0))
        hear_slot(0, frames, wet, count);
    else if (whole && rests_at(&engine->bypass, 0) && rests_at(&engine->slot_b, 1))
        hear_slot(1, frames, wet, count);
    else
        fade(engine, late, frames, wet, count);
}

int engine_process(ag06_engine *engine, uint32_t count)
{
    const uint64_t position = load_relaxed(&engine->arena->wet.head);
    int trips = 0;

    take_switches(engine);
    for (uint32_t done = 0; done < count;) {
        const uint32_t chunk = count - done < CHUNK ? count - done : CHUNK;
        const float *dry = &engine->dry[done * AG06_CHANNELS];
        lanes frames[CHUNK];

        take_params(engine, position + done);
        const uint32_t mad = run_chain(engine, dry, frames, chunk);
        for (int slot = 0; slot < AG06_SLOTS; slot++)
            if (mad & 1u << slot)
                silence_slot(engine, slot, frames, chunk);
        trips += mad != 0;
        mix(engine, dry, frames, &engine->wet[done * AG06_CHANNELS], chunk);
        done += chunk;
    }
    return trips;
}
