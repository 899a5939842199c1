/* Coefficients from settings. Runs outside the callback. */
#include "ag06_chain.h"
#include "chain.h"

#include <math.h>
#include <string.h>

#define OFF_CEILING 1e30 /* a limiter that is switched off never has to act */
#define SHELF_Q 0.70710678118654752

static double clamped(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double gain(double db)
{
    return pow(10.0, db / 20.0);
}

/* Coefficient of a one-pole smoother that covers 63 % of a step in `ms`. */
static double one_pole(double ms, double rate)
{
    return exp(-1.0 / (clamped(ms, 0.01, 1e5) * 1e-3 * rate));
}

/* Angular frequency per sample. */
static double omega(double frequency_hz, double rate)
{
    return 2.0 * M_PI * clamped(frequency_hz, 1.0, 0.49 * rate) / rate;
}

static ag06_biquad normalised(double b0, double b1, double b2, double a0, double a1, double a2)
{
    const ag06_biquad biquad = {b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0};

    return biquad;
}

static ag06_biquad identity(void)
{
    return normalised(1, 0, 0, 1, 0, 0);
}

static ag06_biquad highpass(double frequency_hz, double q, double rate)
{
    const double w = omega(frequency_hz, rate);
    const double c = cos(w);
    const double alpha = sin(w) / (2 * q);

    return normalised((1 + c) / 2, -(1 + c), (1 + c) / 2, 1 + alpha, -2 * c, 1 - alpha);
}

static ag06_biquad peak(const ag06_band_settings *band, double rate)
{
    const double w = omega(band->frequency_hz, rate);
    const double c = cos(w);
    const double alpha = sin(w) / (2 * band->q);
    const double a = gain(band->gain_db / 2);

    return normalised(1 + alpha * a, -2 * c, 1 - alpha * a, 1 + alpha / a, -2 * c, 1 - alpha / a);
}

/* `side` is +1 for a low shelf and -1 for a high shelf: the cookbook's two differ by the sign of
 * the cosine and of the odd coefficients. */
static ag06_biquad shelf(const ag06_band_settings *band, double rate, double side)
{
    const double w = omega(band->frequency_hz, rate);
    const double c = side * cos(w);
    const double a = gain(band->gain_db / 2);
    const double beta = 2 * sqrt(a) * sin(w) / (2 * band->q);

    return normalised(a * ((a + 1) - (a - 1) * c + beta), side * 2 * a * ((a - 1) - (a + 1) * c),
                      a * ((a + 1) - (a - 1) * c - beta), (a + 1) + (a - 1) * c + beta,
                      side * -2 * ((a - 1) + (a + 1) * c), (a + 1) + (a - 1) * c - beta);
}

/* Butterworth of order 2 or 4, as one or two sections. */
static void design_highpass(const ag06_highpass_settings *settings, double rate,
                            ag06_biquad sections[2])
{
    sections[0] = identity();
    sections[1] = identity();
    if (!settings->enabled)
        return;
    if (settings->slope_db < 24) {
        sections[0] = highpass(settings->frequency_hz, SHELF_Q, rate);
    } else {
        sections[0] = highpass(settings->frequency_hz, 0.5 / cos(M_PI / 8), rate);
        sections[1] = highpass(settings->frequency_hz, 0.5 / cos(3 * M_PI / 8), rate);
    }
}

static void design_eq(const ag06_eq_settings *eq, double rate, ag06_biquad bands[4])
{
    bands[0] = eq->low.enabled ? shelf(&eq->low, rate, 1) : identity();
    bands[1] = eq->peak1.enabled ? peak(&eq->peak1, rate) : identity();
    bands[2] = eq->peak2.enabled ? peak(&eq->peak2, rate) : identity();
    bands[3] = eq->high.enabled ? shelf(&eq->high, rate, -1) : identity();
}

void ag06_chain_neutral(ag06_chain_settings *settings)
{
    const ag06_chain_settings neutral = {
        .highpass = {.slope_db = 12, .frequency_hz = 80},
        .eq = {.low = {.frequency_hz = 120, .q = SHELF_Q},
               .peak1 = {.frequency_hz = 400, .q = 1},
               .peak2 = {.frequency_hz = 3000, .q = 1},
               .high = {.frequency_hz = 8000, .q = SHELF_Q}},
        .comp = {.threshold_db = -20, .ratio = 3, .knee_db = 6, .attack_ms = 8, .release_ms = 120},
        .limiter = {.ceiling_db = -1, .release_ms = 60},
    };

    *settings = neutral;
}

void ag06_chain_design(const ag06_chain_settings *settings, double rate, ag06_chain_block *block)
{
    const ag06_comp_settings *comp = &settings->comp;
    const ag06_limiter_settings *limiter = &settings->limiter;

    memset(block, 0, sizeof *block);
    block->trim = gain(settings->trim.gain_db);
    design_highpass(&settings->highpass, rate, &block->filters[0]);
    design_eq(&settings->eq, rate, &block->filters[2]);
    block->comp_threshold_db = comp->threshold_db;
    block->comp_slope = comp->enabled ? 1 / fmax(comp->ratio, 1.0) - 1 : 0;
    block->comp_knee_db = fmax(comp->knee_db, 1e-3);
    block->comp_attack = one_pole(comp->attack_ms, rate);
    block->comp_release = one_pole(comp->release_ms, rate);
    block->comp_makeup_db = comp->enabled ? comp->makeup_db : 0;
    block->limiter_ceiling = limiter->enabled ? gain(limiter->ceiling_db) : OFF_CEILING;
    block->limiter_release = one_pole(limiter->release_ms, rate);
    block->level = gain(settings->level.gain_db);
}

uint32_t ag06_chain_latency(double rate)
{
    const double frames = round(LOOKAHEAD_S * rate);

    return (uint32_t)clamped(frames, 1, LOOKAHEAD_MAX);
}
