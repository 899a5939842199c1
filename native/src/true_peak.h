/*
 * Peaks between the samples, by two interpolators to four times the rate, half a step apart.
 *
 * Ours is sinc(k - 11 - p / 4), p = 1, 2, 3, under a Kaiser window (beta 6), summing to 1: the
 * value a quarter, a half and three quarters of the way between the two middle ones of 24 samples.
 * The other is that of ITU-R BS.1770-5, Annex 2, which every meter goes by: 12 samples make up the
 * values at one, three, five and seven eighths.
 *
 * The tables are folded about the middle: the half is even, and of two phases that are mirrored in
 * each other one is the sum, the other the difference of an even and an odd table, so that the
 * larger magnitude of the two is the sum of theirs.
 *
 * In single precision, two frames at a time: an estimate that is off by a millionth costs nothing.
 */
#pragma once

#include "lanes.h"

#include <string.h>

#define TAPS 24
#define REACH (TAPS / 2) /* frames on either side that make up a value */
#define READ_TAPS 12     /* of Annex 2 */
#define READ_REACH (READ_TAPS / 2)
#define GROWTH 2.30 /* no interpolated value exceeds this times the largest sample */

typedef float frame_floats __attribute__((vector_size(16)));
typedef float floats __attribute__((vector_size(32))); /* of two frames, the earlier first */
typedef uint32_t float_words __attribute__((vector_size(32)));

/* Samples of one frame after the other, four lanes each; room for the one after an odd last. */
typedef struct {
    float at[(TAPS - 1 + CHUNK + 1) * 4];
} frame_window;

static const float half_way[REACH] = {
    -0.000774516f, 0.002038650f, -0.004231224f, 0.007723427f, -0.012982932f, 0.020635043f,
    -0.031612194f, 0.047530738f, -0.071745514f, 0.112966349f, -0.203359512f, 0.633811685f,
};
static const float quarters_even[REACH] = {
    -0.000561418f, 0.001461811f, -0.003020224f, 0.005499608f, -0.009231902f, 0.014662322f,
    -0.022457848f, 0.033782286f, -0.051075725f, 0.080796481f, -0.148081942f, 0.598226551f,
};
static const float quarters_odd[REACH] = {
    -0.000160460f, 0.000296327f, -0.000491037f, 0.000758875f, -0.001120812f, 0.001614320f,
    -0.002317338f, 0.003413311f, -0.005402493f, 0.010013639f, -0.026742573f, 0.301242299f,
};

/* Annex 2: phases 0 and 3, and phases 1 and 2, by half their sum and half their difference. */
static const float eighths_even[READ_REACH] = {
    -0.0032958984375f, 0.012939453125f,    -0.02313232421875f,
    0.0404052734375f,  -0.08087158203125f, 0.55474853515625f,
};
static const float eighths_odd[READ_REACH] = {
    0.0050048828125f,  -0.001953125f,     0.00347900390625f,
    -0.0072021484375f, 0.02142333984375f, -0.41741943359375f,
};
static const float three_eighths_even[READ_REACH] = {
    -0.0240478515625f, 0.03118896484375f,  -0.05499267578125f,
    0.0953369140625f,  -0.18341064453125f, 0.6224365234375f,
};
static const float three_eighths_odd[READ_REACH] = {
    -0.005126953125f,  -0.00189208984375f, 0.00323486328125f,
    -0.0062255859375f, 0.01690673828125f,  -0.1573486328125f,
};

INLINE floats floats_at(const frame_window *window, uint32_t frame)
{
    floats two;

    memcpy(&two, &window->at[4 * frame], sizeof two);
    return two;
}

INLINE floats floats_abs(floats a)
{
    const uint32_t magnitude = INT32_MAX;

    return (floats)((float_words)a & magnitude);
}

/* The larger; b where either is not a number. */
INLINE floats floats_max(floats a, floats b)
{
#if defined(__AVX__)
    return (floats)_mm256_max_ps((__m256)a, (__m256)b);
#else
    const float_words larger = (float_words)(a > b);

    return (floats)((larger & (float_words)a) | (~larger & (float_words)b));
#endif
}

/* Put `count` frames behind the TAPS - 1 that are there, and silence behind them. */
INLINE void window_fill(frame_window *window, const lanes *frames, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const frame_floats frame = __builtin_convertvector(frames[n], frame_floats);

        memcpy(&window->at[4 * (TAPS - 1 + n)], &frame, sizeof frame);
    }
    memset(&window->at[4 * (TAPS - 1 + count)], 0, sizeof(frame_floats));
}

/* Sum and largest of the magnitudes in a window. The sum is not a number where any of them is not.
 */
typedef struct {
    lanes sum, most;
} window_extent;

INLINE lanes floats_folded(floats earlier_and_later, int by_sum)
{
    const floats a = earlier_and_later;
    const floats other = __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3);
    const floats both = by_sum ? a + other : floats_max(a, other);

    return __builtin_convertvector(__builtin_shufflevector(both, both, 0, 1, 2, 3), lanes);
}

INLINE window_extent window_measure(const frame_window *window, uint32_t count)
{
    floats sum = {0}, most = {0};

    for (uint32_t n = 0; n < TAPS - 1 + count; n += 2) {
        const floats magnitude = floats_abs(floats_at(window, n));

        sum += magnitude;
        most = floats_max(magnitude, most);
    }
    const window_extent extent = {floats_folded(sum, 1), floats_folded(most, 0)};

    return extent;
}

/* The larger magnitude of two phases that are mirrored in each other. */
INLINE floats mirrored(floats even, floats odd)
{
    return floats_abs(even) + floats_abs(odd);
}

/*
 * Linked true peak of the frames `frame` and `frame` + 1 of the window: the largest magnitude at,
 * and right after, the sample REACH - 1 frames on, which the TAPS frames from there make up.
 */
INLINE lanes window_peak(const frame_window *window, uint32_t frame)
{
    floats half = {0}, even = {0}, odd = {0};
    floats outer_even = {0}, outer_odd = {0}, inner_even = {0}, inner_odd = {0};

    for (uint32_t k = 0; k < REACH; k++) {
        const floats before = floats_at(window, frame + k);
        const floats after = floats_at(window, frame + TAPS - 1 - k);
        const floats sum = before + after, difference = before - after;

        half += half_way[k] * sum;
        even += quarters_even[k] * sum;
        odd += quarters_odd[k] * difference;
        if (k < REACH - READ_REACH)
            continue;
        const uint32_t i = k - (REACH - READ_REACH);
        outer_even += eighths_even[i] * sum;
        outer_odd += eighths_odd[i] * difference;
        inner_even += three_eighths_even[i] * sum;
        inner_odd += three_eighths_odd[i] * difference;
    }
    const floats sample = floats_abs(floats_at(window, frame + REACH - 1));
    const floats ours = floats_max(floats_max(sample, floats_abs(half)), mirrored(even, odd));
    const floats read =
        floats_max(mirrored(outer_even, outer_odd), mirrored(inner_even, inner_odd));
    const floats peak = floats_max(ours, read);
    const floats other = __builtin_shufflevector(peak, peak, 1, 0, 3, 2, 5, 4, 7, 6);
    const floats linked = floats_max(peak, other);

    return __builtin_convertvector(__builtin_shufflevector(linked, linked, 0, 4, 2, 6), lanes);
}
