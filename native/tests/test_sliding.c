/* Sliding statistics: no error adds up over days, and every row is in and out once. */
#include "ag06_sliding.h"
#include "check.h"

#include <math.h>

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

/* After millions of rows the statistics are those of a window that saw its own rows alone. */
static void no_error_adds_up(void)
{
    ag06_sliding *old = make();
    ag06_sliding_values values[SERIES], wanted[SERIES];
    float row[SERIES];

    for (uint32_t i = 0; i < ROWS; i++) {
        random_row(row);
        if (i == 0)
            row[0] = 12; /* an origin at the far end of the scale */
        ag06_sliding_push(old, row);
    }
    ag06_sliding *fresh = make();
    for (uint32_t i = 0; i < LENGTHS[1] + 37; i++) {
        random_row(row);
        ag06_sliding_push(old, row);
        ag06_sliding_push(fresh, row);
    }
    for (uint32_t k = 0; k < WINDOWS; k++) {
        ag06_sliding_read(old, k, values);
        ag06_sliding_read(fresh, k, wanted);
        for (uint32_t i = 0; i < SERIES; i++) {
            check_same(values[i].mean, wanted[i].mean, 1e-6F * HIGH[i]);
            check_same(values[i].std, wanted[i].std, 1e-6F * HIGH[i]);
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
        ag06_sliding_push(used, row);
    }
    ag06_sliding_reset(used);
    for (uint32_t i = 0; i < 150; i++) {
        random_row(row);
        ag06_sliding_push(used, row);
        ag06_sliding_push(fresh, row);
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
    give_up_after(300);
    no_error_adds_up();
    a_reset_forgets();
    what_cannot_be_made_is_refused();
    puts("ok sliding: no error adds up over millions of rows, a reset forgets, wrong ones are "
         "refused");
    return 0;
}
