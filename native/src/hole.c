#include "hole.h"

#include <math.h>
#include <string.h>

#define PARTS (PAST_HOPS * HOLE_PARTS_PER_HOP)
#define MILLISECOND (HOLE_PARTS_PER_HOP / 10) /* parts */
#define BEFORE (10 * MILLISECOND)             /* parts in which there is to be sound */
#define QUIETEST 1e-3F                        /* the edge of anything fainter is none */
#define SUSTAINED 5.0F  /* the loudest of BEFORE over the last millisecond: it did not die away */
#define UNBROKEN 20.0F  /* over the faintest millisecond of BEFORE: it was there throughout */
#define FAINT 0.03F     /* what is left in the first millisecond of a faint hole */
#define LEFT_MOST 0.15F /* what is left in it later */
#define BACK 0.1F       /* what is there again behind it, and */
#define RISE 6.0F       /* over what was left */
#define CEILING 0.97F   /* of the largest: held there, it is clipped */
#define FULL_SCALE 0.999F
#define SAME 2e-4F
#define CLIPPED_LONGEST_S 4e-3 /* a first flat top may last as long */
#define NO_TAIL 0.003F         /* of the largest */
#define STILL_LEAST_S 5e-4
#define LONGEST_S 2.0 /* after that it is a channel that is dead */
#define FAINT_LEAST_S 1.9e-3
#define FAINT_LONGEST_S 0.2

void hole_reset(hole *s)
{
    memset(s, 0, sizeof *s);
}

static float most_of(const float *parts, uint32_t count)
{
    float most = 0;

    for (uint32_t i = 0; i < count; i++)
        most = parts[i] > most ? parts[i] : most;
    return most;
}

/* The level of the sound that ends before the part `end`; 0 if it was none, or had died away. */
static float sounding(const float *parts, uint32_t end)
{
    if (end < BEFORE)
        return 0;
    const float level = most_of(parts + end - MILLISECOND, MILLISECOND);
    const float loudest = most_of(parts + end - BEFORE, BEFORE);

    if (level < QUIETEST || loudest > SUSTAINED * level)
        return 0;
    for (uint32_t i = end - BEFORE; i + MILLISECOND <= end; i++)
        if (most_of(parts + i, MILLISECOND) * UNBROKEN < loudest)
            return 0;
    return level;
}

/* As much, of a sound behind which nothing changes any more: none dies away to that so early. */
static float stopped(const hole *s, uint32_t end)
{
    const float level = end < MILLISECOND ? 0 : most_of(s->parts + end - MILLISECOND, MILLISECOND);

    return level >= QUIETEST && level >= NO_TAIL * s->most ? level : 0;
}

/* Whether the value that is held is one that the sound is cut off at: 1, 0, or -1 if it is too
 * early to say. */
static int clipped(const hole *s, const past_hops *past)
{
    const float value = fabsf(s->last);
    const uint64_t run = past->taken * past->hop - s->still_from;

    if (value > FULL_SCALE)
        return 1;
    if (value < CEILING * s->most)
        return 0;
    uint64_t age = 1; /* of the newest hop that has none of it */

    while (age * past->hop < run + past->hop)
        age++;
    for (; age < HOLE_HOPS; age++)
        if (fabsf(s->hops[(past->taken - age) % HOLE_HOPS] - value) < SAME * value)
            return 1;
    return (double)run < CLIPPED_LONGEST_S * past->rate ? -1 : 0;
}

static uint32_t begin_of(uint32_t part, uint32_t hop)
{
    return part * hop / HOLE_PARTS_PER_HOP;
}

static uint32_t part_of(uint32_t frame, uint32_t hop)
{
    uint32_t part = 0;

    while (part + 1 < PARTS && begin_of(part + 1, hop) <= frame)
        part++;
    return part;
}

/* Runs without any change; what is told is the longest of the hop. */
static void find_still(hole *s, const past_hops *past, ag06_wave_faults *result)
{
    const float *now = past_hop(past, 0);
    const uint64_t begin = (past->taken - 1) * past->hop, end = begin + past->hop;
    const uint64_t least = (uint64_t)ceil(STILL_LEAST_S * past->rate);
    const uint64_t longest = (uint64_t)(LONGEST_S * past->rate);
    uint64_t best = 0;

    for (uint32_t i = 0; i <= past->hop; i++) {
        const uint64_t position = begin + i;

        if (i < past->hop && now[i] == s->last)
            continue;
        /* the run from still_from to position ends here, or goes on behind the hop */
        const uint64_t run = position - s->still_from;

        if (run >= least && !s->judged) {
            const uint64_t back = end - s->still_from; /* frames before the end of the parts */
            const uint64_t known = (uint64_t)PAST_HOPS * past->hop;

            const int cut_off = clipped(s, past);

            s->judged = cut_off >= 0;
            s->still.from = s->still_from;
            s->still.level = 0;
            if (back <= known && cut_off == 0)
                s->still.level = stopped(s, part_of((uint32_t)(known - back), past->hop));
        }
        if (s->judged && s->still.level > 0 && run > best && run <= longest) {
            best = run;
            result->dropout_ms = (float)(1000 * (double)run / past->rate);
            result->dropout_began_frames = (float)(end - s->still_from);
            result->dropout_level_db = 20 * log10f(s->still.level);
        }
        if (i < past->hop) {
            s->last = now[i];
            s->still_from = position;
            s->judged = 0;
        }
    }
}

/* A faint hole, at a part behind its edge: whether it goes on. */
static int goes_on(hole *s, const past_hops *past, uint32_t k, uint64_t from,
                   ag06_wave_faults *result)
{
    const float here = s->parts[k], next = s->parts[k + 1], level = s->faint.level;
    const uint64_t length = from - s->faint.from;

    if ((here > BACK * level || next > BACK * level) && fmaxf(here, next) > RISE * s->left) {
        if (result->dropout_ms == 0 && (double)length >= FAINT_LEAST_S * past->rate) {
            result->dropout_ms = (float)(1000 * (double)length / past->rate);
            result->dropout_began_frames = (float)(past->taken * past->hop - s->faint.from);
            result->dropout_level_db = 20 * log10f(level);
        }
        return 0;
    }
    s->left = here > s->left ? here : s->left;
    /* or it comes back by and by: that is no dropout */
    return s->left <= LEFT_MOST * level && (double)length <= FAINT_LONGEST_S * past->rate;
}

/* Holes with something left in them, told when the sound is back. */
static void find_faint(hole *s, const past_hops *past, ag06_wave_faults *result)
{
    const uint32_t hop = past->hop;
    const uint64_t begin = (past->taken - PAST_HOPS) * hop; /* of the parts; wraps, and back */

    for (uint32_t k = PARTS - HOLE_PARTS_PER_HOP - MILLISECOND; k < PARTS - MILLISECOND; k++) {
        if (s->faint.level > 0) {
            uint32_t edge = begin_of(k, hop);

            while (edge < begin_of(k + 2, hop) &&
                   fabsf(past->frames[edge]) <= BACK * s->faint.level)
                edge++;
            if (!goes_on(s, past, k, begin + edge, result))
                s->faint.level = 0;
            continue;
        }
        const float left = most_of(s->parts + k, MILLISECOND);

        if (left > FAINT * most_of(s->parts + k - 1 - MILLISECOND, MILLISECOND))
            continue; /* a quick look first */
        if (sounding(s->parts, k - 1) * FAINT >= left) {
            s->faint.level = sounding(s->parts, k - 1);
            uint32_t edge = begin_of(k, hop);

            while (edge > 0 && fabsf(past->frames[edge - 1]) <= FAINT * s->faint.level)
                edge--;
            s->faint.from = begin + edge;
            s->left = left;
        }
    }
}

void hole_take(hole *s, const past_hops *past, ag06_wave_faults *result)
{
    const float *now = past_hop(past, 0);
    float *parts = s->parts + PARTS - HOLE_PARTS_PER_HOP;

    memmove(s->parts, s->parts + HOLE_PARTS_PER_HOP,
            (PARTS - HOLE_PARTS_PER_HOP) * sizeof *s->parts);
    for (uint32_t k = 0; k < HOLE_PARTS_PER_HOP; k++) {
        float most = 0;

        for (uint32_t i = begin_of(k, past->hop); i < begin_of(k + 1, past->hop); i++)
            most = fabsf(now[i]) > most ? fabsf(now[i]) : most;
        parts[k] = most;
    }
    s->most *= 0.99F; /* down to a third in a second */
    s->most = fmaxf(s->most, most_of(parts, HOLE_PARTS_PER_HOP));
    s->hops[past->taken % HOLE_HOPS] = most_of(parts, HOLE_PARTS_PER_HOP);
    find_still(s, past, result);
    find_faint(s, past, result);
}
