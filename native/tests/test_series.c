/* Detectors over series: no error adds up, what is odd is not learned, and nothing is out of
 * bounds. */
#include "ag06_series.h"
#include "check.h"
#include "median.h"

#include <math.h>
#include <string.h>

#define SERIES 3
#define WINDOW 500
#define SCORES (SERIES * AG06_SERIES_DETECTORS)
#define ROWS (SANITIZED ? 100000u : 4000000u)

static const float RESOLUTION[SERIES] = {1e-3F, 0.1F, 1e-6F};
static const ag06_series_settings SETTINGS = {WINDOW, 50, 100, 4, 0.2F, 0.5F};
static uint64_t seed = 1;

static float gaussian(void)
{
    double sum = 0;

    for (int i = 0; i < 12; i++)
        sum += random_in(&seed, -0.5, 0.5);
    return (float)sum;
}

static void random_row(float *row, float far)
{
    row[0] = far + gaussian();
    row[1] = random_below(&seed, 40) == 0 ? NAN : -70 + 3 * gaussian();
    row[2] = 440 + 1e-3F * gaussian();
}

static ag06_series *make(void)
{
    ag06_series *made = ag06_series_new(SERIES, RESOLUTION, &SETTINGS);

    CHECK(made);
    return made;
}

/* After millions of rows, and far from where it began, the scores are those of one that saw only
 * the window. */
static void no_error_adds_up(void)
{
    ag06_series *old = make(), *fresh = make();
    float row[SERIES], scores[SCORES], wanted[SCORES], window[WINDOW * SERIES];

    for (uint32_t i = 0; i < ROWS; i++) {
        random_row(row, i < ROWS / 2 ? 1e6F : 0);
        ag06_series_push(old, row, 1, scores);
    }
    CHECK_EQUAL(ag06_series_window(old, window), WINDOW);
    for (uint32_t i = 0; i < WINDOW; i++)
        ag06_series_learn(fresh, window + (size_t)i * SERIES);
    for (uint32_t i = 0; i < 100; i++) {
        random_row(row, 0);
        ag06_series_score(old, row, scores);
        ag06_series_score(fresh, row, wanted);
        for (uint32_t k = 0; k < SCORES; k++)
            if (k % AG06_SERIES_DETECTORS == 0)
                CHECK(fabsf(scores[k] - wanted[k]) <= 1e-4F || isnan(wanted[k]));
            else if (k % AG06_SERIES_DETECTORS == 1) /* their histograms were laid out elsewhere */
                CHECK(fabsf(scores[k] - wanted[k]) <= 0.2F + 0.2F * wanted[k] || isnan(wanted[k]));
    }
    ag06_series_free(old);
    ag06_series_free(fresh);
}

/* A spike is as odd the tenth time as it was the first; a shift that lasts becomes what is usual.
 */
static void spikes_are_not_learned_and_shifts_are(void)
{
    ag06_series *s = make();
    ag06_series_counts counts;
    float row[SERIES], scores[SCORES], first = 0;

    for (uint32_t i = 0; i < 3000; i++) {
        random_row(row, 0);
        if (i > 1000 && i % 50 == 0)
            row[0] = 1000;
        ag06_series_push(s, row, 1, scores);
        if (i == 1050)
            first = scores[0];
        else if (i > 1050 && i % 50 == 0)
            CHECK(scores[0] > 0.8F * first);
    }
    ag06_series_count(s, &counts);
    CHECK_EQUAL(counts.shifts, 0);
    for (uint32_t i = 0; i < SETTINGS.patience + SETTINGS.least; i++) {
        random_row(row, 20);
        ag06_series_push(s, row, 1, scores);
        CHECK(i + 2 >= SETTINGS.patience || scores[0] > 4);
    }
    random_row(row, 20);
    ag06_series_score(s, row, scores);
    CHECK(scores[0] < 6);
    ag06_series_count(s, &counts);
    CHECK_EQUAL(counts.shifts, 1);
    ag06_series_free(s);
}

/* Whatever comes, a score is NaN or from 0 to 1e30, and what comes next is scored again. */
static void no_value_breaks_it(void)
{
    static const float odd[] = {NAN,    INFINITY, -INFINITY, 1e30F, -1e30F, 3e38F,
                                -3e38F, 1e-40F,   0,         -0.0F, 1e20F,  -1};
    ag06_series *s = make();
    float row[SERIES], scores[SCORES];

    for (uint32_t i = 0; i < (SANITIZED ? 50000 : 500000); i++) {
        random_row(row, 0);
        if (i / 1000 % 2)
            for (uint32_t k = 0; k < SERIES; k++)
                if (random_below(&seed, 4))
                    row[k] = odd[random_below(&seed, sizeof odd / sizeof *odd)];
        ag06_series_push(s, row, 1, scores);
        for (uint32_t k = 0; k < SCORES; k++)
            CHECK(isnan(scores[k]) || (scores[k] >= 0 && scores[k] <= 1e30F));
        if (i % 2000 == 999 && i > 2000)
            CHECK(scores[0] < 10);
        if (i % 7777 == 0)
            ag06_series_gap(s);
    }
    ag06_series_free(s);
}

static int order(const void *a, const void *b)
{
    const float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

/* Median and deviation stay within a tenth of the deviation of the true ones as the scale changes
 * slowly, and it is laid out anew only now and then. */
static void medians_are_those_of_the_window(void)
{
    static median m;
    static float ring[WINDOW], sorted[WINDOW], away[WINDOW];
    static uint32_t scratch[WINDOW];
    uint32_t laid = 0;

    m.resolution = 1e-6F;
    for (uint32_t i = 0; i < 60000; i++) {
        const float scale = expf(2 * sinf((float)i * 3e-4F));
        const float value = scale * (gaussian() + 5 * sinf((float)i * 2e-4F));
        const float gone = ring[i % WINDOW];

        ring[i % WINDOW] = value;
        if (i < WINDOW)
            continue;
        if (i == WINDOW) {
            median_fit(&m, ring, WINDOW, scratch);
            continue;
        }
        median_add(&m, value);
        median_remove(&m, gone);
        if (!median_settle(&m)) {
            median_fit(&m, ring, WINDOW, scratch);
            laid++;
        }
        if (i % 97)
            continue;
        memcpy(sorted, ring, sizeof sorted);
        qsort(sorted, WINDOW, sizeof *sorted, order);
        const float middle = sorted[(WINDOW - 1) / 2];
        for (uint32_t k = 0; k < WINDOW; k++)
            away[k] = fabsf(ring[k] - middle);
        qsort(away, WINDOW, sizeof *away, order);
        const float deviation = away[(WINDOW - 1) / 2];
        CHECK(fabsf(median_value(&m) - middle) <= 0.1F * deviation);
        CHECK(fabsf(median_deviation(&m) - deviation) <= 0.1F * deviation);
    }
    CHECK(laid > 0 && laid < 60000 / (WINDOW / MEDIAN_REST));
}

static void what_cannot_be_made_is_refused(void)
{
    const float none[SERIES] = {1, 0, 1}, endless[SERIES] = {1, INFINITY, 1};
    ag06_series_settings wrong[] = {SETTINGS, SETTINGS, SETTINGS, SETTINGS,
                                    SETTINGS, SETTINGS, SETTINGS, SETTINGS};

    wrong[0].window = 1;
    wrong[1].window = UINT16_MAX;
    wrong[2].least = WINDOW + 1;
    wrong[3].patience = 0;
    wrong[4].limit = NAN;
    wrong[5].weight = 0;
    wrong[6].slack = 4;
    wrong[7].least = 1;
    for (uint32_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!ag06_series_new(SERIES, RESOLUTION, &wrong[i]));
    CHECK(!ag06_series_new(0, RESOLUTION, &SETTINGS));
    CHECK(!ag06_series_new(SERIES, none, &SETTINGS));
    CHECK(!ag06_series_new(SERIES, endless, &SETTINGS));
    ag06_series_free(NULL);
}

int main(void)
{
    give_up_after(300);
    no_error_adds_up();
    spikes_are_not_learned_and_shifts_are();
    no_value_breaks_it();
    medians_are_those_of_the_window();
    what_cannot_be_made_is_refused();
    puts(
        "ok series: no error adds up over millions of rows, spikes are not learned and shifts are, "
        "no value breaks it, medians are those of the window");
    return 0;
}
