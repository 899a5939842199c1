/* A host's reader: the right frames, where and when they were, what is lost and what came with
 * them. */
#include "ag06_host.h"
#include "histogram.h"
#include "rig.h"

#include <pthread.h>
#include <time.h>

#define RATE 48000u
#define FADED_IN (RATE / 40) /* from here on, bypass gives the input back bit by bit */
#define HOP_MAX 2000
#define BLOCK_MAX 700

/* Every frame says where it belongs, exactly. */
static void place(float *frames, uint64_t position, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        frames[2 * n] = (float)((position + n) & 0xffff) / 65536.0f;
        frames[2 * n + 1] = (float)((position + n) >> 16) / 65536.0f;
    }
}

static void check_hop(const ag06_reader *reader, const float *dry, const float *wet,
                      const ag06_hop *hop)
{
    const uint64_t latency = ag06_chain_latency(RATE);
    float expected[2 * HOP_MAX];

    place(expected, hop->position, reader->hop_frames);
    CHECK(memcmp(dry, expected, reader->hop_frames * 2 * sizeof(float)) == 0);
    if (hop->position >= FADED_IN) {
        place(expected, hop->position - latency, reader->hop_frames);
        CHECK(memcmp(wet, expected, reader->hop_frames * 2 * sizeof(float)) == 0);
    }
    CHECK_EQUAL(hop->position + reader->hop_frames, reader->cursor);
}

static rig bypassed(void)
{
    rig made = rig_make(RATE, 0.1);

    ag06_arena_switch(made.arena, AG06_SWITCH_BYPASS);
    rig_restart(&made);
    return made;
}

static void call_back(rig *on, uint32_t frames, unsigned long flags)
{
    float input[2 * AG06_BLOCK_MAX];

    place(input, ag06_ring_head(&on->arena->dry), frames);
    ag06_callback(input, NULL, frames, NULL, flags, on->engine);
}

static void hops_carry_their_frames_and_the_flags_of_all_blocks_they_touch(void)
{
    const uint64_t hops[] = {64, 100, 480, 1024, HOP_MAX};
    uint64_t seed = 43;

    for (int h = 0; h < 5; h++) {
        rig on = bypassed();
        static unsigned char flags_at[200000]; /* by position */
        uint64_t before = 0;
        float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
        ag06_reader reader;
        ag06_hop hop;

        ag06_reader_init(&reader, on.arena, hops[h], 0);
        CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 0), AG06_READ_TIMEOUT);
        for (int i = 0; i < 300; i++) {
            const uint64_t at = ag06_ring_head(&on.arena->dry);
            const uint32_t frames = 16 + random_below(&seed, BLOCK_MAX - 16);
            const unsigned long flags = random_below(&seed, 4) ? 0 : 1u << random_below(&seed, 5);

            memset(&flags_at[at], (int)flags, frames);
            call_back(&on, frames, flags);
            while (ag06_reader_next(&reader, dry, wet, &hop, 0) == AG06_READ_OK) {
                uint32_t expected = 0;

                check_hop(&reader, dry, wet, &hop);
                for (uint64_t n = 0; n < hops[h]; n++)
                    expected |= flags_at[hop.position + n];
                CHECK_EQUAL(hop.flags, expected);
                CHECK_EQUAL(hop.switches, AG06_SWITCH_BYPASS);
                CHECK(hop.lost == 0 && hop.gap_frames == 0);
                CHECK(hop.mono_ns >= before && hop.mono_ns <= ag06_now_ns());
                before = hop.mono_ns;
            }
            CHECK(ag06_ring_head(&on.arena->wet) - reader.cursor < hops[h]);
        }
        CHECK(on.arena->stats.input_underflows.raw > 0);
        rig_free(&on);
    }
}

static void a_hop_that_ends_with_a_block_has_the_time_of_its_callback(void)
{
    rig on = bypassed();
    float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
    uint64_t before = 0;
    ag06_reader reader;
    ag06_hop hop;

    ag06_reader_init(&reader, on.arena, 256, 0);
    for (int i = 0; i < 50; i++) {
        call_back(&on, 128, 0);
        call_back(&on, 128, 0);
        CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 0), AG06_READ_OK);
        CHECK_EQUAL(hop.mono_ns, on.arena->stats.last_entry_ns.raw);
        CHECK(hop.mono_ns > before);
        before = hop.mono_ns;
    }
    rig_free(&on);
}

static void a_gap_between_streams_is_told_once_in_the_hop_where_the_new_one_begins(void)
{
    for (uint32_t first = 900; first < 1200; first += 60) {
        rig on = bypassed();
        float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
        uint64_t told = 0, hops_with_gap = 0;
        ag06_reader reader;
        ag06_hop hop;

        for (uint32_t done = 0; done < first; done += 60)
            call_back(&on, 60, 0);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        rig_restart(&on);
        for (int i = 0; i < 40; i++)
            call_back(&on, 60, 0);
        const uint64_t start = on.arena->stats.stream_position.raw;

        CHECK_EQUAL(start, first);
        CHECK_EQUAL(on.arena->stats.streams.raw, 2);
        CHECK(on.arena->stats.gap_frames.raw >= RATE / 50 - 60);
        ag06_reader_init(&reader, on.arena, 100, 0);
        while (ag06_reader_next(&reader, dry, wet, &hop, 0) == AG06_READ_OK) {
            const int begins = hop.position <= start && start < hop.position + 100;

            CHECK_EQUAL((hop.flags & AG06_BLOCK_GAP) != 0, begins);
            CHECK_EQUAL(hop.gap_frames > 0, begins);
            told += hop.gap_frames;
            hops_with_gap += hop.gap_frames > 0;
        }
        CHECK_EQUAL(hops_with_gap, 1);
        CHECK_EQUAL(told, on.arena->stats.gap_frames.raw);
        rig_free(&on);
    }
}

/* A block's header is made up here, for what it says of its stages is what counts. */
static void tell_block(rig *on, uint32_t frames, uint32_t switches, float gate, float limiter)
{
    const uint64_t position = ag06_ring_head(&on->arena->dry);
    float silence[2 * HOP_MAX] = {0};
    ag06_block block = {.position = position, .frames = frames, .switches = switches};

    block.reduction[0] = (ag06_reduction){.gate = gate, .deess = 1, .comp = 2, .limiter = limiter};
    block.reduction[1] = (ag06_reduction){.gate = 30, .deess = 31, .comp = 32, .limiter = 33};
    ag06_ring_write(&on->arena->dry, silence, frames);
    ag06_ring_write(&on->arena->wet, silence, frames);
    ag06_ring_write(&on->arena->blocks, &block, 1);
}

static void a_hop_tells_the_largest_reduction_of_the_slot_that_is_heard(void)
{
    rig on = bypassed();
    float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
    ag06_reader reader;
    ag06_hop hop;
    const ag06_reduction expected[] = {{5, 1, 2, 7}, {3, 1, 2, 4}, {30, 31, 32, 33}, {0, 0, 0, 0}};

    tell_block(&on, 80, 0, 5, 6);
    tell_block(&on, 20, 0, 1, 7);
    tell_block(&on, 150, 0, 3, 4); /* half of it in the third hop */
    tell_block(&on, 50, AG06_SWITCH_SLOT_B, 9, 9);
    tell_block(&on, 100, AG06_SWITCH_SLOT_B | AG06_SWITCH_BYPASS, 9, 9);
    ag06_reader_init(&reader, on.arena, 100, 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 0), AG06_READ_OK);
        CHECK(memcmp(&hop.reduction, &expected[i], sizeof hop.reduction) == 0);
    }
    rig_free(&on);
}

static void frames_are_lost_when_the_ring_overtakes_the_reader_and_only_then(void)
{
    for (uint64_t hop_frames = 100; hop_frames <= 1024; hop_frames += 308) {
        rig on = bypassed();
        const uint64_t capacity = on.arena->dry.capacity;
        float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
        uint64_t lost = 0, expected = 0, read = 0;
        ag06_reader reader;
        ag06_hop hop;

        ag06_reader_init(&reader, on.arena, hop_frames, 0);
        for (int round = 0; round < 6; round++) {
            const uint64_t target = reader.cursor + (round % 2 ? 3 * capacity : capacity);

            while (ag06_ring_head(&on.arena->dry) + 512 <= target)
                call_back(&on, 512, 0);
            while (ag06_reader_next(&reader, dry, wet, &hop, 0) == AG06_READ_OK) {
                check_hop(&reader, dry, wet, &hop);
                CHECK_EQUAL(hop.position, expected + hop.lost);
                CHECK(round % 2 || hop.lost == 0);
                lost += hop.lost;
                read += hop_frames;
                expected = hop.position + hop_frames;
            }
            CHECK((lost > 0) == (round > 0));
            CHECK_EQUAL(reader.lost, lost);
            CHECK_EQUAL(read + lost, reader.cursor);
        }
        rig_free(&on);
    }
}

/* The audio process can be killed between writing a dry block and its wet one. */
static void hops_are_right_after_the_audio_process_was_killed(void)
{
    rig on = bypassed();
    float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
    ag06_reader reader;
    ag06_hop hop;

    call_back(&on, 500, 0);
    place(dry, 500, 300);
    ag06_ring_write(&on.arena->dry, dry, 300);
    rig_restart(&on);
    for (int i = 0; i < 40; i++)
        call_back(&on, 100, 0);
    ag06_reader_init(&reader, on.arena, 200, 0);
    for (int i = 0; i < 24; i++) {
        CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 0), AG06_READ_OK);
        CHECK_EQUAL(hop.position, (uint64_t)i * 200);
        place(dry, hop.position - ag06_chain_latency(RATE), 200);
        CHECK(hop.position < 800 + FADED_IN || memcmp(wet, dry, 200 * 2 * sizeof(float)) == 0);
    }
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 0), AG06_READ_TIMEOUT);
    rig_free(&on);
}

static int enough; /* atomic */

static void *keep_calling_back(void *argument)
{
    rig *on = argument;
    uint64_t seed = 47;

    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE)) {
        call_back(on, 16 + random_below(&seed, BLOCK_MAX - 16), 0);
        if (random_below(&seed, 4) == 0)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return NULL;
}

static void a_reader_beside_the_callback_gets_whole_hops_and_counts_the_rest(void)
{
    rig on = bypassed();
    float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
    uint64_t read = 0, lost = 0, expected = 0, before = 0, times_lost = 0;
    ag06_reader reader;
    pthread_t writer;
    ag06_hop hop;

    ag06_reader_init(&reader, on.arena, 480, 0);
    CHECK(pthread_create(&writer, NULL, keep_calling_back, &on) == 0);
    while (read < 100 * 480 || times_lost < 10) {
        if (ag06_reader_next(&reader, dry, wet, &hop, 1000000) != AG06_READ_OK)
            continue;
        check_hop(&reader, dry, wet, &hop);
        CHECK_EQUAL(hop.position, expected + hop.lost);
        CHECK(hop.mono_ns >= before);
        before = hop.mono_ns;
        expected = hop.position + 480;
        read += 480;
        lost += hop.lost;
        times_lost += hop.lost > 0;
        if (read % (20 * 480) == 0) { /* oversleep */
            const uint64_t gone = ag06_ring_head(&on.arena->dry) + on.arena->dry.capacity + 512;

            while (ag06_ring_head(&on.arena->dry) < gone)
                nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        }
    }
    __atomic_store_n(&enough, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(writer, NULL) == 0);
    CHECK_EQUAL(reader.lost, lost);
    CHECK_EQUAL(read + lost, reader.cursor);
    CHECK(reader.cursor <= ag06_ring_head(&on.arena->dry));
    rig_free(&on);
}

static void *write_in_a_while(void *file)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    CHECK(write(*(int *)file, "x", 1) == 1);
    return NULL;
}

static void a_file_that_can_be_read_wakes_the_reader_before_its_time_but_not_before_a_hop(void)
{
    const uint64_t for_ever = 100000000000u; /* more than the program has */
    rig on = bypassed();
    float dry[2 * HOP_MAX], wet[2 * HOP_MAX];
    int quiet[2], pipes[2], files[AG06_WATCHED_MAX + 1];
    char taken;
    ag06_reader reader;
    pthread_t writer;
    ag06_hop hop;

    CHECK(pipe(quiet) == 0 && pipe(pipes) == 0);
    files[0] = quiet[0];
    files[1] = pipes[0];
    ag06_reader_init(&reader, on.arena, 100, 0);
    CHECK(!ag06_reader_watch(&reader, files, AG06_WATCHED_MAX + 1));
    CHECK(ag06_reader_watch(&reader, files, 2));
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 10000000), AG06_READ_TIMEOUT);
    CHECK(pthread_create(&writer, NULL, write_in_a_while, &pipes[1]) == 0);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, for_ever), AG06_READ_WOKEN);
    CHECK(pthread_join(writer, NULL) == 0);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, for_ever), AG06_READ_WOKEN);
    call_back(&on, 250, 0);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, for_ever), AG06_READ_OK);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, for_ever), AG06_READ_OK);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, for_ever), AG06_READ_WOKEN);
    CHECK_EQUAL(reader.cursor, 200);
    CHECK(read(pipes[0], &taken, 1) == 1);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 10000000), AG06_READ_TIMEOUT);
    CHECK(close(quiet[0]) == 0 && close(quiet[1]) == 0);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 10000000), AG06_READ_TIMEOUT);
    CHECK(write(pipes[1], "x", 1) == 1);
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, for_ever), AG06_READ_WOKEN);
    CHECK(ag06_reader_watch(&reader, files, 0));
    CHECK_EQUAL(ag06_reader_next(&reader, dry, wet, &hop, 10000000), AG06_READ_TIMEOUT);
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
    rig_free(&on);
}

static void a_quantile_is_the_upper_edge_of_the_bucket_that_holds_it(void)
{
    static ag06_host_cell cell;
    ag06_atomic_u64 histogram[AG06_HISTOGRAM_BUCKETS] = {{0}};

    for (uint64_t ns = 1; ns < 1000000000u; ns += 1 + ns / 7) {
        const uint32_t bucket = histogram_bucket(ns);

        CHECK(ns < histogram_upper_ns(bucket) && histogram_upper_ns(bucket) <= 2 + ns + ns / 4);
        CHECK(bucket == 0 || ns >= histogram_upper_ns(bucket - 1));
    }
    CHECK_EQUAL(ag06_quantile_u64(histogram, 0.5), 0);
    histogram[histogram_bucket(1000)].raw = 99;
    histogram[histogram_bucket(50000)].raw = 1;
    CHECK_EQUAL(ag06_quantile_u64(histogram, 0.99), histogram_upper_ns(histogram_bucket(1000)));
    CHECK_EQUAL(ag06_quantile_u64(histogram, 1.0), histogram_upper_ns(histogram_bucket(50000)));

    ag06_cell_enter(&cell, 3);
    CHECK_EQUAL(cell.current.raw, 4);
    const uint64_t duration = ag06_cell_leave(&cell, 3, 0, 1);
    CHECK_EQUAL(cell.current.raw, 0);
    CHECK(cell.plugins[3].frames.raw == 1 && cell.plugins[3].errors.raw == 1);
    CHECK_EQUAL(cell.plugins[3].busy_ns.raw, duration);
    CHECK(ag06_quantile_u32(cell.plugins[3].histogram, 0.5) > duration);
}

int main(void)
{
    give_up_after(120);
    hops_carry_their_frames_and_the_flags_of_all_blocks_they_touch();
    a_hop_that_ends_with_a_block_has_the_time_of_its_callback();
    a_gap_between_streams_is_told_once_in_the_hop_where_the_new_one_begins();
    a_hop_tells_the_largest_reduction_of_the_slot_that_is_heard();
    frames_are_lost_when_the_ring_overtakes_the_reader_and_only_then();
    hops_are_right_after_the_audio_process_was_killed();
    a_reader_beside_the_callback_gets_whole_hops_and_counts_the_rest();
    a_file_that_can_be_read_wakes_the_reader_before_its_time_but_not_before_a_hop();
    a_quantile_is_the_upper_edge_of_the_bucket_that_holds_it();
    puts("ok reader: content, position, time, flags, reduction, gaps and losses of hops, alone and "
         "among threads; what wakes it");
    return 0;
}
