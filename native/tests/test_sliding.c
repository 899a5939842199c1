/*
 * Sliding statistics: nothing is left of what came before, and batches are streams.
 *
 * The line printed ends in a sum of the bits of statistics, which every way of building and every
 * processor must have in common; the Makefile compares.
 */
#include "ag06_sliding.h"
#include "check.h"

#include <math.h>
#include <string.h>

#define SERIES 3
#define WINDOWS 2
#define ROWS (SANITIZED ? 100000u : 6000000u)

static const float LOW[SERIES] = {-120, 0, -1}, HIGH[SERIES] = {12, 24000, 1};
static const uint32_t LENGTHS[WINDOWS] = {100, 1000};

static uint64_t seed = 1;

static void random_row(float *row)
{
    row[0] = (float)(-120 + random_below(&seed, 13200) * 0.01);
    row[1] = (float)random_below(&seed, 24000);
    row[2] = random_below(&seed, 50) == 0 ? NAN : (float)random_in(&seed, -1, 1);
}

static ag06_sliding *make(void)
{
    ag06_sliding *made = ag06_sliding_new(SERIES, LOW, HIGH, WINDOWS, LENGTHS);

    CHECK(made);
    return made;
}

static void check_same(float a, float b, float tolerance)
{
    CHECK(fabsf(a - b) <= tolerance);
}

/* After millions of rows, some beyond all bounds, the statistics are those of a window that saw its
 * own rows alone. */
static void nothing_is_left_of_what_came_before(void)
{
    ag06_sliding *old = make();
    ag06_sliding_values values[SERIES], wanted[SERIES];
    float row[SERIES];

    for (uint32_t i = 0; i < ROWS; i++) {
        random_row(row);
        if (i == 0 || i == ROWS - 1)
            row[0] = row[1] = 1e30F;
        ag06_sliding_push(old, row, 1);
    }
    ag06_sliding *fresh = make();
    for (uint32_t i = 0; i < LENGTHS[1] + 37; i++) {
        random_row(row);
        ag06_sliding_push(old, row, 1);
        ag06_sliding_push(fresh, row, 1);
    }
    for (uint32_t k = 0; k < WINDOWS; k++) {
        ag06_sliding_read(old, k, values);
        ag06_sliding_read(fresh, k, wanted);
        for (uint32_t i = 0; i < SERIES; i++) {
            check_same(values[i].mean, wanted[i].mean, 1e-7F * (HIGH[i] - LOW[i]));
            check_same(values[i].std, wanted[i].std, 1e-7F * (HIGH[i] - LOW[i]));
            check_same(values[i].min, wanted[i].min, 0);
            check_same(values[i].max, wanted[i].max, 0);
            check_same(values[i].p05, wanted[i].p05, 0);
            check_same(values[i].p50, wanted[i].p50, 0);
            check_same(values[i].p95, wanted[i].p95, 0);
        }
    }
    ag06_sliding_free(old);
    ag06_sliding_free(fresh);
}

/* A reset leaves nothing of what was. */
static void a_reset_forgets(void)
{
    ag06_sliding *used = make(), *fresh = make();
    ag06_sliding_values values[SERIES], wanted[SERIES];
    float row[SERIES];

    for (uint32_t i = 0; i < 1777; i++) {
        random_row(row);
        ag06_sliding_push(used, row, 1);
    }
    ag06_sliding_reset(used);
    for (uint32_t i = 0; i < 150; i++) {
        random_row(row);
        ag06_sliding_push(used, row, 1);
        ag06_sliding_push(fresh, row, 1);
    }
    for (uint32_t k = 0; k < WINDOWS; k++) {
        ag06_sliding_read(used, k, values);
        ag06_sliding_read(fresh, k, wanted);
        for (uint32_t i = 0; i < SERIES; i++) {
            check_same(values[i].mean, wanted[i].mean, 0);
            check_same(values[i].std, wanted[i].std, 0);
            check_same(values[i].min, wanted[i].min, 0);
            check_same(values[i].p50, wanted[i].p50, 0);
        }
    }
    ag06_sliding_free(used);
    ag06_sliding_free(fresh);
}

/* Of a recording, in pieces of any length, what reading after every so many rows gives of a stream.
 */
static uint64_t batches_are_streams(void)
{
    enum { COUNT = 3000, EVERY = 7, READINGS = COUNT / EVERY };
    static float rows[COUNT][SERIES];
    static ag06_sliding_values streamed[READINGS][WINDOWS][SERIES];
    static ag06_sliding_values batch[READINGS + 1][WINDOWS][SERIES];
    ag06_sliding *stream = make(), *pieces = make();
    uint32_t readings = 0, done = 0;

    seed = 1; /* whatever was tested before */
    for (uint32_t i = 0; i < COUNT; i++)
        random_row(rows[i]);
    for (uint32_t i = 0; i < COUNT; i++) {
        ag06_sliding_push(stream, rows[i], 1);
        if ((i + 1) % EVERY == 0)
            for (uint32_t k = 0; k < WINDOWS; k++)
                ag06_sliding_read(stream, k, streamed[i / EVERY][k]);
    }
    while (done < COUNT) {
        const uint32_t left = COUNT - done, wanted = (uint32_t)random_below(&seed, 400);
        const uint32_t count = wanted < left ? wanted : left;

        readings += ag06_sliding_extract(pieces, rows[done], count, EVERY, batch[readings][0]);
        done += count;
    }
    CHECK(readings == READINGS);
    CHECK(memcmp(streamed, batch, sizeof streamed) == 0);
    ag06_sliding_free(stream);
    ag06_sliding_free(pieces);
    return add_bits(BITS, streamed, sizeof streamed);
}

/* Every statistic of every window, while rows go round the ring, from the rows themselves. */
static void check_window(ag06_sliding *s, uint32_t k, float (*rows)[SERIES], uint32_t end)
{
    const uint32_t first = end > LENGTHS[k] ? end - LENGTHS[k] : 0;
    ag06_sliding_values values[SERIES];

    ag06_sliding_read(s, k, values);
    for (uint32_t i = 0; i < SERIES; i++) {
        double sum = 0, square = 0, count = 0;
        float least = INFINITY, most = -INFINITY;

        for (uint32_t row = first; row < end; row++)
            if (isfinite(rows[row][i])) {
                sum += (double)rows[row][i];
                count++;
                least = fminf(least, rows[row][i]);
                most = fmaxf(most, rows[row][i]);
            }
        for (uint32_t row = first; row < end; row++)
            if (isfinite(rows[row][i]))
                square += pow((double)rows[row][i] - sum / count, 2);
        if (count < 1) {
            CHECK(isnan(values[i].mean) && isnan(values[i].p50));
            continue;
        }
        check_same(values[i].mean, (float)(sum / count), 1e-7F * (HIGH[i] - LOW[i]));
        check_same(values[i].std, (float)sqrt(square / count), 1e-7F * (HIGH[i] - LOW[i]));
        check_same(values[i].min, least, 0);
        check_same(values[i].max, most, 0);
    }
}

static void each_row_is_in_and_out_once(void)
{
    enum { COUNT = 5000 };
    static float rows[COUNT][SERIES];
    ag06_sliding *s = make();

    for (uint32_t i = 0; i < COUNT; i++) {
        random_row(rows[i]);
        ag06_sliding_push(s, rows[i], 1);
        if (i < 300 || random_below(&seed, 20) == 0)
            for (uint32_t k = 0; k < WINDOWS; k++)
                check_window(s, k, rows, i + 1);
    }
    ag06_sliding_free(s);
}

static void what_cannot_be_made_is_refused(void)
{
    const uint32_t falling[WINDOWS] = {1000, 100}, none[WINDOWS] = {0, 100};
    const float upside_down[SERIES] = {12, 0, -1}, boundless[SERIES] = {INFINITY, 24000, 1};

    CHECK(!ag06_sliding_new(0, LOW, HIGH, WINDOWS, LENGTHS));
    CHECK(!ag06_sliding_new(SERIES, LOW, HIGH, 0, LENGTHS));
    CHECK(!ag06_sliding_new(SERIES, LOW, HIGH, AG06_SLIDING_WINDOWS + 1, LENGTHS));
    CHECK(!ag06_sliding_new(SERIES, LOW, HIGH, WINDOWS, falling));
    CHECK(!ag06_sliding_new(SERIES, LOW, HIGH, WINDOWS, none));
    CHECK(!ag06_sliding_new(SERIES, HIGH, upside_down, WINDOWS, LENGTHS));
    CHECK(!ag06_sliding_new(SERIES, LOW, boundless, WINDOWS, LENGTHS));
    ag06_sliding_free(NULL);
}

int main(void)
{
    uint64_t bits;

    give_up_after(300);
    nothing_is_left_of_what_came_before();
    each_row_is_in_and_out_once();
    bits = batches_are_streams();
    a_reset_forgets();
    what_cannot_be_made_is_refused();
    printf("ok sliding: nothing is left after millions of rows, each is in and out once, batches "
           "are streams, a reset forgets, wrong ones are refused, bits %016llx\n",
           (unsigned long long)bits);
    return 0;
}
