/* The last hops of one channel, side by side: what the parts that look for faults look at. */
#pragma once

#include <stdint.h>

#define PAST_HOPS 4

typedef struct {
    const float *frames; /* PAST_HOPS hops, the newest last; zeros before the beginning */
    uint32_t hop;        /* frames */
    uint64_t taken;      /* hops since the beginning, the newest included */
    double rate;         /* frames per second */
} past_hops;

/* A hop, 0 being the newest. */
static inline const float *past_hop(const past_hops *past, uint32_t age)
{
    return past->frames + (PAST_HOPS - 1 - age) * past->hop;
}
