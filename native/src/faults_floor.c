/*
 * Spectra every 100 ms -> bands -> stretches of half a second that are as steady as noise is, and
 * have no lines: pauses -> the quietest of the last seconds -> what it usually was.
 */
#include "faults_floor.h"

#include "spectrum.h"
#include "wide.h"

#include <math.h>
#include <string.h>

#define LOWEST_HZ 200.0
#define HIGHEST_HZ 16000.0
#define OWN_VARIANCE 0.3F /* in dB^2: what the noise of a room has beside */
#define RESTLESS 2.0F     /* as much more than noise a stretch varies at most */
#define FLATNESS_DB (-5.0F)
#define NOISY 0.65F
#define SECOND 10 /* spectra */
#define ALIKE_DB 2.0F
#define ALIKE 4             /* stretches that are to be about as quiet as the quietest */
#define USUAL_FROM 8        /* seconds of history that make it known what is usual */
#define RECENT_HISTORY 2    /* the newest of which do not count: the rise itself */
#define SOUND_DB 15.0F      /* over the floor */
#define SILENT_DB (-105.0F) /* softer is a switch that is off, not a pause */
#define UNKNOWN 0.0F
#define INDEPENDENT 0.5F /* of the bins, as the taper smears a line over two */

void floor_faults_init(floor_faults *f, const line_layout *spectra)
{
    const double bins_a_hz = spectra->window / spectra->rate;
    const double top = (spectra->bins - 1) / bins_a_hz;
    const double highest = HIGHEST_HZ < top ? HIGHEST_HZ : top;

    for (uint32_t i = 0; i <= FLOOR_BANDS; i++)
        f->edges[i] =
            (uint32_t)(LOWEST_HZ * pow(highest / LOWEST_HZ, (double)i / FLOOR_BANDS) * bins_a_hz);
    for (uint32_t i = 0; i < FLOOR_BANDS; i++) {
        const uint32_t bins = f->edges[i + 1] - f->edges[i];

        f->weights[i] = a_weight((float)(sqrt((double)f->edges[i] * f->edges[i + 1]) / bins_a_hz));
        f->variances[i] = OWN_VARIANCE + 18.9F / (INDEPENDENT * (float)bins);
    }
    floor_faults_reset(f);
}

void floor_faults_reset(floor_faults *f)
{
    memset(f->recent_db, 0, sizeof f->recent_db);
    for (uint32_t i = 0; i < FLOOR_AROUND; i++)
        f->loudest_db[i] = AG06_FEATURE_FLOOR_DB;
    f->at = f->seen = f->kept = 0;
    f->floor_db = f->usual_db = UNKNOWN;
}

/* Sum of a band, and the sum of its logarithms. */
WIDE_CLONES static void sum_band(const float *power, uint32_t count, float *sum, float *logs)
{
    wide total = {0};
    uint32_t i = 0;

    *sum = *logs = 0;
    for (; i + WIDE <= count; i += WIDE)
        total += wide_log(wide_load(power + i));
    for (; i < count; i++) {
        const wide one = {power[i], 1, 1, 1, 1, 1, 1, 1};

        *logs += wide_log(one)[0];
    }
    *logs += wide_sum(total);
    *sum = wide_total(power, count);
}

/* The bands of a spectrum; returns the A-weighted sum of them. */
static float find_bands(floor_faults *f, const float *power, uint32_t slot)
{
    float weighted = 0, noisy = 0;

    for (uint32_t i = 0; i < FLOOR_BANDS; i++) {
        const uint32_t count = f->edges[i + 1] - f->edges[i];
        float sum, logs;

        sum_band(power + f->edges[i], count, &sum, &logs);
        const float mean_db = power_db(sum / (float)count);
        const float logs_db = 4.3429448F * logs / (float)count;

        f->bands_db[slot][i] = mean_db;
        noisy += logs_db - mean_db > FLATNESS_DB;
        weighted += f->weights[i] * sum;
    }
    f->noisy[slot] = noisy / FLOOR_BANDS;
    return weighted;
}

/* Whether the last spectra are noise, and as alike as those of noise are. */
static int is_pause(const floor_faults *f)
{
    float restless = 0, noisy = 0;

    for (uint32_t k = 0; k < FLOOR_STRETCH; k++)
        noisy += f->noisy[k];
    if (noisy < NOISY * FLOOR_STRETCH)
        return 0;
    for (uint32_t i = 0; i < FLOOR_BANDS; i++) {
        float mean = 0, square = 0;

        for (uint32_t k = 0; k < FLOOR_STRETCH; k++)
            mean += f->bands_db[k][i];
        mean /= FLOOR_STRETCH;
        for (uint32_t k = 0; k < FLOOR_STRETCH; k++)
            square += (f->bands_db[k][i] - mean) * (f->bands_db[k][i] - mean);
        restless += square / (FLOOR_STRETCH - 1) / f->variances[i];
    }
    return restless < RESTLESS * FLOOR_BANDS;
}

/* The quietest of the last stretches, if others are about as quiet. */
static float quietest_of(const floor_faults *f)
{
    float least = UNKNOWN;
    uint32_t alike = 0;

    for (uint32_t i = 0; i < FLOOR_RECENT; i++)
        least = f->recent_db[i] < least ? f->recent_db[i] : least;
    for (uint32_t i = 0; i < FLOOR_RECENT; i++)
        alike += f->recent_db[i] < UNKNOWN && f->recent_db[i] < least + ALIKE_DB;
    return alike >= ALIKE ? least : UNKNOWN;
}

/* The middle one of the seconds before the newest; UNKNOWN while there are too few. */
static float usual_of(const floor_faults *f)
{
    const uint32_t there = f->kept < FLOOR_HISTORY ? f->kept : FLOOR_HISTORY;
    float sorted[FLOOR_HISTORY];
    uint32_t count = 0;

    if (there < USUAL_FROM + RECENT_HISTORY)
        return UNKNOWN;
    for (uint32_t age = RECENT_HISTORY; age < there; age++) {
        const float value = f->history_db[(f->kept - 1 - age) % FLOOR_HISTORY];
        uint32_t k = count++;

        for (; k > 0 && sorted[k - 1] > value; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = value;
    }
    return sorted[count / 2];
}

/* Whether there was sound before a pause; else a channel may be muted, whose floor is no usual one.
 */
static int had_sound(const floor_faults *f, float floor_db)
{
    for (uint32_t i = 0; i < FLOOR_AROUND; i++)
        if (f->loudest_db[i] > floor_db + SOUND_DB)
            return 1;
    return 0;
}

static void look(floor_faults *f, const float *power)
{
    const float level_db = power_db(find_bands(f, power, f->seen % FLOOR_STRETCH));
    float *loudest_db = &f->loudest_db[f->seen / SECOND % FLOOR_AROUND];

    if (f->seen % SECOND == 0 || level_db > *loudest_db)
        *loudest_db = level_db;
    f->seen++;
    f->at = (f->at + 1) % FLOOR_RECENT;
    f->recent_db[f->at] =
        f->seen >= FLOOR_STRETCH && level_db > SILENT_DB && had_sound(f, level_db) && is_pause(f)
            ? level_db
            : UNKNOWN;
    f->floor_db = quietest_of(f);
    if (f->seen % SECOND)
        return;
    if (f->floor_db < UNKNOWN)
        f->history_db[f->kept++ % FLOOR_HISTORY] = f->floor_db;
    f->usual_db = usual_of(f);
}

void floor_faults_take(floor_faults *f, const float *power, ag06_tone_faults *result)
{
    if (power)
        look(f, power);
    result->floor_db = f->floor_db;
    result->floor_rise_db = 0;
    if (f->floor_db < UNKNOWN && f->usual_db < UNKNOWN && f->floor_db > f->usual_db)
        result->floor_rise_db = f->floor_db - f->usual_db;
}
