/*
 * Logarithm and power in plain arithmetic: within a few ulp, and the same bits on every machine,
 * which the C library's are not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ln of a positive normal number: m 2^e with m about 1, and ln m = 2 artanh((m - 1) / (m + 1)). */
static inline double steady_log(double x)
{
    const uint64_t root = 0x3fe6a09e667f3bcd; /* of 1/2 */
    uint64_t bits;
    int64_t exponent;
    double m;

    memcpy(&bits, &x, sizeof bits);
    exponent = (int64_t)(bits - root) >> 52;
    bits -= (uint64_t)exponent << 52;
    memcpy(&m, &bits, sizeof m);

    const double t = (m - 1) / (m + 1), square = t * t;
    double series = 0;

    for (int power = 21; power > 0; power -= 2)
        series = series * square + 1.0 / power;
    return (double)exponent * 0.6931471805599453 + 2 * t * series;
}

/* 2^x for |x| < 1000: 2^whole by exponent bits, and the series of e^z with |z| < 0.35. */
static inline double steady_exp2(double x)
{
    /* 1/n!, from n = 13 to 0 */
    static const double factors[] = {1.0 / 6227020800,
                                     1.0 / 479001600,
                                     1.0 / 39916800,
                                     1.0 / 3628800,
                                     1.0 / 362880,
                                     1.0 / 40320,
                                     1.0 / 5040,
                                     1.0 / 720,
                                     1.0 / 120,
                                     1.0 / 24,
                                     1.0 / 6,
                                     0.5,
                                     1,
                                     1};
    const double shifted = x + 0x1.8p52, whole = shifted - 0x1.8p52;
    const double z = (x - whole) * 0.6931471805599453;
    const uint64_t bits = (uint64_t)(1023 + (int64_t)whole) << 52;
    double series = 0, scale;

    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        series = series * z + factors[i];
    memcpy(&scale, &bits, sizeof scale);
    return series * scale;
}
