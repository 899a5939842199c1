/*
 * Dropouts: sound that stops from one sample to the next, and is nothing, one held value, or next
 * to nothing for a while.
 *
 * A natural pause is none: its sound dies away. So what counts is the edge. Before it there was
 * sound without a break, as loud up to the last millisecond as in the ten before; behind it there
 * is no change at all from sample to sample, or, where something is left, all of a millisecond is
 * far below what was before, and the sound comes back as suddenly as it went.
 */
#pragma once

#include "ag06_faults.h"
#include "past.h"

#define HOLE_PARTS_PER_HOP 40 /* quarters of a millisecond */
#define HOLE_HOPS 20

typedef struct {
    float level;   /* largest magnitude of the last millisecond before the edge; 0: no edge */
    uint64_t from; /* frames since the beginning */
} hole_edge;

typedef struct {
    float parts[PAST_HOPS * HOLE_PARTS_PER_HOP]; /* largest magnitude of each, the newest last */
    float hops[HOLE_HOPS];                       /* largest magnitude of the last hops */
    float last;                                  /* the newest sample */
    float most;          /* largest magnitude of the last second or so, decaying */
    hole_edge still;     /* an edge behind which nothing changes */
    uint64_t still_from; /* where the last change was */
    int judged;          /* whether `still` is of that */
    hole_edge faint;     /* an edge behind which little is left */
    float left;          /* how much */
} hole;

void hole_reset(hole *s);

void hole_take(hole *s, const past_hops *past, ag06_wave_faults *result);
