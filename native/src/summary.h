/* Least, most and sums of eight series over some rows, and what joins them. */
#pragma once

#include "wide.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define FOUR 4
#define HALVES (WIDE / FOUR)

typedef float four __attribute__((vector_size(4 * FOUR)));
typedef int32_t four_int __attribute__((vector_size(4 * FOUR)));
typedef double four_double __attribute__((vector_size(8 * FOUR)));

/* Of WIDE series over some rows; sums are of what is above their origins. */
typedef struct {
    float least[WIDE], most[WIDE];
    double sum[WIDE], square[WIDE];
} summary;

/*
 * A summary in registers. In memory it has no vectors: AVX2 has them lie at multiples of 32 bytes,
 * and what is compiled without it does not know.
 */
typedef struct {
    wide least, most;
    four_double sum[HALVES], square[HALVES];
} eight;

INLINE eight of_nothing(void)
{
    return (eight){(wide){0} + INFINITY, (wide){0} - INFINITY, {{0}}, {{0}}};
}

INLINE eight load_eight(const summary *from)
{
    eight e = {wide_load(from->least), wide_load(from->most), {{0}}, {{0}}};

    memcpy(e.sum, from->sum, sizeof e.sum);
    memcpy(e.square, from->square, sizeof e.square);
    return e;
}

INLINE void store_eight(summary *to, const eight *e)
{
    wide_store(to->least, e->least);
    wide_store(to->most, e->most);
    memcpy(to->sum, e->sum, sizeof e->sum);
    memcpy(to->square, e->square, sizeof e->square);
}

INLINE void bound(eight *e, wide least, wide most)
{
    const wide_int lower = least < e->least; /* never for NaN */
    const wide_int higher = most > e->most;

    e->least = (wide)(((wide_int)least & lower) | ((wide_int)e->least & ~lower));
    e->most = (wide)(((wide_int)most & higher) | ((wide_int)e->most & ~higher));
}

INLINE void add_row(eight *e, const float *values, const float *origin)
{
    const wide bounds = wide_load(values);

    bound(e, bounds, bounds);
    for (int half = 0; half < HALVES; half++) {
        four value, from;

        memcpy(&value, values + half * FOUR, sizeof value);
        memcpy(&from, origin + half * FOUR, sizeof from);
        const four_int there = value == value;
        const four known = (four)(((four_int)value & there) | ((four_int)from & ~there));
        const four_double above = __builtin_convertvector(known, four_double) -
                                  __builtin_convertvector(from, four_double);

        e->sum[half] += above;
        e->square[half] += above * above;
    }
}

INLINE void add_block(eight *e, const summary *from)
{
    const eight block = load_eight(from);

    bound(e, block.least, block.most);
    for (int half = 0; half < HALVES; half++) {
        e->sum[half] += block.sum[half];
        e->square[half] += block.square[half];
    }
}
