/*
 * Arithmetic on lanes. The logarithm and the power are polynomials, so that they vectorise and
 * give the same bits on every machine.
 *
 * What is linked has one value a slot instead of one a channel; of two frames it fits into lanes:
 *
 *   lane   0            1             2            3
 *          A, earlier   A, later      B, earlier   B, later
 *
 * A slot's coefficients stand in lanes 0 and 1 or 2 and 3 either way.
 */
#pragma once

#include "ag06_chain.h"

#if defined(__AVX__)
#include <immintrin.h>
#endif

typedef double lanes __attribute__((vector_size(32)));
typedef int64_t lane_bits __attribute__((vector_size(32)));
typedef uint64_t lane_words __attribute__((vector_size(32)));

#define CHUNK 64 /* frames that the chain is run over at a time, in the first-level cache */
#define PAIRS (CHUNK / 2)                /* of frames */
#define DB_PER_OCTAVE 6.0205999132796239 /* 20 log10 2 */
#define SILENCE 1e-10                    /* -200 dBFS: keeps a logarithm's argument positive */

#define LANES(x) ((lanes){(x), (x), (x), (x)})
#define LANE_BITS(x) ((lane_bits){(x), (x), (x), (x)})
#define LANE_WORDS(x) ((lane_words){(x), (x), (x), (x)})
#define INLINE static inline __attribute__((always_inline))

INLINE lanes lanes_select(lane_bits mask, lanes yes, lanes no)
{
    return (lanes)((mask & (lane_bits)yes) | (~mask & (lane_bits)no));
}

/* The larger; b where either is not a number. */
INLINE lanes lanes_max(lanes a, lanes b)
{
#if defined(__AVX__)
    return (lanes)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return lanes_select(a > b, a, b);
#endif
}

/* The smaller; b where either is not a number. */
INLINE lanes lanes_min(lanes a, lanes b)
{
#if defined(__AVX__)
    return (lanes)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return lanes_select(a < b, a, b);
#endif
}

/* Within -limit .. limit; NaN stays NaN. */
INLINE lanes lanes_clamp(lanes a, lanes limit)
{
    return lanes_max(-limit, lanes_min(limit, a));
}

INLINE lanes lanes_abs(lanes a)
{
    return (lanes)((lane_bits)a & LANE_BITS(INT64_MAX));
}

/* The larger magnitude of each slot's channels, of two frames. */
INLINE lanes lanes_linked(lanes earlier, lanes later)
{
    const lanes left = __builtin_shufflevector(earlier, later, 0, 4, 2, 6);
    const lanes right = __builtin_shufflevector(earlier, later, 1, 5, 3, 7);

    return lanes_max(lanes_abs(left), lanes_abs(right));
}

/* The earlier frame's linked values, for both channels. */
INLINE lanes lanes_earlier(lanes linked)
{
    return __builtin_shufflevector(linked, linked, 0, 0, 2, 2);
}

INLINE lanes lanes_later(lanes linked)
{
    return __builtin_shufflevector(linked, linked, 1, 1, 3, 3);
}

/* The other way round. */
INLINE lanes lanes_join(lanes earlier, lanes later)
{
    return __builtin_shufflevector(earlier, later, 0, 5, 2, 7);
}

/*
 * log2 of positive normal numbers, error below 2e-10. With m = mantissa in [1/sqrt 2, sqrt 2) and
 * t = (m - 1) / (m + 1):  log2 m = 2 / ln 2 (t + t^3/3 + t^5/5 + ...), here the best four terms.
 */
INLINE lanes lanes_log2(lanes x)
{
    const lane_words root = LANE_WORDS(0x3fe6a09e667f3bcd);   /* 1/sqrt 2 */
    const lane_words offset = LANE_WORDS(0x4000000000000000); /* 1024 as exponent */
    const lane_words mantissa = LANE_WORDS(0x000fffffffffffff);
    const lane_words bits = (lane_words)x - root + offset;
    const lanes m = (lanes)((bits & mantissa) + root);
    const lanes t = (m - 1.0) / (m + 1.0);
    const lanes t2 = t * t;
    const lanes series =
        t * (2.885390072752164 +
             t2 * (0.96180075921072927 + t2 * (0.57658454141661875 + t2 * 0.43425594089951619)));
    /* 2^52 + the exponent as bits, taken apart again as a number */
    const lanes whole = (lanes)(bits >> 52 | LANE_WORDS(0x4330000000000000)) - LANES(0x1p52 + 1024);

    return whole + series;
}

/*
 * 2^x for |x| < 1000, relative error below 2e-9: 2^whole by exponent bits, 2^rest by the best
 * polynomial of degree six that is exact at 0.
 */
INLINE lanes lanes_exp2(lanes x)
{
    const lanes shifted = x + LANES(0x1.8p52);
    const lanes f = x - (shifted - LANES(0x1.8p52));
    const lanes series =
        1.0 + f * (0.69314720285506759 +
                   f * (0.24022647913628983 +
                        f * (0.055503324711256977 +
                             f * (0.0096184373576525834 +
                                  f * (0.0013398874414186825 + f * 0.0001535336191476439)))));

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

/*
 * A gain that follows a goal, with one one-pole when it falls and another when it rises. The
 * smaller of the two steps is the one towards the goal that is due where the falling pole is the
 * smaller; where it is the larger, both gain and goal are turned over.
 */
typedef struct {
    lanes fall, rise;
    lane_bits turned; /* the sign bit, or nothing */
    lanes then, now;  /* gain, turned */
} follower;

INLINE follower lanes_follower(lanes fall, lanes rise, lanes gain)
{
    const lane_bits turned = (fall > rise) & LANE_BITS(INT64_MIN);
    const lanes now = (lanes)((lane_bits)gain ^ turned);
    const follower f = {fall, rise, turned, now, now};

    return f;
}

/* The gain at two frames, whose goals are linked in `goal`. */
INLINE lanes lanes_follow(follower *f, lanes goal)
{
    const lanes turned = (lanes)((lane_bits)goal ^ f->turned);
    const lanes fallen = turned - f->fall * turned, risen = turned - f->rise * turned;

    f->then = lanes_min(f->fall * f->now + lanes_earlier(fallen),
                        f->rise * f->now + lanes_earlier(risen));
    f->now =
        lanes_min(f->fall * f->then + lanes_later(fallen), f->rise * f->then + lanes_later(risen));
    return (lanes)((lane_bits)lanes_join(f->then, f->now) ^ f->turned);
}

/* The gain after `count` frames. */
INLINE lanes lanes_followed(const follower *f, uint32_t count)
{
    return (lanes)((lane_bits)(count % 2 ? f->then : f->now) ^ f->turned);
}

/* Whether any lane is not zero. */
INLINE int lanes_any(lanes a)
{
    const lane_bits set = a != 0.0;

    return (set[0] | set[1] | set[2] | set[3]) != 0;
}

/* The slots, a bit each, with a lane that is not a number or not below `limit`. */
INLINE uint32_t lanes_outside(lanes a, lanes limit)
{
    const lane_bits within = a < limit;

    return (within[0] & within[1] ? 0 : 1u) | (within[2] & within[3] ? 0 : 2u);
}

/* Both lanes of `slot`. */
INLINE void lanes_put(lanes *a, int slot, double value)
{
    (*a)[2 * slot] = value;
    (*a)[2 * slot + 1] = value;
}
