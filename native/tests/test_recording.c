/* The recording device: in lockstep nothing is lost and every run is alike; it ends when it should.
 */
#include "ag06_recording.h"
#include "rig.h"

#include <pthread.h>
#include <time.h>

#define RATE 48000u
#define FRAMES (RATE + 77) /* not a whole number of blocks or hops */
#define BLOCK 128
#define READERS 2

typedef struct {
    const rig *on;
    const float *frames;
    ag06_host_cell *cell;
    uint64_t hop_frames;
    uint64_t until; /* position */
    int slow;
    uint64_t hash; /* of all that was heard */
} listener;

static uint64_t hashed(uint64_t hash, const void *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3ULL;
    return hash;
}

static void *listen(void *argument)
{
    listener *self = argument;
    float *dry = rig_frames(self->hop_frames);
    float *wet = rig_frames(self->hop_frames);
    ag06_reader reader;
    ag06_hop hop;

    ag06_reader_init(&reader, self->on->arena, self->hop_frames, 0);
    self->hash = 0xcbf29ce484222325ULL;
    while (reader.cursor + self->hop_frames <= self->until) {
        if (ag06_reader_next(&reader, dry, wet, &hop, 1000000000u) != AG06_READ_OK)
            continue;
        CHECK_EQUAL(hop.lost, 0);
        for (uint64_t n = 0; n < self->hop_frames; n++) {
            const uint64_t at = (hop.position + n) % FRAMES;

            CHECK(memcmp(&dry[2 * n], &self->frames[2 * at], 2 * sizeof(float)) == 0);
        }
        self->hash = hashed(self->hash, wet, self->hop_frames * 2 * sizeof(float));
        if (self->slow && hop.position % (8 * self->hop_frames) == 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        store_release(&self->cell->position, reader.cursor);
    }
    store_release(&self->cell->position, UINT64_MAX / 2); /* heard enough */
    CHECK_EQUAL(reader.lost, 0);
    free(dry);
    free(wet);
    return NULL;
}

static ag06_recording *make_recording(rig *on, const float *frames)
{
    ag06_recording *recording = rig_memory(sizeof *recording);

    recording->engine = on->engine;
    recording->frames = frames;
    recording->frame_count = FRAMES;
    recording->rate = RATE;
    recording->block = BLOCK;
    return recording;
}

static void wait_for(const ag06_atomic_u32 *word)
{
    while (!load32_acquire(word))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

/* Two readers, one of them slow, of a ring far shorter than what is played; the wet hash. */
static uint64_t play_in_lockstep(const float *frames, int times)
{
    const ag06_chain_settings busy = rig_busy();
    rig on = rig_make(RATE, 0.1);
    ag06_recording *recording = make_recording(&on, frames);
    listener listeners[READERS];
    pthread_t threads[READERS];

    rig_publish(&on, 0, &busy);
    recording->lockstep = 1;
    recording->loop = times > 1;
    recording->cell_count = READERS;
    for (int i = 0; i < READERS; i++) {
        ag06_host_cell *cell = rig_memory(sizeof *cell);

        listeners[i] =
            (listener){&on, frames, cell, i ? 480 : 1024, (uint64_t)times * FRAMES, i, 0};
        recording->cells[i] = cell;
        CHECK(pthread_create(&threads[i], NULL, listen, &listeners[i]) == 0);
    }
    CHECK(ag06_recording_start(recording) == 0);
    if (times == 1) {
        wait_for(&recording->ended);
        CHECK_EQUAL(ag06_ring_head(&on.arena->dry), FRAMES);
        CHECK_EQUAL(load32_acquire(&on.arena->stats.finished), 1);
    }
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(times == 1 || !load32_acquire(&recording->ended));
    ag06_recording_stop(recording);
    CHECK_EQUAL(load32_acquire(&recording->ended), 1);
    CHECK_EQUAL(load32_acquire(&on.arena->stats.finished), 1);
    CHECK(on.arena->dry.capacity < FRAMES / 4);
    for (int i = 0; i < READERS; i++)
        free(listeners[i].cell);
    free(recording);
    rig_free(&on);
    return listeners[0].hash * 31 + listeners[1].hash;
}

static void lockstep_loses_nothing_and_every_run_is_alike(const float *frames)
{
    const uint64_t first = play_in_lockstep(frames, 1);

    CHECK_EQUAL(first, play_in_lockstep(frames, 1));
    CHECK(first != play_in_lockstep(frames, 3)); /* looped, it goes on */
}

static void a_reader_that_died_does_not_keep_lockstep_from_stopping(const float *frames)
{
    rig on = rig_make(RATE, 0.1);
    ag06_recording *recording = make_recording(&on, frames);
    ag06_host_cell *cell = rig_memory(sizeof *cell);

    recording->lockstep = 1;
    recording->cells[0] = cell;
    recording->cell_count = 1;
    CHECK(ag06_recording_start(recording) == 0);
    while (ag06_ring_head(&on.arena->dry) + BLOCK < on.arena->dry.capacity)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    ag06_recording_stop(recording);
    CHECK(ag06_ring_head(&on.arena->dry) <= on.arena->dry.capacity);
    CHECK_EQUAL(load32_acquire(&recording->ended), 1);
    free(cell);
    free(recording);
    rig_free(&on);
}

static void free_running_it_keeps_the_order_and_never_runs_ahead_of_the_clock(const float *frames)
{
    rig on = rig_make(RATE, 1);
    ag06_recording *recording = make_recording(&on, frames);
    const uint64_t start = ag06_now_ns();
    float heard[2 * BLOCK];
    uint64_t cursor = 0, lost = 0;

    recording->loop = 1;
    CHECK(ag06_recording_start(recording) == 0);
    while (ag06_ring_head(&on.arena->dry) < 50 * BLOCK)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    ag06_recording_stop(recording);
    const double elapsed = (double)(ag06_now_ns() - start) * 1e-9 * RATE;

    CHECK((double)ag06_ring_head(&on.arena->dry) <= elapsed + BLOCK);
    CHECK_EQUAL(load32_acquire(&recording->ended), 1);
    CHECK_EQUAL(ag06_ring_read(&on.arena->dry, &cursor, heard, BLOCK, &lost), AG06_RING_OK);
    CHECK(memcmp(heard, frames, sizeof heard) == 0);
    free(recording);
    rig_free(&on);
}

static void an_empty_recording_ends_at_once(const float *frames, int loop)
{
    rig on = rig_make(RATE, 0.1);
    ag06_recording *recording = make_recording(&on, frames);

    recording->frame_count = 0;
    recording->loop = loop;
    CHECK(ag06_recording_start(recording) == 0);
    wait_for(&recording->ended);
    ag06_recording_stop(recording);
    CHECK_EQUAL(ag06_ring_head(&on.arena->dry), 0);
    free(recording);
    rig_free(&on);
}

int main(void)
{
    float *frames = rig_frames(FRAMES);
    uint64_t seed = 53;

    give_up_after(120);
    rig_noise(frames, FRAMES, 0.5, &seed);
    lockstep_loses_nothing_and_every_run_is_alike(frames);
    a_reader_that_died_does_not_keep_lockstep_from_stopping(frames);
    free_running_it_keeps_the_order_and_never_runs_ahead_of_the_clock(frames);
    an_empty_recording_ends_at_once(frames, 0);
    an_empty_recording_ends_at_once(frames, 1);
    free(frames);
    puts("ok recording: lockstep loses nothing and repeats itself; loop, once, stop and clock");
    return 0;
}
