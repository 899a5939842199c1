/* The clock thread of the recording device. */
#include "ag06_recording.h"

#include "atomic.h"
#include "engine.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define LOCKSTEP_NAP_NS 50000
#define HOPELESS_S 1.0 /* further behind than this, time is given up as a sound card would */

static int stopping(const ag06_recording *recording)
{
    return load32_acquire(&recording->stop) != 0;
}

/* Fill the input block from `at`, wrapping when looped; the frames that were there. */
static uint32_t fill(ag06_recording *recording, uint64_t *at)
{
    uint32_t filled = 0;

    while (filled < recording->block) {
        const uint64_t left = recording->frame_count - *at;
        const uint64_t room = recording->block - filled;
        const uint32_t part = (uint32_t)(left < room ? left : room);

        memcpy(&recording->input[filled * AG06_CHANNELS], &recording->frames[*at * AG06_CHANNELS],
               part * AG06_CHANNELS * sizeof(float));
        filled += part;
        *at += part;
        if (*at == recording->frame_count) {
            if (!recording->loop || recording->frame_count == 0)
                break;
            *at = 0;
        }
    }
    return filled;
}

static void sleep_until(uint64_t ns)
{
    const struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u),
                                  .tv_nsec = (long)(ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
}

static uint64_t slowest_reader(const ag06_recording *recording)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < recording->cell_count; i++) {
        const uint64_t position = load_acquire(&recording->cells[i]->position);

        least = position < least ? position : least;
    }
    return least;
}

/* Wait until the next block overwrites nothing that the slowest reader has not read. */
static void wait_for_readers(const ag06_recording *recording)
{
    const ag06_ring *ring = &recording->engine->arena->dry;

    while (recording->cell_count > 0 && !stopping(recording) &&
           ag06_ring_head(ring) + recording->block > slowest_reader(recording) + ring->capacity)
        sleep_until(ag06_now_ns() + LOCKSTEP_NAP_NS);
}

static void *clock_thread(void *argument)
{
    ag06_recording *recording = argument;
    uint64_t start = ag06_now_ns();
    uint64_t played = 0; /* frames since start */
    uint64_t at = 0;     /* frame of the recording */

    while (!stopping(recording)) {
        const uint32_t frames = fill(recording, &at);

        if (frames > 0)
            ag06_callback(recording->input, recording->output, frames, NULL, 0, recording->engine);
        if (frames < recording->block)
            break;
        if (recording->lockstep) {
            wait_for_readers(recording);
            continue;
        }
        played += frames;
        const double behind =
            (double)(ag06_now_ns() - start) * 1e-9 - (double)played / recording->rate;
        if (behind > HOPELESS_S) {
            start = ag06_now_ns();
            played = 0;
        }
        sleep_until(start + (uint64_t)((double)played * 1e9 / recording->rate));
    }
    ag06_finished(recording->engine);
    store32_release(&recording->ended, 1);
    return NULL;
}

int ag06_recording_start(ag06_recording *recording)
{
    pthread_t thread;
    const int error = pthread_create(&thread, NULL, clock_thread, recording);

    recording->thread = error ? 0 : (uint64_t)thread;
    return error;
}

void ag06_recording_stop(ag06_recording *recording)
{
    store32_release(&recording->stop, 1);
    if (recording->thread)
        pthread_join((pthread_t)recording->thread, NULL);
    recording->thread = 0;
}
