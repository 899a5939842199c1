/*
 * Every 100 ms a spectrum of 170 ms. What stands out of the least that each bin had in 5 s was
 * there all the time, in every pause; a line of it that is as strong at each moment is no note.
 */
#include "faults_steady.h"

#include "spectrum.h"

#include <math.h>
#include <string.h>

#define WINDOW 8192 /* frames, at */
#define WINDOW_RATE 48000
#define LOWEST_HZ 90
#define HIGHEST_HZ 18500
#define STEP_HOPS 10
#define ROUND_HOPS 50
#define FRAMES 50
#define PROMINENT 8.0F
#define WOBBLE 1.3F
#define SWAY 1.2F /* a note decays or swells, and strings beat */
#define CLEAR 0.2F
#define CONTRARY 0.3F
#define HUM_HARMONICS 24
#define HUM_OFF_HZ 8.0F   /* a bin, and what others pull it off */
#define LOUDNESS_DB 85.0F /* A-weighted, below full scale: where hardly anything is heard */

int steady_faults_init(steady_faults *s, uint32_t rate)
{
    const uint32_t window = ag06_fft_length((uint32_t)((uint64_t)WINDOW * rate / WINDOW_RATE));
    const double bins_a_hz = (double)window / rate;
    const double highest = HIGHEST_HZ < 0.45 * rate ? HIGHEST_HZ : 0.45 * rate;
    const line_layout layout = {.window = window,
                                .bins = (uint32_t)(highest * bins_a_hz) + LINES_REACH_MAX,
                                .frames = FRAMES,
                                .block = ROUND_HOPS / STEP_HOPS,
                                .guard = 6,
                                .reach = 18,
                                .rate = rate};

    if (!lines_init(&s->lines, &layout))
        return 0;
    s->low = (uint32_t)(LOWEST_HZ * bins_a_hz);
    if (s->low < LINES_REACH_MAX)
        s->low = LINES_REACH_MAX;
    s->high = layout.bins - LINES_REACH_MAX;
    steady_faults_reset(s);
    return 1;
}

void steady_faults_free(steady_faults *s)
{
    lines_free(&s->lines);
}

void steady_faults_reset(steady_faults *s)
{
    lines_reset(&s->lines);
    memset(&s->best, 0, sizeof s->best);
    memset(&s->now, 0, sizeof s->now);
    s->hum_hz = 0;
    s->hop = s->candidates = s->looked = 0;
}

/* The bins that stand out most. */
static void find_candidates(steady_faults *s)
{
    float most[STEADY_CANDIDATES] = {0};

    lines_find_least(&s->lines);
    s->candidates = s->looked = 0;
    for (uint32_t bin = s->low; bin < s->high; bin++) {
        const float *least = s->lines.least + bin;
        uint32_t place;

        if (least[-1] > least[0] || least[1] > least[0] ||
            least[0] < PROMINENT * least[s->lines.layout.guard])
            continue;
        const float prominence = lines_prominence(&s->lines, bin);
        if (prominence < PROMINENT || prominence <= most[STEADY_CANDIDATES - 1])
            continue;
        for (place = STEADY_CANDIDATES - 1; place > 0 && most[place - 1] < prominence; place--) {
            most[place] = most[place - 1];
            s->candidate[place] = s->candidate[place - 1];
        }
        most[place] = prominence;
        s->candidate[place] = bin;
        s->candidates += s->candidates < STEADY_CANDIDATES;
    }
    memset(&s->now, 0, sizeof s->now);
}

static int is_hum(const steady_faults *s, float hz)
{
    if (s->hum_hz <= 0 || hz > HUM_HARMONICS * s->hum_hz)
        return 0;
    const float order = floorf(hz / s->hum_hz + 0.5F);

    return fabsf(hz - order * s->hum_hz) < HUM_OFF_HZ;
}

static void look_at_next(steady_faults *s)
{
    line_reading line;

    lines_read(&s->lines, s->candidate[s->looked++], &line);
    const float heard = power_db(line.heard) + LOUDNESS_DB;

    line.over_db = line.over_db < heard ? line.over_db : heard;
    if (line.wobble <= WOBBLE && line.clear >= CLEAR && line.sway <= SWAY &&
        line.contrary <= CONTRARY && line.over_db > s->now.over_db && !is_hum(s, line.hz))
        s->now = line;
}

const float *steady_faults_take(steady_faults *s, const float *samples, uint32_t frames,
                                ag06_tone_faults *result)
{
    const float *power = NULL;

    lines_slide(&s->lines, samples, frames);
    s->hop++;
    /* a spectrum each STEP_HOPS; after the last of a round the search, then a candidate a hop */
    if (s->hop % STEP_HOPS == 0)
        power = lines_take(&s->lines);
    else if (s->hop == 1 && lines_full(&s->lines))
        find_candidates(s);
    else if (s->looked < s->candidates)
        look_at_next(s);
    else if (s->hop == STEP_HOPS - 1)
        s->best = s->now;
    if (s->hop == ROUND_HOPS)
        s->hop = 0;
    result->tone_over_db = s->best.over_db;
    result->tone_level_db = s->best.level_db;
    result->tone_hz = s->best.hz;
    if (s->best.over_db > 0)
        result->tone_began_frames = (float)(FRAMES * STEP_HOPS * frames);
    return power;
}
