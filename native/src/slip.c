#include "slip.h"

#include <math.h>
#include <string.h>

#define CLEAR_DB 6.0F /* a click that counts */
#define REACH_S 10.0  /* how far back a grid is looked for */
#define FASTEST_S 0.008
#define SLOWEST_S 2.1
#define OFF_S 1.2e-3     /* how far from its place a slip may be */
#define OFF_SHARE 0.02   /* of the period, likewise */
#define SLIPS_LEAST 5    /* on a grid */
#define SHARE_LEAST 0.4  /* of its places: in a pause there is nothing to be heard */
#define AMONG_LEAST 0.6  /* of all clicks */
#define OVER_PERIODS 2.6 /* without a slip */

void slip_reset(slip *s)
{
    memset(s, 0, sizeof *s);
}

static uint64_t event(const slip *s, uint64_t index)
{
    return s->events[index % SLIP_EVENTS];
}

/* Try a grid through the newest event; better ones are kept. */
static void try_period(slip *s, double period, uint64_t oldest, double rate)
{
    const uint64_t newest = s->count - 1;
    const double off = fmin(OFF_S * rate, OFF_SHARE * period);
    uint64_t hits = 1, first = event(s, newest), last_place = 0;

    for (uint64_t i = newest; i-- > oldest;) {
        const double back = (double)(event(s, newest) - event(s, i));
        const double place = round(back / period);
        /* what a period is off by adds up */
        const int on_grid = fabs(back - place * period) <= off * (1 + 0.1 * place);

        if (on_grid && (uint64_t)place > last_place) {
            hits++;
            last_place = (uint64_t)place;
            first = event(s, i);
        }
    }
    const double share = (double)hits / (double)(last_place + 1);
    const double among = (double)hits / (double)(newest - oldest + 1);

    if (hits < SLIPS_LEAST || share < SHARE_LEAST || among < AMONG_LEAST)
        return;
    if ((float)share <= s->share)
        return;
    s->period = period;
    s->share = (float)share;
    s->first = first;
}

static void find_grid(slip *s, double rate)
{
    const uint64_t newest = s->count - 1;
    uint64_t oldest = s->count > SLIP_EVENTS ? s->count - SLIP_EVENTS : 0;

    while (oldest < newest && (double)(event(s, newest) - event(s, oldest)) > REACH_S * rate)
        oldest++;
    s->share = 0;
    s->period = 0;
    for (uint64_t back = 1; back <= SLIPS_LEAST && back <= newest - oldest; back++) {
        const uint64_t i = newest - back;
        const double span = (double)(event(s, newest) - event(s, i));

        for (uint64_t parts = 1; parts <= back; parts++) {
            const double period = span / (double)parts;

            if (period >= FASTEST_S * rate && period <= SLOWEST_S * rate)
                try_period(s, period, oldest, rate);
        }
    }
}

void slip_take(slip *s, const click *clicks, const past_hops *past, ag06_wave_faults *result)
{
    const uint64_t end = past->taken * past->hop;

    if (clicks->found.above_db >= CLEAR_DB && clicks->found.steady) {
        s->events[s->count++ % SLIP_EVENTS] = clicks->found.position;
        find_grid(s, past->rate);
    }
    if (s->period > 0 &&
        (double)(end - event(s, s->count - 1)) > OVER_PERIODS * s->period + past->hop) {
        s->period = 0;
        s->share = 0;
    }
    if (s->period <= 0)
        return;
    result->slips_per_s = (float)(past->rate / s->period);
    result->slips_percent = 100 * s->share;
    result->slips_began_frames = (float)(end - s->first);
}
