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

/* Where a fade is that has come so far on its way, 0 to 1: 3 x^2 - 2 x^3, without the corners of a
 * straight line, whose splatter is heard far above a tone. At its steepest 3/2 of that line. */
static inline double faded(double along)
{
    return along <= 0 ? 0 : along >= 1 ? 1 : along * along * (3 - 2 * along);
}
