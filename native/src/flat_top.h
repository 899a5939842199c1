/*
 * Clipping: waves whose tops are flat, at full scale or below it.
 *
 * A top that reaches the highest value of the last tenth of a second is looked at. It is flat when
 * its samples stay at one value and leave it with a corner, as no smooth wave does; two in a row
 * are enough where several tops end at that very value. Or, after a filter, a resampler or a lossy
 * codec has rippled it, or an amplifier has rounded it, when most of its width is about as high as
 * its middle, and so are most tops of the last quarter of a second. Above and below zero are looked
 * at apart, for an amplifier may clip on one side alone.
 */
#pragma once

#include "ag06_faults.h"
#include "past.h"

#define FLAT_CEILING_HOPS 10 /* the highest value of the last 100 ms is the ceiling */
#define FLAT_PROOF_HOPS 25   /* in which most tops are flat, or the rippled are none */
#define FLAT_RECENT_HOPS 5   /* whose flat tops are told together */

typedef struct {
    uint32_t tops;     /* that reached the ceiling and were wide enough to judge */
    uint32_t flat;     /* of these, those that are flat but for a ripple */
    uint32_t pairs;    /* tops with two samples at the ceiling, and corners */
    uint32_t exact;    /* frames on tops with corners */
    uint32_t rippled;  /* frames on the other flat ones */
    uint64_t exact_at; /* frames since the beginning, of the first of them */
    uint64_t pairs_at;
    uint64_t rippled_at;
} flat_hop;

typedef struct {
    float most[2][FLAT_CEILING_HOPS]; /* above zero, and below it turned up, of each hop */
    flat_hop hops[2][FLAT_PROOF_HOPS];
} flat_top;

void flat_top_reset(flat_top *flat);

void flat_top_take(flat_top *flat, const past_hops *past, ag06_wave_faults *result);
