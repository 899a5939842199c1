/* Coefficients from settings. Runs outside the callback. */
#include "ag06_chain.h"
#include "chain.h"

#include <math.h>
#include <string.h>

#define OFF_CEILING 1e30 /* a limiter that is switched off never has to act */
#define SHELF_Q 0.70710678118654752
#define CEILING_MARGIN_DB 0.5 /* for what the limiter's own movement adds: see limiter.h */
#define GATE_ENVELOPE_MS 10.0 /* fall of the gate's peak envelope: little ripple on a voice */
#define DEESS_ATTACK_MS 1.0   /* an s must not get through */
#define DEESS_RELEASE_MS 60.0 /* and the vowel after it must not be dulled */

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

static double whole_frames(double ms, double rate)
{
    return round(fmax(ms, 0) * 1e-3 * rate);
}

static ag06_gate_block design_gate(const ag06_gate_settings *gate, double rate)
{
    const ag06_gate_block block = {
        .threshold_db = gate->threshold_db,
        .close_db = gate->threshold_db - fmax(gate->hysteresis_db, 0),
        .slope = fmax(gate->ratio, 1) - 1,
        .range_db = gate->enabled ? fmax(gate->range_db, 0) : 0,
        .envelope = one_pole(GATE_ENVELOPE_MS, rate),
        .attack = one_pole(gate->attack_ms, rate),
        .release = one_pole(gate->release_ms, rate),
        .hold = whole_frames(gate->hold_ms, rate),
    };

    return block;
}

static ag06_deess_block design_deess(const ag06_deess_settings *deess, double rate)
{
    const double tangent = tan(omega(deess->frequency_hz, rate) / 2);
    const ag06_deess_block block = {
        .detector = highpass(deess->frequency_hz, SHELF_Q, rate),
        .pole = (1 - tangent) / (1 + tangent),
        .threshold_db = deess->threshold_db,
        .slope = 1 - 1 / fmax(deess->ratio, 1),
        .range_db = deess->enabled ? fmax(deess->range_db, 0) : 0,
        .attack = one_pole(DEESS_ATTACK_MS, rate),
        .release = one_pole(DEESS_RELEASE_MS, rate),
    };

    return block;
}

/* Half of what the compressor takes from a signal at 0 dBFS. */
static double automatic_makeup(const ag06_comp_settings *comp, double slope)
{
    return comp->auto_makeup ? slope * fmin(comp->threshold_db, 0) / 2 : 0;
}

static ag06_comp_block design_comp(const ag06_comp_settings *comp, double rate)
{
    const double slope = 1 / fmax(comp->ratio, 1) - 1;
    const ag06_comp_block off = {.sidechain = identity(), .half_knee = 1};
    const ag06_comp_block block = {
        .sidechain =
            comp->sidechain_hz > 0 ? highpass(comp->sidechain_hz, SHELF_Q, rate) : identity(),
        .threshold_db = comp->threshold_db,
        .slope = slope,
        .half_knee = fmax(comp->knee_db, 1e-3) / 2,
        .attack = one_pole(comp->attack_ms, rate),
        .release = one_pole(comp->release_ms, rate),
        .makeup_db = comp->makeup_db + automatic_makeup(comp, slope),
    };

    return comp->enabled ? block : off;
}

void ag06_chain_neutral(ag06_chain_settings *settings)
{
    const ag06_chain_settings neutral = {
        .highpass = {.slope_db = 12, .frequency_hz = 80},
        .gate = {.threshold_db = -50,
                 .hysteresis_db = 4,
                 .ratio = 2,
                 .range_db = 20,
                 .attack_ms = 1,
                 .hold_ms = 80,
                 .release_ms = 150},
        .eq = {.low = {.frequency_hz = 120, .q = SHELF_Q},
               .peak1 = {.frequency_hz = 400, .q = 1},
               .peak2 = {.frequency_hz = 3000, .q = 1},
               .high = {.frequency_hz = 8000, .q = SHELF_Q}},
        .deess = {.frequency_hz = 6000, .threshold_db = -30, .ratio = 4, .range_db = 10},
        .comp = {.threshold_db = -20, .ratio = 3, .knee_db = 6, .attack_ms = 8, .release_ms = 120},
        .limiter = {.ceiling_db = -1, .release_ms = 60},
    };

    *settings = neutral;
}

void ag06_chain_design(const ag06_chain_settings *settings, double rate, ag06_chain_block *block)
{
    const ag06_limiter_settings *limiter = &settings->limiter;

    memset(block, 0, sizeof *block);
    block->trim = gain(settings->trim.gain_db);
    design_highpass(&settings->highpass, rate, block->highpass);
    block->gate = design_gate(&settings->gate, rate);
    design_eq(&settings->eq, rate, block->eq);
    block->deess = design_deess(&settings->deess, rate);
    block->comp = design_comp(&settings->comp, rate);
    block->limiter.ceiling =
        limiter->enabled ? gain(limiter->ceiling_db - CEILING_MARGIN_DB) : OFF_CEILING;
    block->limiter.release = one_pole(limiter->release_ms, rate);
    block->level = gain(settings->level.gain_db);
}

uint32_t ag06_chain_latency(double rate)
{
    return limiter_delay(rate);
}
