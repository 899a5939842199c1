/*
 * Clocks that do not match: clicks at a steady rate.
 *
 * A device and a computer whose clocks run apart lose or repeat a frame, or a packet, as often as
 * the difference has become one: some times a second, and as regularly as clocks are. Each slip
 * alone may be next to nothing, so fainter clicks count here than count alone, but they must be of
 * one grid.
 */
#pragma once

#include "ag06_faults.h"
#include "click.h"
#include "past.h"

#define SLIP_EVENTS 64

typedef struct {
    uint64_t events[SLIP_EVENTS]; /* positions in frames */
    uint64_t count;
    double period;  /* frames between slips; 0: there are none */
    float share;    /* of the grid's places that had one */
    uint64_t first; /* of those on the grid */
} slip;

void slip_reset(slip *s);

/* After click_take(). */
void slip_take(slip *s, const click *clicks, const past_hops *past, ag06_wave_faults *result);
