/* Second-order sections, transposed direct form II. */
#pragma once

#include "lanes.h"

typedef struct {
    lanes b0, b1, b2, a1, a2;
} lane_biquad;

typedef struct {
    lanes s1, s2;
} biquad_state;

INLINE void biquad_rest(biquad_state *state, int slot)
{
    lanes_put(&state->s1, slot, 0);
    lanes_put(&state->s2, slot, 0);
}

INLINE lanes biquad_step(const lane_biquad *f, biquad_state *state, lanes x)
{
    const lanes y = f->b0 * x + state->s1;

    state->s1 = (f->b1 * x + state->s2) - f->a1 * y;
    state->s2 = f->b2 * x - f->a2 * y;
    return y;
}

/* Whether the section does something in any lane; one that does not has b0 = 1 and zeros. */
INLINE int biquad_active(const lane_biquad *f)
{
    return lanes_any(f->b0 - 1.0) || lanes_any(f->b1) || lanes_any(f->b2) || lanes_any(f->a1) ||
           lanes_any(f->a2);
}
