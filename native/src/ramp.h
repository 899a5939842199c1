/* A gain that moves to its target in a straight line, a step per frame. */
#pragma once

typedef struct {
    double value;
    double target;
    double step; /* per frame, > 0 */
} ramp;

static inline double ramp_next(ramp *r)
{
    if (r->value < r->target) {
        r->value += r->step;
        if (r->value > r->target)
            r->value = r->target;
    } else if (r->value > r->target) {
        r->value -= r->step;
        if (r->value < r->target)
            r->value = r->target;
    }
    return r->value;
}
