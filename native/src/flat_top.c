#include "flat_top.h"

#include "wide.h"

#include <math.h>
#include <string.h>

#define QUIETEST 0.02F      /* a lower ceiling is none */
#define FOOT 0.5F           /* of the ceiling: where a top begins and ends */
#define REACHES 0.985F      /* of the ceiling: a top with corners */
#define MIDDLE 0.8F         /* of the ceiling: the middle of another one */
#define LEVEL 0.08F         /* of the middle: what is as high */
#define FLAT 0.72F          /* of its width; 0.3 of a sine, 0.7 of one clipped by 3 dB */
#define WIDTH_LEAST 8U      /* frames, or it cannot be judged but by its corners */
#define EXACT_LEAST 3U      /* frames at one value */
#define SAME 1e-4F          /* of the peak, and */
#define STEP_16_BIT 4.6e-5F /* one and a half: what counts as one value */
/* How far below one finds itself two frames beyond a run at one value, in such steps. A parabola
 * that stays within one over 3 frames falls 8; over more, less. */
#define CORNER 12.0F
#define PAIRS_LEAST 3U        /* tops with two frames at the ceiling */
#define RIPPLED_QUIETEST 0.1F /* a lower ceiling proves nothing */
#define PROOF_LEAST 5U        /* rippled tops, and their share */
#define PROOF_SHARE 0.75F

void flat_top_reset(flat_top *flat)
{
    memset(flat, 0, sizeof *flat);
}

/* Frames from `from` to `end` of a wave, turned so that its top is up. */
typedef struct {
    const float *frames;
    float sign;
    uint32_t from, end;
    uint32_t limit; /* frames there are */
} top;

static float at(const top *t, uint32_t i)
{
    return t->sign * t->frames[i];
}

static float height(const top *t)
{
    float most = at(t, t->from);

    for (uint32_t i = t->from; i < t->end; i++)
        most = at(t, i) > most ? at(t, i) : most;
    return most;
}

/* Frames in a row at the peak, left with a corner on either side; 0 where there is none. */
static uint32_t exact_run(const top *t, float peak, uint32_t *begin)
{
    const float step = peak * SAME > STEP_16_BIT ? peak * SAME : STEP_16_BIT;
    uint32_t best = 0;

    for (uint32_t i = t->from; i < t->end;) {
        uint32_t length = 0;

        while (i + length < t->end && at(t, i + length) >= peak - step)
            length++;
        if (length >= 2 && length > best && i >= 2 && i + length + 1 < t->limit &&
            peak - at(t, i - 2) > CORNER * step && peak - at(t, i + length + 1) > CORNER * step) {
            best = length;
            *begin = i;
        }
        i += length ? length : 1;
    }
    return best;
}

/* Frames that are about as high as the middle of a top. */
static uint32_t level_frames(const top *t, float middle, uint32_t *begin)
{
    uint32_t count = 0;

    for (uint32_t i = t->from; i < t->end; i++)
        if (fabsf(at(t, i) - middle) <= LEVEL * middle && !count++)
            *begin = i;
    return count;
}

static float middle_of(const top *t)
{
    const uint32_t quarter = (t->end - t->from) / 4;
    float sum = 0;

    for (uint32_t i = t->from + quarter; i < t->end - quarter; i++)
        sum += at(t, i);
    return sum / (float)(t->end - t->from - 2 * quarter);
}

static void judge_corners(const top *t, float ceiling, uint64_t position, flat_hop *hop)
{
    const float peak = height(t);
    uint32_t begin = 0;

    if (peak < REACHES * ceiling)
        return;
    const uint32_t frames = exact_run(t, peak, &begin);

    if (frames >= EXACT_LEAST) {
        if (!hop->exact)
            hop->exact_at = position + begin;
        hop->exact += frames;
    } else if (frames == 2 && t->end - t->from > 2 && peak >= ceiling * (1 - SAME) - STEP_16_BIT) {
        if (!hop->pairs++)
            hop->pairs_at = position + begin;
    }
}

static void judge_level(const top *t, float ceiling, uint64_t position, flat_hop *hop)
{
    const float middle = middle_of(t);
    uint32_t begin = 0;

    if (ceiling < RIPPLED_QUIETEST || t->end - t->from < WIDTH_LEAST || middle < MIDDLE * ceiling)
        return;
    hop->tops++;
    const uint32_t frames = level_frames(t, middle, &begin);

    if ((float)frames < FLAT * (float)(t->end - t->from))
        return;
    if (!hop->flat++)
        hop->rippled_at = position + begin;
    hop->rippled += frames;
}

/* The tops of one side that end in the newest hop, or have lasted for a hop. */
static void look(flat_top *flat, uint32_t side, const past_hops *past)
{
    const uint32_t now = (uint32_t)(past->taken % FLAT_CEILING_HOPS), hop = past->hop;
    flat_hop *told = &flat->hops[side][past->taken % FLAT_PROOF_HOPS];
    const uint64_t position = (past->taken - 2) * hop; /* wraps in the first hop, and back */
    top t = {past_hop(past, 1), side ? -1.0F : 1.0F, 0, 0, 2 * hop};
    float most = 0, ceiling = 0;

    memset(told, 0, sizeof *told);
    for (uint32_t i = hop; i < 2 * hop; i++)
        most = at(&t, i) > most ? at(&t, i) : most;
    flat->most[side][now] = most;
    for (uint32_t i = 0; i < FLAT_CEILING_HOPS; i++)
        ceiling = flat->most[side][i] > ceiling ? flat->most[side][i] : ceiling;
    if (ceiling < QUIETEST || most < FOOT * ceiling)
        return;
    for (uint32_t i = 0; i < 2 * hop; i++) {
        if (at(&t, i) < FOOT * ceiling)
            continue;
        t.from = i;
        while (i < 2 * hop && at(&t, i) >= FOOT * ceiling)
            i++;
        t.end = i;
        if (t.end > hop && (t.end < 2 * hop || t.end - t.from > hop)) {
            judge_corners(&t, ceiling, position, told);
            judge_level(&t, ceiling, position, told);
        }
    }
}

static void earliest(uint64_t *first, uint32_t there, uint64_t position)
{
    if (there && position < *first)
        *first = position;
}

/* Frames on flat tops of one side lately; `*first` is where the first of them is. */
static uint32_t recent(const flat_top *flat, uint32_t side, uint64_t taken, uint64_t *first)
{
    uint32_t tops = 0, flats = 0, pairs = 0, frames = 0;

    for (uint32_t i = 0; i < FLAT_PROOF_HOPS; i++) {
        tops += flat->hops[side][i].tops;
        flats += flat->hops[side][i].flat;
    }
    for (uint32_t age = 0; age < FLAT_CEILING_HOPS && age < taken; age++) {
        const flat_hop *hop = &flat->hops[side][(taken - age) % FLAT_PROOF_HOPS];

        pairs += hop->pairs + hop->exact / EXACT_LEAST;
    }
    const int proved = flats >= PROOF_LEAST && (float)flats >= PROOF_SHARE * (float)tops;

    for (uint32_t age = 0; age < FLAT_RECENT_HOPS && age < taken; age++) {
        const flat_hop *hop = &flat->hops[side][(taken - age) % FLAT_PROOF_HOPS];
        const uint32_t rippled = proved ? hop->rippled : 0;
        const uint32_t twos = pairs >= PAIRS_LEAST ? hop->pairs : 0;
        const uint32_t cornered = hop->exact + 2 * twos;

        frames += rippled > cornered ? rippled : cornered;
        earliest(first, hop->exact, hop->exact_at);
        earliest(first, twos, hop->pairs_at);
        earliest(first, rippled, hop->rippled_at);
    }
    return frames;
}

void flat_top_take(flat_top *flat, const past_hops *past, ag06_wave_faults *result)
{
    const uint64_t end = past->taken * past->hop;
    uint64_t first = end;
    uint32_t frames = 0;
    float ceiling = 0;

    for (uint32_t side = 0; side < 2; side++)
        look(flat, side, past);
    for (uint32_t side = 0; side < 2; side++)
        frames += recent(flat, side, past->taken, &first);
    if (!frames)
        return;
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t i = 0; i < FLAT_CEILING_HOPS; i++)
            ceiling = flat->most[side][i] > ceiling ? flat->most[side][i] : ceiling;
    result->clip_ms = (float)(1000 * frames / past->rate);
    result->clip_began_frames = (float)(end - first);
    result->clip_level_db = 20 * log10f(ceiling);
}
