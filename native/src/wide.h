/* Eight floats side by side: sums whose order no compiler may choose, and logarithms. */
#pragma once

#include <stdint.h>

#define WIDE 8

/* Compiled for AVX2 too, and chosen when the program is loaded; neither contracts, so the bits are
 * the same. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define WIDE_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define WIDE_CLONES
#endif

typedef float wide __attribute__((vector_size(4 * WIDE)));
typedef int32_t wide_int __attribute__((vector_size(4 * WIDE)));

static inline __attribute__((always_inline)) wide wide_load(const float *from)
{
    wide w;

    __builtin_memcpy(&w, from, sizeof w);
    return w;
}

static inline __attribute__((always_inline)) void wide_store(float *to, wide w)
{
    __builtin_memcpy(to, &w, sizeof w);
}

static inline __attribute__((always_inline)) float wide_sum(wide w)
{
    return ((w[0] + w[4]) + (w[2] + w[6])) + ((w[1] + w[5]) + (w[3] + w[7]));
}

static inline __attribute__((always_inline)) wide wide_sqrt(wide w)
{
    wide root;

    for (int i = 0; i < WIDE; i++)
        root[i] = __builtin_sqrtf(w[i]);
    return root;
}

/* The larger of each pair. */
static inline __attribute__((always_inline)) wide wide_max(wide a, wide b)
{
    return (wide)(((wide_int)a & (a > b)) | ((wide_int)b & ~(a > b)));
}

static inline __attribute__((always_inline)) wide wide_abs(wide w)
{
    return (wide)((wide_int)w & INT32_MAX);
}

static inline __attribute__((always_inline)) float wide_most(wide w)
{
    float most = w[0];

    for (int i = 1; i < WIDE; i++)
        most = w[i] > most ? w[i] : most;
    return most;
}

/* The largest magnitude. */
static inline __attribute__((always_inline)) float wide_peak(const float *values, uint32_t count)
{
    wide most = {0};
    float peak = 0;
    uint32_t i = 0;

    for (; i + WIDE <= count; i += WIDE)
        most = wide_max(wide_abs(wide_load(values + i)), most);
    for (; i < count; i++)
        peak = __builtin_fabsf(values[i]) > peak ? __builtin_fabsf(values[i]) : peak;
    return wide_most(most) > peak ? wide_most(most) : peak;
}

/* The sum of a[i] * b[i]; four sums run side by side, for one would wait for each of its steps. */
static inline __attribute__((always_inline)) float wide_dot(const float *a, const float *b,
                                                            uint32_t count)
{
    wide sums[4] = {{0}};
    float rest = 0;
    uint32_t i = 0;

    for (; i + 4 * WIDE <= count; i += 4 * WIDE)
        for (int k = 0; k < 4; k++)
            sums[k] += wide_load(a + i + k * WIDE) * wide_load(b + i + k * WIDE);
    for (; i + WIDE <= count; i += WIDE)
        sums[0] += wide_load(a + i) * wide_load(b + i);
    for (; i < count; i++)
        rest += a[i] * b[i];
    return wide_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

/* The sum of values, likewise. */
static inline __attribute__((always_inline)) float wide_total(const float *values, uint32_t count)
{
    wide sums[4] = {{0}};
    float rest = 0;
    uint32_t i = 0;

    for (; i + 4 * WIDE <= count; i += 4 * WIDE)
        for (int k = 0; k < 4; k++)
            sums[k] += wide_load(values + i + k * WIDE);
    for (; i + WIDE <= count; i += WIDE)
        sums[0] += wide_load(values + i);
    for (; i < count; i++)
        rest += values[i];
    return wide_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

/*
 * The natural logarithm of positive normal numbers, to an ulp or two: x = m 2^e with m about 1, and
 * the polynomial for log m of Moshier's Cephes library.
 */
static inline __attribute__((always_inline)) wide wide_log(wide x)
{
    const wide_int bits = (wide_int)x;
    /* as if divided by the root of 1/2, so that m is from there to the root of 2 */
    const wide_int over = bits - 0x3f3504f3;
    const wide e = __builtin_convertvector(over >> 23, wide);
    const wide m = (wide)((over & 0x007fffff) + 0x3f3504f3) - 1.0F;
    const wide square = m * m;
    wide y = m * 7.0376836292e-2F - 1.1514610310e-1F;

    y = y * m + 1.1676998740e-1F;
    y = y * m - 1.2420140846e-1F;
    y = y * m + 1.4249322787e-1F;
    y = y * m - 1.6668057665e-1F;
    y = y * m + 2.0000714765e-1F;
    y = y * m - 2.4999993993e-1F;
    y = y * m + 3.3333331174e-1F;
    y = y * m * square - e * 2.12194440e-4F - square * 0.5F;
    return m + y + e * 0.693359375F;
}
