/*
 * Arithmetic on lanes. The logarithm and the power are polynomials, so that they vectorise and
 * give the same bits on every machine.
 */
#pragma once

#include "ag06_chain.h"

typedef double lanes __attribute__((vector_size(32)));
typedef int64_t lane_bits __attribute__((vector_size(32)));
typedef uint64_t lane_words __attribute__((vector_size(32)));

#define CHUNK 64 /* frames that the chain is run over at a time, in the first-level cache */
#define DB_PER_OCTAVE 6.0205999132796239 /* 20 log10 2 */
#define SILENCE 1e-10                    /* -200 dBFS: keeps a logarithm's argument positive */

#define LANES(x) ((lanes){(x), (x), (x), (x)})
#define LANE_BITS(x) ((lane_bits){(x), (x), (x), (x)})
#define INLINE static inline __attribute__((always_inline))

INLINE lanes lanes_select(lane_bits mask, lanes yes, lanes no)
{
    return (lanes)((mask & (lane_bits)yes) | (~mask & (lane_bits)no));
}

INLINE lanes lanes_max(lanes a, lanes b)
{
    return lanes_select(a > b, a, b);
}

INLINE lanes lanes_min(lanes a, lanes b)
{
    return lanes_select(a < b, a, b);
}

/* Within -limit .. limit; NaN stays NaN, where minimum and maximum would hide it. */
INLINE lanes lanes_clamp(lanes a, lanes limit)
{
    return lanes_select(a > limit, limit, lanes_select(a < -limit, -limit, a));
}

INLINE lanes lanes_abs(lanes a)
{
    return (lanes)((lane_bits)a & LANE_BITS(INT64_MAX));
}

/* The larger magnitude of a slot's two channels, in both its lanes. */
INLINE lanes lanes_linked_peak(lanes a)
{
    const lanes magnitude = lanes_abs(a);

    return lanes_max(magnitude, __builtin_shufflevector(magnitude, magnitude, 1, 0, 3, 2));
}

/*
 * log2 of positive normal numbers, error below 1e-8. With m = mantissa in [1/sqrt 2, sqrt 2) and
 * t = (m - 1) / (m + 1):  ln m = 2 (t + t^3/3 + t^5/5 + ...).
 */
INLINE lanes lanes_log2(lanes x)
{
    const lane_bits bits = (lane_bits)((lane_words)x - 0x3fe6a09e667f3bcdu); /* 1/sqrt 2 */
    const lane_bits exponent = bits >> 52;
    const lanes m = (lanes)((lane_words)x - ((lane_words)exponent << 52));
    const lanes t = (m - 1.0) / (m + 1.0);
    const lanes t2 = t * t;
    const lanes series =
        t * (2.8853900817779268 +
             t2 * (0.96179669392597560 +
                   t2 * (0.57707801635558535 + t2 * (0.41219858311113239 + t2 * 0.32059889797532520))));
    /* 2^52 + 2^51 + exponent as bits, taken apart again as a number */
    const lanes whole = (lanes)((lane_words)exponent + 0x4338000000000000u) - LANES(0x1.8p52);

    return whole + series;
}

/* 2^x for |x| < 1000, relative error below 1e-8: 2^whole by exponent bits, 2^rest by Taylor. */
INLINE lanes lanes_exp2(lanes x)
{
    const lanes shifted = x + LANES(0x1.8p52);
    const lanes f = x - (shifted - LANES(0x1.8p52));
    const lanes series =
        1.0 +
        f * (0.69314718055994531 +
             f * (0.24022650695910072 +
                  f * (0.055504108664821580 +
                       f * (0.0096181291076284772 +
                            f * (0.0013333558146428443 +
                                 f * (0.00015403530393381608 + f * 1.5252733804059840e-05))))));

    return (lanes)((lane_words)series + ((lane_words)shifted << 52));
}

/* A level in dB of a magnitude. */
INLINE lanes lanes_db(lanes magnitude)
{
    return lanes_log2(lanes_max(magnitude, LANES(SILENCE))) * DB_PER_OCTAVE;
}

/* A gain in dB as a factor. */
INLINE lanes lanes_gain(lanes db)
{
    return lanes_exp2(db * (1.0 / DB_PER_OCTAVE));
}

/* One step of a gain in dB towards `goal`: with one-pole `down` when it falls, `up` when it rises. */
INLINE lanes lanes_follow(lanes gain_db, lanes goal, lanes down, lanes up)
{
    const lanes distance = gain_db - goal;

    return goal + lanes_select(distance > 0.0, down, up) * distance;
}

/* Whether any lane is not zero. */
INLINE int lanes_any(lanes a)
{
    const lane_bits set = a != 0.0;

    return (set[0] | set[1] | set[2] | set[3]) != 0;
}

/* Both lanes of `slot`. */
INLINE void lanes_put(lanes *a, int slot, double value)
{
    (*a)[2 * slot] = value;
    (*a)[2 * slot + 1] = value;
}
