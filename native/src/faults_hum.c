/*
 * hop at about 12 kHz -> about 2 kHz -> every 250 ms a spectrum of one second -> those of the last
 * seconds
 *
 * Hum has a frequency that is known, but for what the mains may be off; it goes on in pauses, its
 * level is steady, and its lines are multiples of one frequency. A bass note has some of these, but
 * not all of them for seconds.
 */
#include "faults_hum.h"

#include "spectrum.h"

#include <math.h>
#include <string.h>

#define STEP 6      /* of how many values one is kept */
#define WINDOW 2048 /* values: about a second */
#define STEP_HOPS 25
#define FRAMES 16  /* 4 s, and the window's own second */
#define OFF_HZ 0.6 /* of the mains; more than they ever are */
#define WOBBLE 1.6F
#define SWAY 2.0F /* a string decays */
#define CONTRARY 0.3F
#define LOUDNESS_DB 80.0F /* A-weighted, below full scale: where hardly anything is heard */
#define CLEAR 0.25F       /* share of the time */
#define LINE_OVER_DB 8.0F
#define PROMINENT 4.0F
#define ALONE_DB 10.0F /* what one line alone is to have more than two of a series */
#define KEPT_MAX (DECIMATE_INPUT_MAX / STEP)

static const double MAINS_HZ[2] = {50, 60};

int hum_faults_init(hum_faults *hum, double rate)
{
    const line_layout layout = {.window = WINDOW,
                                .bins = (uint32_t)(0.45 * WINDOW),
                                .frames = FRAMES,
                                .block = 1,
                                .guard = 5,
                                .reach = 14,
                                .rate = rate / STEP};

    decimator_init(&hum->decimator, STEP);
    if (!lines_init(&hum->lines, &layout))
        return 0;
    hum_faults_reset(hum);
    return 1;
}

void hum_faults_free(hum_faults *hum)
{
    lines_free(&hum->lines);
}

void hum_faults_reset(hum_faults *hum)
{
    decimator_reset(&hum->decimator);
    lines_reset(&hum->lines);
    memset(hum->of, 0, sizeof hum->of);
    hum->hops = STEP_HOPS;
    hum->target = 2 * HUM_FAULT_HARMONICS;
    hum->over_db = hum->level_db = hum->mains_hz = hum->harmonic_hz = hum->harmonics = 0;
}

/* The strongest steady peak where a harmonic may be, or nothing. */
static void find_line(const hum_faults *hum, uint32_t mains, uint32_t harmonic, line_reading *line)
{
    const line_history *lines = &hum->lines;
    const double bins_a_hz = lines->layout.window / lines->layout.rate;
    const double middle = MAINS_HZ[mains] * harmonic * bins_a_hz;
    const double off = OFF_HZ * harmonic * bins_a_hz;
    const uint32_t from = (uint32_t)(middle - off + 0.5), to = (uint32_t)(middle + off + 0.5);
    uint32_t best = 0;
    float most = PROMINENT;

    memset(line, 0, sizeof *line);
    if (to + lines->layout.reach >= lines->layout.bins)
        return;
    for (uint32_t bin = from; bin <= to; bin++) {
        const float prominence = lines_prominence(lines, bin);

        if (prominence > most) {
            most = prominence;
            best = bin;
        }
    }
    if (!best)
        return;
    lines_read(lines, best, line);
    if (line->over_db < LINE_OVER_DB || line->wobble > WOBBLE || line->clear < CLEAR ||
        line->sway > SWAY || line->contrary > CONTRARY ||
        fabs((double)line->hz / harmonic - MAINS_HZ[mains]) > OFF_HZ)
        memset(line, 0, sizeof *line);
}

/* Lines of one series are multiples of one frequency, which is that of the strongest. */
static float judge(hum_faults *hum, uint32_t mains)
{
    const line_reading *of = hum->of[mains];
    float most = 0, second = 0, power = 0, heard = 0, strongest_db = -200, strongest_hz = 0,
          harmonics = 0;
    double base = 0;

    for (uint32_t i = 0; i < HUM_FAULT_HARMONICS; i++)
        if (of[i].over_db > most) {
            most = of[i].over_db;
            base = (double)of[i].hz / (i + 1);
        }
    if (most <= 0)
        return 0;
    for (uint32_t i = 0; i < HUM_FAULT_HARMONICS; i++) {
        const double away = fabs((double)of[i].hz - base * (i + 1));

        if (of[i].over_db <= 0 || away > 0.3 + 0.05 * i)
            continue;
        harmonics++;
        power += of[i].power;
        heard += of[i].heard;
        if (of[i].over_db < most && of[i].over_db > second)
            second = of[i].over_db;
        if (of[i].level_db > strongest_db) {
            strongest_db = of[i].level_db;
            strongest_hz = of[i].hz;
        }
    }
    /* one alone counts where it is the fundamental, which no instrument has alone */
    const float alone = of[0].over_db - ALONE_DB;
    const float series = second > alone ? second : alone;
    const float loudness = power_db(heard) + LOUDNESS_DB;
    const float over = series < loudness ? series : loudness;

    if (over <= hum->over_db)
        return over;
    hum->over_db = over;
    hum->level_db = power_db(power);
    hum->mains_hz = (float)base;
    hum->harmonic_hz = strongest_hz;
    hum->harmonics = harmonics;
    return over;
}

/* The work of a spectrum is spread over the hops after it. */
static void look(hum_faults *hum)
{
    const uint32_t targets = 2 * HUM_FAULT_HARMONICS;

    if (hum->target < targets) {
        const uint32_t mains = hum->target / HUM_FAULT_HARMONICS;
        const uint32_t index = hum->target % HUM_FAULT_HARMONICS;

        find_line(hum, mains, index + 1, &hum->of[mains][index]);
        hum->target++;
    }
    if (hum->target == targets) {
        hum->over_db = hum->level_db = hum->mains_hz = hum->harmonic_hz = hum->harmonics = 0;
        judge(hum, 0);
        judge(hum, 1);
        hum->target++;
    }
}

void hum_faults_take(hum_faults *hum, const float *samples, uint32_t count, uint32_t frames,
                     ag06_tone_faults *result)
{
    float low[KEPT_MAX];
    const uint32_t many = decimator_run(&hum->decimator, samples, count, low);

    lines_slide(&hum->lines, low, many);
    if (--hum->hops == 0) {
        hum->hops = STEP_HOPS;
        lines_take(&hum->lines);
        if (lines_full(&hum->lines)) {
            lines_find_least(&hum->lines);
            hum->target = 0;
        }
    } else {
        look(hum);
    }
    result->hum_over_db = hum->over_db;
    result->hum_level_db = hum->level_db;
    result->hum_mains_hz = hum->mains_hz;
    result->hum_strongest_hz = hum->harmonic_hz;
    result->hum_harmonics = hum->harmonics;
    if (hum->over_db > 0)
        result->hum_began_frames = (float)(FRAMES * STEP_HOPS * frames);
}
