/* The ring: exact alone, and never a torn, stale or uncounted frame among threads. */
#include "ag06_ring.h"
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define CAPACITY 256
#define WRITE_MAX 96
#define ENOUGH (SANITIZED ? 100000u : 3000000u) /* frames that each reader has to read */
#define ENOUGH_LAPS 20

/* A frame says thrice where it belongs, so that half of another one in it is seen. */
typedef struct {
    uint64_t position;
    uint64_t inverted;
    uint64_t scrambled;
} frame;

typedef struct {
    ag06_ring ring;
    frame frames[CAPACITY];
} ring_memory;

static frame frame_of(uint64_t position)
{
    const frame made = {position, ~position, position * 0x9e3779b97f4a7c15ULL};

    return made;
}

static void write_frames(ring_memory *memory, uint64_t count)
{
    const uint64_t head = ag06_ring_head(&memory->ring);
    frame frames[CAPACITY];

    for (uint64_t i = 0; i < count; i++)
        frames[i] = frame_of(head + i);
    ag06_ring_write(&memory->ring, frames, count);
}

static void check_frames(const frame *frames, uint64_t count, uint64_t position)
{
    for (uint64_t i = 0; i < count; i++) {
        const frame expected = frame_of(position + i);

        CHECK_EQUAL(frames[i].position, expected.position);
        CHECK_EQUAL(frames[i].inverted, expected.inverted);
        CHECK_EQUAL(frames[i].scrambled, expected.scrambled);
    }
}

static ring_memory *make_ring(void)
{
    ring_memory *memory = calloc(1, sizeof *memory);

    CHECK(memory);
    ag06_ring_init(&memory->ring, CAPACITY, sizeof(frame), offsetof(ring_memory, frames));
    return memory;
}

static void reads_are_all_or_nothing(void)
{
    ring_memory *memory = make_ring();
    frame out[CAPACITY];
    uint64_t cursor = 0, lost = 0;

    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, 1, &lost), AG06_RING_EMPTY);
    write_frames(memory, 10);
    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, 11, &lost), AG06_RING_EMPTY);
    CHECK(cursor == 0 && lost == 0);
    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, 10, &lost), AG06_RING_OK);
    CHECK_EQUAL(cursor, 10);
    check_frames(out, 10, 0);
    free(memory);
}

static void a_full_ring_is_readable_to_its_oldest_frame(void)
{
    ring_memory *memory = make_ring();
    frame out[CAPACITY];
    uint64_t cursor = 44, lost = 0;

    write_frames(memory, 200);
    write_frames(memory, 100); /* wraps; 44 is now the oldest */
    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, CAPACITY, &lost), AG06_RING_OK);
    check_frames(out, CAPACITY, 44);
    CHECK(cursor == 300 && lost == 0);
    write_frames(memory, CAPACITY); /* the whole ring at once */
    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, CAPACITY, &lost), AG06_RING_OK);
    check_frames(out, CAPACITY, 300);
    free(memory);
}

static void a_lapped_reader_lands_half_a_ring_behind_on_its_grid(void)
{
    ring_memory *memory = make_ring();
    frame out[CAPACITY];
    uint64_t cursor = 3, lost = 0;

    for (int i = 0; i < 10; i++)
        write_frames(memory, 50);
    /* head 500, oldest 244, half a ring behind 372; on the grid of 3 + 7 k that is 374 */
    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, 7, &lost), AG06_RING_LAPPED);
    CHECK_EQUAL(cursor, 374);
    CHECK_EQUAL(lost, 371);
    CHECK_EQUAL(ag06_ring_read(&memory->ring, &cursor, out, 7, &lost), AG06_RING_OK);
    check_frames(out, 7, 374);
    free(memory);
}

/* A producer that was killed has announced frames (begin) that it never finished (head). Those it
 * half overwrote must stay out of reach, whatever its successor writes. */
static void what_a_killed_producer_spoilt_stays_unreadable(void)
{
    ring_memory *memory = make_ring();
    frame out[CAPACITY];

    write_frames(memory, CAPACITY);
    memory->ring.begin.raw = 64;
    for (int i = 0; i < 64; i++)
        memory->frames[i] = frame_of(UINT64_MAX);
    write_frames(memory, 8);
    for (uint64_t at = 0; at < CAPACITY; at++) {
        uint64_t cursor = at, lost = 0;

        if (ag06_ring_read(&memory->ring, &cursor, out, 1, &lost) == AG06_RING_OK)
            check_frames(out, 1, at);
    }
    CHECK(memory->ring.begin.raw >= 64);
    free(memory);
}

typedef struct {
    const char *name;
    ring_memory *memory;
    uint32_t least, most; /* frames a read */
    int slow;             /* sleeps until it is lapped */
    uint64_t cursor, read, lost, laps;
    int finished; /* atomic: it has seen enough */
} reader;

static int all_done; /* atomic */

/* Set, as plain memory, before the frame of that position is written. Whoever read the frame may
 * look at it only because the head is released and acquired; where it is not, ThreadSanitizer says
 * so. */
static unsigned char announced[1u << 20];

static void announce(uint64_t position, uint64_t count)
{
    for (uint64_t at = position; at < position + count && at < sizeof announced; at++)
        announced[at] = 1;
}

static void check_announced(uint64_t position, uint64_t count)
{
    for (uint64_t at = position; at < position + count && at < sizeof announced; at++)
        CHECK(announced[at]);
}

static void *read_frames(void *argument)
{
    reader *self = argument;
    uint64_t seed = self->least;
    frame out[CAPACITY];

    while (!__atomic_load_n(&all_done, __ATOMIC_ACQUIRE)) {
        const uint32_t count = self->least + random_below(&seed, self->most - self->least + 1);
        const uint64_t at = self->cursor;
        const uint64_t lost = self->lost;
        const int status =
            ag06_ring_read(&self->memory->ring, &self->cursor, out, count, &self->lost);

        if (status == AG06_RING_OK) {
            check_frames(out, count, at);
            check_announced(at, count);
            CHECK_EQUAL(self->cursor, at + count);
            self->read += count;
        } else if (status == AG06_RING_LAPPED) {
            CHECK(self->cursor > at && self->cursor - at == self->lost - lost);
            CHECK((self->cursor - at) % count == 0);
            self->laps++;
        } else {
            CHECK_EQUAL(self->cursor, at);
            sched_yield();
        }
        CHECK_EQUAL(self->cursor, self->read + self->lost);
        if (self->read >= ENOUGH && (!self->slow || self->laps >= ENOUGH_LAPS))
            __atomic_store_n(&self->finished, 1, __ATOMIC_RELEASE);
        if (self->slow && random_below(&seed, 64) == 0)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return NULL;
}

static void frames_are_whole_and_accounted_for_among_threads(void)
{
    ring_memory *memory = make_ring();
    reader readers[] = {
        {.name = "fast", .memory = memory, .least = 16, .most = 16},
        {.name = "slow", .memory = memory, .least = 32, .most = 32, .slow = 1},
        {.name = "odd", .memory = memory, .least = 1, .most = 101},
    };
    pthread_t threads[3];
    uint64_t seed = 1;
    int done = 0;

    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, read_frames, &readers[i]) == 0);
    while (!done) {
        for (int burst = 0; burst < 8; burst++) {
            const uint64_t count = 1 + random_below(&seed, WRITE_MAX);

            announce(ag06_ring_head(&memory->ring), count);
            write_frames(memory, count);
        }
        sched_yield();
        done = 1;
        for (int i = 0; i < 3; i++)
            done = done && __atomic_load_n(&readers[i].finished, __ATOMIC_ACQUIRE);
    }
    __atomic_store_n(&all_done, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        const uint64_t pending = ag06_ring_head(&memory->ring) - readers[i].cursor;

        CHECK(readers[i].cursor <= ag06_ring_head(&memory->ring));
        CHECK_EQUAL(ag06_ring_head(&memory->ring), readers[i].read + readers[i].lost + pending);
    }
    free(memory);
}

int main(void)
{
    give_up_after(120);
    reads_are_all_or_nothing();
    a_full_ring_is_readable_to_its_oldest_frame();
    a_lapped_reader_lands_half_a_ring_behind_on_its_grid();
    what_a_killed_producer_spoilt_stays_unreadable();
    frames_are_whole_and_accounted_for_among_threads();
    puts("ok ring: exact alone; whole, in place and accounted for to three threads while lapped");
    return 0;
}
