#include "pitch.h"

#include "wide.h"

#include <math.h>

#define HIGHEST_HZ 1000
#define THRESHOLD 0.15 /* of the normalised difference: the first dip below it is taken */
#define SILENT 1e-9    /* sum of squares */
#define HNR_LEAST_DB (-20)
#define HNR_MOST_DB 40
#define LAGS_MAX (PITCH_WINDOW_MAX / 2)

#define LAGS_AT_ONCE 8

/* Several lags at once: each load of the fixed part serves them all. */
WIDE_CLONES static void correlate(const float *values, uint32_t width, uint32_t lags,
                                  float *products)
{
    for (uint32_t lag = 0; lag <= lags; lag += LAGS_AT_ONCE) {
        wide sums[LAGS_AT_ONCE] = {{0}};
        uint32_t i = 0;

        for (; i + WIDE <= width; i += WIDE) {
            const wide fixed = wide_load(values + i);

            for (uint32_t k = 0; k < LAGS_AT_ONCE; k++)
                sums[k] += fixed * wide_load(values + i + lag + k);
        }
        for (uint32_t k = 0; k < LAGS_AT_ONCE; k++) {
            products[lag + k] = wide_sum(sums[k]);
            for (uint32_t j = i; j < width; j++)
                products[lag + k] += values[j] * values[j + lag + k];
        }
    }
}

/* Where the parabola through three neighbours has its extreme, -1/2 to 1/2 from the middle. */
static double extreme(double left, double middle, double right)
{
    const double bend = left - 2 * middle + right;
    const double at = bend != 0 ? 0.5 * (left - right) / bend : 0;

    return at < -0.5 ? -0.5 : at > 0.5 ? 0.5 : at;
}

void pitch_find(const float *values, uint32_t window, double rate, ag06_signal_features *f)
{
    const uint32_t lags =
        window / 2 - LAGS_AT_ONCE; /* what correlate() looks at beyond stays inside */
    const uint32_t width = window / 2;
    const uint32_t shortest = (uint32_t)(rate / HIGHEST_HZ);
    float products[LAGS_MAX + LAGS_AT_ONCE];
    double difference[LAGS_MAX + 1], relative[LAGS_MAX + 1], energy[LAGS_MAX + 1];
    double sum = 0;
    uint32_t best = shortest;

    f->f0 = 0;
    f->voicing = 0;
    f->hnr_db = HNR_LEAST_DB;
    correlate(values, width, lags, products);
    energy[0] = (double)products[0];
    if (energy[0] < SILENT)
        return;
    relative[0] = 1;
    difference[0] = 0;
    for (uint32_t lag = 1; lag <= lags; lag++) {
        const double gone = (double)values[lag - 1], come = (double)values[lag + width - 1];

        energy[lag] = energy[lag - 1] + (come * come - gone * gone);
        difference[lag] = energy[0] + energy[lag] - 2 * (double)products[lag];
        if (difference[lag] < 0)
            difference[lag] = 0;
        sum += difference[lag];
        relative[lag] = sum > 0 ? difference[lag] * lag / sum : 1;
    }
    for (uint32_t lag = shortest; lag < lags; lag++) {
        if (relative[lag] < relative[best])
            best = lag;
        if (relative[best] < THRESHOLD && relative[lag] > relative[best])
            break;
    }
    if (best <= 1 || best >= lags)
        return;
    /* The cumulative mean leans on what is left of the dip, so the difference itself is asked. */
    const double away = extreme(difference[best - 1], difference[best], difference[best + 1]);
    const double bottom =
        difference[best] - 0.25 * (difference[best - 1] - difference[best + 1]) * away;
    const double deep = bottom > 0 ? bottom : 0;
    const double aperiodic = difference[best] > 0 ? relative[best] * (deep / difference[best]) : 0;
    const double both = energy[0] + energy[best];
    const double periodic = both > 0 ? 1 - deep / both : 0;
    const double hnr = periodic >= 1   ? HNR_MOST_DB
                       : periodic <= 0 ? HNR_LEAST_DB
                                       : 10 * log10(periodic / (1 - periodic));

    f->f0 = (float)(rate / (best + away));
    f->voicing = (float)(aperiodic < 1 ? 1 - aperiodic : 0);
    f->hnr_db = (float)(hnr < HNR_LEAST_DB ? HNR_LEAST_DB : hnr > HNR_MOST_DB ? HNR_MOST_DB : hnr);
}
