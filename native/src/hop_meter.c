#include "hop_meter.h"

#include "spectrum.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define SLOTS_PER_TERM 40 /* of 400 ms */
#define FADED 1e-30       /* of a filter's state, as in ag06_meter */

void hop_meter_init(hop_meter *m, uint32_t rate, uint32_t hop, uint32_t channels)
{
    memset(m, 0, sizeof *m);
    m->hop = hop;
    m->channels = channels;
    k_weighting_design(rate, &m->shelf, &m->highpass);
    true_peak_design(m->quarter_even, m->quarter_odd, m->half);
}

void hop_meter_reset(hop_meter *m)
{
    memset(m->past, 0, sizeof m->past);
    memset(m->shelf_state, 0, sizeof m->shelf_state);
    memset(m->highpass_state, 0, sizeof m->highpass_state);
    memset(m->squares, 0, sizeof m->squares);
    memset(m->products, 0, sizeof m->products);
    memset(m->window, 0, sizeof m->window);
    m->window_sum = 0;
    m->window_fresh = 0;
    m->recent_at = 0;
    m->window_at = 0;
}

/* The interpolator of meter_chunk.c, for eight frames of one signal at once. */
INLINE float between(const hop_meter *m, const float *past)
{
    const int32_t frames = (int32_t)m->hop;
    wide most = {0};

    for (int32_t n = 0; n < frames; n += WIDE) {
        const float *x =
            past + (n + WIDE <= frames ? n : frames - WIDE); /* some twice at the end */
        wide even = {0}, odd = {0}, half = {0};

#pragma GCC unroll 12
        for (int i = 0; i < AG06_TRUE_PEAK_PAIRS; i++) {
            const wide a = wide_load(x + i), b = wide_load(x + METER_PAST - i);
            const wide sum = a + b;

            even += sum * m->quarter_even[i];
            odd += (a - b) * m->quarter_odd[i];
            half += sum * m->half[i];
        }
        most = wide_max(wide_max(wide_abs(even) + wide_abs(odd), wide_abs(half)), most);
    }
    return wide_most(most);
}

WIDE_CLONES static float true_peak(const hop_meter *m, float *past, const float *hop)
{
    memcpy(past + METER_PAST, hop, m->hop * sizeof *hop);
    const float peak = wide_peak(hop, m->hop), middle = between(m, past);
    memmove(past, past + m->hop, METER_PAST * sizeof *past);
    return middle > peak ? middle : peak;
}

/* Silence decays to exact zeros, and never through denormals. */
INLINE two_channels settled(two_channels state)
{
    for (int channel = 0; channel < 2; channel++)
        if (fabs(state[channel]) < FADED)
            state[channel] = 0;
    return state;
}

/* K-weighted squares of the hop; its plain squares and products go into the last 400 ms. */
WIDE_CLONES static two_channels weigh(hop_meter *m, const float *left, const float *right)
{
    const ag06_meter_section f = m->shelf, g = m->highpass;
    two_channels f1 = m->shelf_state[0], f2 = m->shelf_state[1];
    two_channels g1 = m->highpass_state[0], g2 = m->highpass_state[1];
    two_channels weighted = {0}, squares = {0};
    double products = 0;

    for (uint32_t n = 0; n < m->hop; n++) {
        const two_channels x = {(double)left[n], (double)right[n]};
        const two_channels y = f.b0 * x + f1;
        const two_channels z = g.b0 * y + g1;
        const two_channels f1_next = (f.c1 * x + f2) - f.a1 * f1;
        const two_channels g1_next = (g.c1 * y + g2) - g.a1 * g1;

        f2 = f.c2 * x - f.a2 * f1;
        g2 = g.c2 * y - g.a2 * g1;
        f1 = f1_next;
        g1 = g1_next;
        weighted += z * z;
        squares += x * x;
        products += x[0] * x[1];
    }
    m->shelf_state[0] = settled(f1);
    m->shelf_state[1] = settled(f2);
    m->highpass_state[0] = settled(g1);
    m->highpass_state[1] = settled(g2);
    m->squares[m->recent_at] = squares;
    m->products[m->recent_at] = products;
    m->recent_at = m->recent_at + 1 < AG06_METER_RECENT ? m->recent_at + 1 : 0;
    return weighted;
}

static float loudness(double mean_square)
{
    const double lufs = ag06_lufs(mean_square);

    return lufs > AG06_FEATURE_FLOOR_DB ? (float)lufs : AG06_FEATURE_FLOOR_DB;
}

static void find_loudness(hop_meter *m, double mean_square, ag06_hop_features *f)
{
    double *oldest = &m->window[m->window_at], term = 0;

    m->window_sum += mean_square - *oldest;
    m->window_fresh += mean_square;
    *oldest = mean_square;
    if (m->window_at == AG06_METER_SLOTS - 1) {
        m->window_sum = m->window_fresh;
        m->window_fresh = 0;
    }
    for (uint32_t i = 0; i < SLOTS_PER_TERM; i++) {
        const uint32_t at = m->window_at + AG06_METER_SLOTS - i;

        term += m->window[at < AG06_METER_SLOTS ? at : at - AG06_METER_SLOTS];
    }
    m->window_at = m->window_at + 1 < AG06_METER_SLOTS ? m->window_at + 1 : 0;
    f->momentary_lufs = loudness(term / SLOTS_PER_TERM);
    f->short_term_lufs = loudness(m->window_sum / AG06_METER_SLOTS);
}

/* Of the last 400 ms, unweighted. */
static void find_image(const hop_meter *m, ag06_hop_features *f)
{
    two_channels squares = {0};
    double products = 0;

    for (int i = 0; i < AG06_METER_RECENT; i++) {
        squares += m->squares[i];
        products += m->products[i];
    }
    const double power = sqrt(squares[0]) * sqrt(squares[1]), both = squares[0] + squares[1];
    const double r = power > 0 ? products / power : 0;
    f->correlation = (float)(r > 1 ? 1 : r < -1 ? -1 : r);
    f->balance = both > 0 ? (float)((squares[1] - squares[0]) / both) : 0;
}

void hop_meter_run(hop_meter *m, const float *const signals[AG06_FEATURE_SIGNALS],
                   ag06_hop_features *f)
{
    const int stereo = m->channels == 2;
    const two_channels weighted = weigh(m, signals[0], signals[stereo]);

    for (uint32_t i = 0; i < (stereo ? AG06_FEATURE_SIGNALS : 1u); i++) {
        const float peak = true_peak(m, m->past[i], signals[i]);

        f->signals[i].true_peak_db = power_db(peak * peak);
    }
    find_loudness(m, (stereo ? weighted[0] + weighted[1] : weighted[0]) / m->hop, f);
    if (stereo)
        find_image(m, f);
}
