/*
 * The meter's run: both streams at once, a lane for each channel.
 *
 *   frames -> interleaved lanes -> K-weighting, squares, products    every frame
 *                              \-> peak, true peak
 *   10 ms  -> windows of 400 ms and 3 s -> readings                  every slot
 *   100 ms -> programme: integrated loudness and loudness range      every tenth slot
 */
#include "meter.h"

#include <math.h>
#include <string.h>

#define SLOTS_PER_SECOND 100
#define SLOTS_PER_BLOCK 10 /* of 100 ms: the step of gating blocks */
#define SLOTS_PER_TERM 40  /* of 400 ms */
#define FADED 1e-30 /* of a filter's state, far above what a denormal is and below all sound */

/* Silence decays to exact zeros, and never through denormals. */
static void settle(ag06_meter *meter)
{
    for (int i = 0; i < 4; i++)
        for (int lane = 0; lane < AG06_METER_LANES; lane++)
            if (fabs(meter->state[i][lane]) < FADED)
                meter->state[i][lane] = 0;
}

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

/* The last 400 ms, unweighted. */
static void read_levels(ag06_meter *meter)
{
    const double frames = (double)meter->slot_frames * AG06_METER_RECENT;
    ag06_meter_slot all = {0};

    for (int i = 0; i < AG06_METER_RECENT; i++)
        for (int lane = 0; lane < AG06_METER_LANES; lane++) {
            const ag06_meter_slot *slot = &meter->recent[i];

            all.squares[lane] += slot->squares[lane];
            all.products[lane] += slot->products[lane];
            all.peak[lane] = larger(all.peak[lane], slot->peak[lane]);
            all.true_peak[lane] = larger(all.true_peak[lane], slot->true_peak[lane]);
        }
    for (int lane = 0; lane < AG06_METER_LANES; lane++) {
        ag06_reading *reading = &meter->readings[lane / 2];

        reading->peak[lane % 2] = (double)all.peak[lane];
        reading->true_peak[lane % 2] = (double)all.true_peak[lane];
        reading->rms[lane % 2] = sqrt(all.squares[lane] / frames);
    }
    for (int stream = 0; stream < AG06_METERED; stream++) {
        const double power = sqrt(all.squares[2 * stream]) * sqrt(all.squares[2 * stream + 1]);
        const double r = power > 0 ? all.products[2 * stream] / power : 0;

        meter->readings[stream].correlation = r > 1 ? 1 : r < -1 ? -1 : r;
    }
}

/* A slot's mean square goes into the windows of 400 ms and 3 s. */
static void move_windows(ag06_meter *meter)
{
    for (int stream = 0; stream < AG06_METERED; stream++) {
        const double mean_square =
            (meter->weighted[2 * stream] + meter->weighted[2 * stream + 1]) / meter->slot_frames;
        double *oldest = &meter->window[meter->window_at][stream];
        double term = 0;

        meter->window_sum[stream] += mean_square - *oldest;
        meter->window_fresh[stream] += mean_square;
        *oldest = mean_square;
        if (meter->window_at == AG06_METER_SLOTS - 1) {
            meter->window_sum[stream] = meter->window_fresh[stream];
            meter->window_fresh[stream] = 0;
        }
        for (uint32_t i = 0; i < SLOTS_PER_TERM; i++) {
            const uint32_t at = meter->window_at + AG06_METER_SLOTS - i;

            term += meter->window[at < AG06_METER_SLOTS ? at : at - AG06_METER_SLOTS][stream];
        }
        meter->momentary[stream] = term / SLOTS_PER_TERM;
        meter->short_term[stream] = meter->window_sum[stream] / AG06_METER_SLOTS;
    }
    meter->window_at = meter->window_at + 1 < AG06_METER_SLOTS ? meter->window_at + 1 : 0;
}

static void read_loudness(ag06_meter *meter, int stream)
{
    ag06_reading *reading = &meter->readings[stream];
    ag06_programme *programme = &meter->programmes[stream];
    const int whole_term = meter->age >= SLOTS_PER_TERM;
    const int whole_window = meter->age >= AG06_METER_SLOTS;

    reading->momentary_lufs = ag06_lufs(meter->momentary[stream]);
    reading->short_term_lufs = ag06_lufs(meter->short_term[stream]);
    if (whole_term && reading->momentary_lufs > reading->max_momentary_lufs)
        reading->max_momentary_lufs = reading->momentary_lufs;
    if (whole_window && reading->short_term_lufs > reading->max_short_term_lufs)
        reading->max_short_term_lufs = reading->short_term_lufs;
    if (meter->age % SLOTS_PER_BLOCK > 0)
        return;
    if (whole_term) {
        ag06_programme_add_block(programme, meter->momentary[stream]);
        reading->integrated_lufs = ag06_programme_integrated_lufs(programme);
    }
    if (whole_window) {
        ag06_programme_add_window(programme, meter->short_term[stream]);
        reading->lra_lu = ag06_programme_lra_lu(programme);
    }
}

static void begin_slot(ag06_meter *meter)
{
    meter->slot_at = 0;
    meter->partial = 0;
    memset(meter->weighted, 0, sizeof meter->weighted);
    memset(&meter->present, 0, sizeof meter->present);
}

static void end_slot(ag06_meter *meter)
{
    settle(meter);
    meter->recent[meter->recent_at] = meter->present;
    meter->recent_at = meter->recent_at + 1 < AG06_METER_RECENT ? meter->recent_at + 1 : 0;
    meter->age += !meter->partial;
    move_windows(meter);
    read_levels(meter);
    for (int stream = 0; stream < AG06_METERED; stream++)
        read_loudness(meter, stream);
    begin_slot(meter);
}

void ag06_meter_run(ag06_meter *meter, const float *first, const float *second, uint32_t frames,
                    ag06_levels *levels)
{
    double squares[AG06_METER_LANES] = {0};

    memset(levels, 0, sizeof *levels);
    for (uint32_t done = 0; done < frames;) {
        const uint32_t slot_left = meter->slot_frames - meter->slot_at;
        const uint32_t left = frames - done < slot_left ? frames - done : slot_left;
        const uint32_t count = left < METER_CHUNK ? left : METER_CHUNK;

        meter_run_chunk(meter, first + 2 * done, second ? second + 2 * done : NULL, count, squares,
                        levels);
        done += count;
        meter->slot_at += count;
        if (meter->slot_at == meter->slot_frames)
            end_slot(meter);
    }
    for (int lane = 0; lane < AG06_METER_LANES; lane++) {
        levels->rms[lane] = frames > 0 ? (float)sqrt(squares[lane] / frames) : 0;
        meter->readings[lane / 2].max_peak[lane % 2] = (double)meter->max_peak[lane];
        meter->readings[lane / 2].max_true_peak[lane % 2] = (double)meter->max_true_peak[lane];
    }
}

void ag06_meter_reset(ag06_meter *meter, uint64_t resets)
{
    meter->resets = resets;
    meter->age = 0;
    meter->partial = meter->slot_at > 0;
    memset(meter->max_peak, 0, sizeof meter->max_peak);
    memset(meter->max_true_peak, 0, sizeof meter->max_true_peak);
    for (int stream = 0; stream < AG06_METERED; stream++) {
        ag06_reading *reading = &meter->readings[stream];

        ag06_programme_reset(&meter->programmes[stream]);
        reading->integrated_lufs = -INFINITY;
        reading->max_momentary_lufs = -INFINITY;
        reading->max_short_term_lufs = -INFINITY;
        reading->lra_lu = 0;
        memset(reading->max_peak, 0, sizeof reading->max_peak);
        memset(reading->max_true_peak, 0, sizeof reading->max_true_peak);
    }
}

void ag06_meter_resume(ag06_meter *meter)
{
    memset(meter->state, 0, sizeof meter->state);
    memset(meter->history, 0, sizeof meter->history);
    memset(meter->recent, 0, sizeof meter->recent);
    memset(meter->window, 0, sizeof meter->window);
    memset(meter->window_sum, 0, sizeof meter->window_sum);
    memset(meter->window_fresh, 0, sizeof meter->window_fresh);
    meter->window_at = 0;
    meter->recent_at = 0;
    meter->age = 0;
    begin_slot(meter);
    move_windows(meter);
    read_levels(meter);
    meter->window_at = 0;
    for (int stream = 0; stream < AG06_METERED; stream++) {
        meter->readings[stream].momentary_lufs = -INFINITY;
        meter->readings[stream].short_term_lufs = -INFINITY;
    }
}

void ag06_meter_init(ag06_meter *meter, uint32_t rate)
{
    memset(meter, 0, sizeof *meter);
    meter->rate = rate;
    meter->slot_frames = (rate + SLOTS_PER_SECOND / 2) / SLOTS_PER_SECOND;
    k_weighting_design(rate, &meter->shelf, &meter->highpass);
    true_peak_design(meter->quarter_even, meter->quarter_odd, meter->half);
    ag06_meter_reset(meter, 0);
    ag06_meter_resume(meter);
}
