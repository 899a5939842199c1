#define _GNU_SOURCE
#include "instruments.h"

#include <sched.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int instrument_tapped(const void *input, void *output, unsigned long frames, const void *time_info,
                      unsigned long flags, void *userdata)
{
    instrument_tap *tap = userdata;
    const int processor = sched_getcpu();
    const uint64_t entry = now_ns();
    const int answer = tap->inner(input, output, frames, time_info, flags, tap->userdata);
    const uint64_t end = now_ns();

    if (__atomic_exchange_n(&tap->restart, 0, __ATOMIC_ACQ_REL))
        tap->count = 0;
    if (tap->count < tap->capacity) {
        tap->entry_ns[tap->count] = entry;
        tap->duration_ns[tap->count] = end - entry;
        tap->processor[tap->count] = (uint64_t)processor;
    }
    if (frames == tap->block_frames) {
        const uint64_t at = tap->count % tap->kept * frames * 2;

        memcpy(&tap->input[at], input, frames * 2 * sizeof *tap->input);
        memcpy(&tap->output[at], output, frames * 2 * sizeof *tap->output);
    }
    tap->count++;
    return answer;
}

int instrument_floor(const void *input, void *output, unsigned long frames, const void *time_info,
                     unsigned long flags, void *userdata)
{
    const uint64_t steps = *(const uint64_t *)userdata;
    uint64_t x = frames | 1;

    (void)time_info;
    (void)flags;
    for (uint64_t i = 0; i < steps; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    __asm__ volatile("" : : "r"(x));
    memcpy(output, input, frames * 2 * sizeof(float));
    return 0;
}

int instrument_feed(uint32_t frames, void *userdata)
{
    instrument_feeder *feeder = userdata;
    float *left = feeder->get_buffer(feeder->ports[0], frames);
    float *right = feeder->get_buffer(feeder->ports[1], frames);

    for (uint32_t n = 0; n < frames; n++) {
        left[n] = feeder->table[2 * feeder->at];
        right[n] = feeder->table[2 * feeder->at + 1];
        feeder->at = feeder->at + 1 == feeder->table_frames ? 0 : feeder->at + 1;
    }
    return 0;
}

void instrument_sleep(instrument_sleeper *sleeper)
{
    uint64_t due = now_ns() + sleeper->period_ns;
    uint64_t seen = due;

    while (!sleeper->stop) {
        const struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        const uint64_t now = now_ns();
        const uint64_t late = now - due;

        sleeper->wakes++;
        if (late > sleeper->latest_ns)
            sleeper->latest_ns = late;
        if (late > sleeper->threshold_ns) {
            if (sleeper->count < sleeper->capacity) {
                sleeper->from_ns[sleeper->count] = seen;
                sleeper->until_ns[sleeper->count] = now;
            }
            sleeper->count++;
        }
        seen = now;
        due += (late / sleeper->period_ns + 1) * sleeper->period_ns;
    }
}
