/* The reader that follows the rings, the cell a host reports in, and what both need. */
#define _GNU_SOURCE /* ppoll */
#include "ag06_host.h"

#include "atomic.h"
#include "histogram.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SHORTEST_NAP_NS 100000u
#define LONGEST_NAP_NS 5000000u

void ag06_cell_enter(ag06_host_cell *cell, uint32_t index)
{
    store_relaxed(&cell->entered_ns, ag06_now_ns());
    store32_release(&cell->current, index + 1);
}

uint64_t ag06_cell_leave(ag06_host_cell *cell, uint32_t index, uint64_t deadline_ns, int failed)
{
    ag06_plugin_cell *plugin = &cell->plugins[index];
    const uint64_t duration = ag06_now_ns() - load_relaxed(&cell->entered_ns);
    ag06_atomic_u32 *bucket = &plugin->histogram[histogram_bucket(duration)];

    store32_release(&cell->current, 0);
    count(&plugin->frames, 1);
    count(&plugin->busy_ns, duration);
    if (failed)
        count(&plugin->errors, 1);
    if (duration > deadline_ns)
        count(&plugin->over_deadline, 1);
    store32_release(bucket, bucket->raw + 1);
    return duration;
}

void ag06_reader_init(ag06_reader *reader, const ag06_arena *arena, uint64_t hop_frames,
                      uint64_t position)
{
    memset(reader, 0, sizeof *reader);
    reader->arena = arena;
    reader->hop_frames = hop_frames;
    reader->cursor = position;
    /* A header that is older than the cursor is read and passed over. */
    reader->block_cursor = load_relaxed(&arena->blocks.begin);
}

static uint64_t block_end(const ag06_block *block)
{
    return block->position + block->frames;
}

int ag06_reader_watch(ag06_reader *reader, const int *files, uint32_t count)
{
    if (count > AG06_WATCHED_MAX)
        return 0;
    memcpy(reader->watched_files, files, count * sizeof *files);
    reader->watched = count;
    return 1;
}

/* Sleep for so long, or until a file can be read: true then. */
static int sleep_watching(ag06_reader *reader, const struct timespec *time)
{
    struct pollfd files[AG06_WATCHED_MAX];
    int woken = 0;

    for (uint32_t i = 0; i < reader->watched; i++)
        files[i] = (struct pollfd){.fd = reader->watched_files[i], .events = POLLIN};
    if (ppoll(files, reader->watched, time, NULL) <= 0)
        return 0;
    for (uint32_t i = 0; i < reader->watched; i++) {
        woken |= files[i].revents & POLLIN;
        if (files[i].revents & ~POLLIN) /* closed: it would wake us for ever */
            reader->watched_files[i] = -1;
    }
    return woken != 0;
}

static int nap(ag06_reader *reader, uint64_t wanted, uint64_t longest_ns)
{
    const uint64_t there = ag06_ring_head(&reader->arena->wet);
    const uint64_t missing = wanted > there ? wanted - there : 0;
    uint64_t ns = missing * 1000000000u / reader->arena->rate;

    ns = ns < SHORTEST_NAP_NS ? SHORTEST_NAP_NS : ns > LONGEST_NAP_NS ? LONGEST_NAP_NS : ns;
    ns = ns < longest_ns ? ns : longest_ns;
    const struct timespec time = {.tv_sec = 0, .tv_nsec = (long)ns};
    if (reader->watched > 0)
        return sleep_watching(reader, &time);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    return 0;
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

/* What the newest header tells of the hop at the cursor; nothing is turned down in bypass. */
static void take_header(ag06_reader *reader)
{
    const ag06_block *block = &reader->block;
    const ag06_reduction *heard = &block->reduction[(block->switches & AG06_SWITCH_SLOT_B) != 0];
    ag06_reduction *most = &reader->next.reduction;

    reader->next.flags |= block->flags;
    reader->next.gap_frames += block->gap_frames;
    if (block->switches & AG06_SWITCH_BYPASS)
        return;
    most->gate = larger(heard->gate, most->gate);
    most->deess = larger(heard->deess, most->deess);
    most->comp = larger(heard->comp, most->comp);
    most->limiter = larger(heard->limiter, most->limiter);
}

/* Read headers until one reaches `end`; a header is written after its frames, so then they are
 * all there. 0 when it is not there yet. */
static int headers_until(ag06_reader *reader, uint64_t end)
{
    while (block_end(&reader->block) < end) {
        const int status = ag06_ring_read(&reader->arena->blocks, &reader->block_cursor,
                                          &reader->block, 1, &reader->blocks_lost);

        if (status == AG06_RING_EMPTY)
            return 0;
        if (status == AG06_RING_OK && block_end(&reader->block) > reader->cursor)
            take_header(reader);
    }
    return 1;
}

/* Copy the hop at the cursor from both rings, or move the cursor past what was overwritten. */
static int copy_hop(ag06_reader *reader, float *dry, float *wet)
{
    const uint64_t start = reader->cursor;
    uint64_t lost = 0;

    if (ag06_ring_read(&reader->arena->dry, &reader->cursor, dry, reader->hop_frames, &lost) ==
        AG06_RING_OK) {
        reader->cursor = start;
        if (ag06_ring_read(&reader->arena->wet, &reader->cursor, wet, reader->hop_frames, &lost) ==
            AG06_RING_OK)
            return 1;
    }
    reader->lost += lost;
    reader->next.lost += lost;
    return 0;
}

/* Give out what is known of the hop that ends at the cursor, and begin with the next. */
static void finish_hop(ag06_reader *reader, ag06_hop *hop)
{
    const uint64_t after = block_end(&reader->block) - reader->cursor;

    *hop = reader->next;
    hop->position = reader->cursor - reader->hop_frames;
    hop->mono_ns = reader->block.entry_ns - after * 1000000000u / reader->arena->rate;
    /* Callbacks that were held up come in a bunch; time does not go back for that. */
    if (hop->mono_ns < reader->next.mono_ns)
        hop->mono_ns = reader->next.mono_ns;
    hop->switches = reader->block.switches;
    memset(&reader->next, 0, sizeof reader->next);
    reader->next.mono_ns = hop->mono_ns; /* at the earliest */
    if (after > 0) {
        take_header(reader);
        reader->next.flags &= ~(uint32_t)AG06_BLOCK_GAP; /* was told with this hop */
        reader->next.gap_frames = 0;
    }
}

int ag06_reader_next(ag06_reader *reader, float *dry, float *wet, ag06_hop *hop,
                     uint64_t timeout_ns)
{
    const uint64_t give_up = ag06_now_ns() + timeout_ns;

    for (;;) {
        const uint64_t end = reader->cursor + reader->hop_frames;

        if (!headers_until(reader, end)) {
            const uint64_t now = ag06_now_ns();

            if (now >= give_up)
                return AG06_READ_TIMEOUT;
            if (nap(reader, end, give_up - now))
                return AG06_READ_WOKEN;
        } else if (copy_hop(reader, dry, wet)) {
            finish_hop(reader, hop);
            return AG06_READ_OK;
        }
    }
}

uint64_t ag06_quantile_u64(const ag06_atomic_u64 *histogram, double q)
{
    uint64_t total = 0;
    uint64_t seen = 0;

    for (uint32_t i = 0; i < AG06_HISTOGRAM_BUCKETS; i++)
        total += load_relaxed(&histogram[i]);
    for (uint32_t i = 0; i < AG06_HISTOGRAM_BUCKETS; i++) {
        seen += load_relaxed(&histogram[i]);
        if (seen > 0 && (double)seen >= q * (double)total)
            return histogram_upper_ns(i);
    }
    return 0;
}

uint64_t ag06_quantile_u32(const ag06_atomic_u32 *histogram, double q)
{
    ag06_atomic_u64 wide[AG06_HISTOGRAM_BUCKETS];

    for (uint32_t i = 0; i < AG06_HISTOGRAM_BUCKETS; i++)
        wide[i].raw = load32_acquire(&histogram[i]);
    return ag06_quantile_u64(wide, q);
}

int ag06_die_with_parent(int parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == parent;
}
