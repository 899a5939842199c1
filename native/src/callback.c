/*
 * The callback: input -> dry ring -> engine -> wet ring -> output, and the account of it.
 *
 * No lock, allocation, file, print or system call but clock_gettime; the one exception is the
 * first call of a stream, which asks for real-time scheduling for the thread it finds itself on.
 */
#include "atomic.h"
#include "engine.h"
#include "histogram.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#define FLUSH_DENORMALS 0x8040u /* flush to zero, denormals are zero */
typedef unsigned int float_mode;
static inline float_mode flush_denormals(void)
{
    const float_mode before = _mm_getcsr();

    _mm_setcsr(before | FLUSH_DENORMALS);
    return before;
}
static inline void restore_float_mode(float_mode mode)
{
    _mm_setcsr(mode);
}
#elif defined(__aarch64__)
typedef uint64_t float_mode;
static inline void restore_float_mode(float_mode mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}
static inline float_mode flush_denormals(void)
{
    float_mode before;

    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    restore_float_mode(before | (1u << 24));
    return before;
}
#else
#error "no way known to flush denormals on this processor"
#endif

#define INPUT_LIMIT 16.0f     /* +24 dBFS: beyond any converter */
#define DISTRUSTED_PER_S 1000 /* a second over the time after garbage that is not trusted */

/* PaStreamCallbackFlags, in PortAudio's order; the block flags have the same bits. */
static void count_flags(ag06_stats *stats, unsigned long flags)
{
    if (flags & AG06_BLOCK_INPUT_UNDERFLOW)
        count(&stats->input_underflows, 1);
    if (flags & AG06_BLOCK_INPUT_OVERFLOW)
        count(&stats->input_overflows, 1);
    if (flags & AG06_BLOCK_OUTPUT_UNDERFLOW)
        count(&stats->output_underflows, 1);
    if (flags & AG06_BLOCK_OUTPUT_OVERFLOW)
        count(&stats->output_overflows, 1);
    if (flags & AG06_BLOCK_PRIMING)
        count(&stats->priming, 1);
}

static void ask_for_real_time(ag06_engine *engine)
{
    ag06_stats *stats = &engine->arena->stats;
    struct sched_param param;
    int policy;

    pthread_getschedparam(pthread_self(), &policy, &param);
    if (engine->priority > 0 && policy != SCHED_FIFO && policy != SCHED_RR) {
        param.sched_priority = engine->priority;
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
        pthread_getschedparam(pthread_self(), &policy, &param);
    }
    store32_release(&stats->policy, (uint32_t)policy);
    store32_release(&stats->priority, (uint32_t)param.sched_priority);
}

/* First callback of a stream: the account begins, and says how long there was none. Returns the
 * frames missed since the stream before. */
static uint64_t begin_stream(ag06_engine *engine, uint64_t now)
{
    ag06_stats *stats = &engine->arena->stats;
    const uint64_t before = load_relaxed(&stats->last_entry_ns);
    uint64_t gap = 0;

    ask_for_real_time(engine);
    ag06_meter_resume(&engine->arena->meter);
    engine->streaming = 1;
    if (before > 0) {
        const uint64_t away = (uint64_t)((double)(now - before) * 1e-9 * engine->arena->rate);
        const uint64_t delivered = load_relaxed(&stats->last_frames);

        gap = away > delivered ? away - delivered : 0;
    }
    count(&stats->gap_frames, gap);
    count(&stats->streams, 1);
    store_relaxed(&stats->stream_callbacks, 0);
    store_relaxed(&stats->stream_position, load_relaxed(&engine->arena->dry.head));
    store_release(&stats->stream_start_ns, now);
    return gap;
}

static void account_entry(ag06_stats *stats, uint64_t now, double rate)
{
    const uint64_t since = now - load_relaxed(&stats->last_entry_ns);
    const double period_ns = 1e9 * (double)load_relaxed(&stats->last_frames) / rate;

    count(&stats->gap_histogram[histogram_bucket(since)], 1);
    if ((double)since > 1.5 * period_ns)
        count(&stats->late, 1);
}

static uint32_t account_duration(ag06_stats *stats, uint64_t duration, unsigned long frames,
                                 double rate)
{
    count(&stats->duration_histogram[histogram_bucket(duration)], 1);
    if (duration > load_relaxed(&stats->max_duration_ns))
        store_relaxed(&stats->max_duration_ns, duration);
    if ((double)duration > 1e9 * (double)frames / rate)
        count(&stats->overruns, 1);
    return duration < UINT32_MAX ? (uint32_t)duration : UINT32_MAX;
}

static int is_sound(float sample)
{
    return fabsf(sample) <= INPUT_LIMIT; /* nor is NaN */
}

/*
 * Copy the input to engine->dry, silence in place of what is no sound; the number of frames that
 * had to be changed. Held at the limit instead, it would hold down compressor and limiter after it;
 * and so would those of garbage that happen to look like sound, so a millisecond after it goes too.
 */
static uint32_t take_input(ag06_engine *engine, const float *input, uint32_t frames)
{
    const uint32_t samples = frames * AG06_CHANNELS;
    uint32_t spoilt = engine->distrusted;
    uint32_t bad = 0;

    if (!input) {
        memset(engine->dry, 0, samples * sizeof *engine->dry);
        return 0;
    }
    for (uint32_t i = 0; i < samples; i++) {
        engine->dry[i] = input[i];
        spoilt |= !is_sound(input[i]);
    }
    for (uint32_t n = 0; spoilt && n < frames; n++) {
        if (!(is_sound(input[2 * n]) && is_sound(input[2 * n + 1])))
            engine->distrusted = engine->arena->rate / DISTRUSTED_PER_S;
        else if (engine->distrusted > 0)
            engine->distrusted--;
        else
            continue;
        engine->dry[2 * n] = 0;
        engine->dry[2 * n + 1] = 0;
        bad++;
    }
    return bad;
}

static void measure(ag06_engine *engine, uint32_t frames, ag06_block *block)
{
    ag06_arena *arena = engine->arena;
    const uint64_t resets = load_relaxed(&arena->meter_resets);
    ag06_levels levels;

    if (resets != arena->meter.resets)
        ag06_meter_reset(&arena->meter, resets);
    ag06_meter_run(&arena->meter, engine->dry, engine->wet, frames, &levels);
    ag06_meter_publish(&arena->meter, block->position + frames, &arena->meters);
    for (int channel = 0; channel < AG06_CHANNELS; channel++) {
        block->dry_peak[channel] = levels.peak[channel];
        block->dry_rms[channel] = levels.rms[channel];
        block->wet_peak[channel] = levels.peak[AG06_CHANNELS + channel];
        block->wet_rms[channel] = levels.rms[AG06_CHANNELS + channel];
    }
}

static void count_zeros(ag06_stats *stats, const ag06_block *block)
{
    if (block->dry_peak[0] > 0 || block->dry_peak[1] > 0)
        store_relaxed(&stats->zero_input_frames, 0);
    else
        count(&stats->zero_input_frames, block->frames);
}

static void run_block(ag06_engine *engine, const float *input, float *output, uint32_t frames,
                      ag06_block *block)
{
    ag06_arena *arena = engine->arena;
    ag06_stats *stats = &arena->stats;

    const uint32_t bad = take_input(engine, input, frames);
    ag06_ring_write(&arena->dry, engine->dry, frames);
    const int trips = engine_process(engine, frames);
    ag06_ring_write(&arena->wet, engine->wet, frames);
    if (output)
        memcpy(output, engine->wet, frames * AG06_CHANNELS * sizeof *output);

    block->frames = frames;
    block->flags |= bad > 0 || trips > 0 ? AG06_BLOCK_NAN : 0;
    block->switches = stats->switches.raw;
    measure(engine, frames, block);
    for (int slot = 0; slot < AG06_SLOTS; slot++)
        block->reduction[slot] = chain_reduction(&engine->state, slot);
    count_zeros(stats, block);
    count(&stats->bad_input_frames, bad);
    count(&stats->nan_trips, (uint64_t)trips);
}

int ag06_callback(const void *input, void *output, unsigned long frames, const void *time_info,
                  unsigned long flags, void *userdata)
{
    ag06_engine *engine = userdata;
    ag06_arena *arena = engine->arena;
    ag06_stats *stats = &arena->stats;
    const uint64_t entry = ag06_now_ns();
    const float_mode mode = flush_denormals();
    uint64_t gap = 0;

    (void)time_info; /* garbage on some backends; time is the monotonic clock's */
    if (engine->streaming)
        account_entry(stats, entry, arena->rate);
    else
        gap = begin_stream(engine, entry);
    store_relaxed(&stats->last_entry_ns, entry);
    store_relaxed(&stats->last_frames, frames);
    count_flags(stats, flags);

    for (unsigned long done = 0; done < frames;) {
        const uint32_t part =
            frames - done < AG06_BLOCK_MAX ? (uint32_t)(frames - done) : AG06_BLOCK_MAX;
        ag06_block block = {
            .sequence = load_relaxed(&stats->callbacks),
            .position = load_relaxed(&arena->dry.head),
            .entry_ns = entry,
            .gap_frames = gap,
            .flags = (uint32_t)flags | (gap > 0 ? AG06_BLOCK_GAP : 0),
        };

        run_block(engine, input ? (const float *)input + done * AG06_CHANNELS : NULL,
                  output ? (float *)output + done * AG06_CHANNELS : NULL, part, &block);
        done += part;
        const uint64_t duration = ag06_now_ns() - entry;
        block.duration_ns =
            done < frames ? 0 : account_duration(stats, duration, frames, arena->rate);
        ag06_ring_write(&arena->blocks, &block, 1);
        gap = 0;
    }
    count(&stats->stream_callbacks, 1);
    count(&stats->callbacks, 1);
    restore_float_mode(mode);
    return 0;
}

void ag06_finished(void *userdata)
{
    const ag06_engine *engine = userdata;

    store32_release(&engine->arena->stats.finished, 1);
}
