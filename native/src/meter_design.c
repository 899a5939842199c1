/* The meter's filters, by rate. */
#include "meter.h"

#include <math.h>

#define WINDOW_BETA 5.0 /* Kaiser's: within 0.04 dB up to 0.417 of the rate, 20 kHz at 48 kHz */

static ag06_meter_section section(double b0, double b1, double b2, double a1, double a2)
{
    const ag06_meter_section s = {b0, b1 - a1 * b0, b2 - a2 * b0, a1, a2};

    return s;
}

/* Its numerator is not normalised in BS.1770-5: the gain that this makes at 48 kHz is kept. */
static ag06_meter_section weighting_highpass(double rate)
{
    const double hz = 38.13547087602444;
    const double q = 0.5003270373238773;
    const double k = tan(M_PI * hz / rate);
    const double k_48 = tan(M_PI * hz / 48000);
    const double a0 = 1 + k / q + k * k;
    const double b0 = (1 + k_48 / q + k_48 * k_48) / a0;

    return section(b0, -2 * b0, b0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0);
}

/*
 * BS.1770-5 gives both sections at 48 kHz and asks for the same response at any other rate. These
 * are the analogue prototypes of which its coefficients are the bilinear transform (B. De Man,
 * "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018).
 */
void k_weighting_design(uint32_t rate, ag06_meter_section *shelf, ag06_meter_section *highpass)
{
    const double hz = 1681.974450955533;
    const double q = 0.7071752369554196;
    const double gain = 1.5848647011308556;   /* 3.99984385397 dB */
    const double corner = 1.2587209302325617; /* gain at hz */
    const double k = tan(M_PI * hz / rate);
    const double a0 = 1 + k / q + k * k;

    *shelf = section((gain + corner * k / q + k * k) / a0, 2 * (k * k - gain) / a0,
                     (gain - corner * k / q + k * k) / a0, 2 * (k * k - 1) / a0,
                     (1 - k / q + k * k) / a0);
    *highpass = weighting_highpass(rate);
}

/* Modified Bessel function of the first kind, order zero. */
static double bessel_i0(double x)
{
    double sum = 1;
    double term = 1;

    for (int i = 1; i < 40; i++) {
        term *= x * x / (4.0 * i * i);
        sum += term;
    }
    return sum;
}

/* Weight of a sample for the value `distance` samples away from it, before normalisation. */
static double windowed_sinc(double distance)
{
    const double across = distance / AG06_TRUE_PEAK_PAIRS;
    const double window =
        across * across < 1 ? bessel_i0(WINDOW_BETA * sqrt(1 - across * across)) : 0;

    return distance == 0 ? window : window * sin(M_PI * distance) / (M_PI * distance);
}

static void interpolator(double fraction, double taps[METER_TAPS])
{
    double sum = 0;

    for (int i = 0; i < METER_TAPS; i++) {
        taps[i] = windowed_sinc(i - (AG06_TRUE_PEAK_PAIRS - 1) - fraction);
        sum += taps[i];
    }
    for (int i = 0; i < METER_TAPS; i++)
        taps[i] /= sum;
}

/*
 * The samples themselves are the first of the four phases. The taps at 3/4 are those at 1/4
 * mirrored; with s and d the sum and difference of a mirrored pair of samples, the values are
 * E + O and E - O, where E adds up even * s and O odd * d.
 */
void true_peak_design(float quarter_even[AG06_TRUE_PEAK_PAIRS],
                      float quarter_odd[AG06_TRUE_PEAK_PAIRS], float half[AG06_TRUE_PEAK_PAIRS])
{
    double quarter[METER_TAPS];
    double middle[METER_TAPS];

    interpolator(0.25, quarter);
    interpolator(0.5, middle);
    for (int i = 0; i < AG06_TRUE_PEAK_PAIRS; i++) {
        const double mirrored = quarter[METER_TAPS - 1 - i];

        quarter_even[i] = (float)((quarter[i] + mirrored) / 2);
        quarter_odd[i] = (float)((quarter[i] - mirrored) / 2);
        half[i] = (float)middle[i];
    }
}
