/* Growing: every tree from a stream of random numbers of its own. */
#include "forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOT_DRAWN UINT32_MAX

/* Rows of the sample that came to a node: a part of `rows`. */
typedef struct {
    uint16_t first, count;
    uint8_t depth;
} place;

/* What a tree needs while it grows. */
typedef struct {
    const float *table; /* of rows, of which those with the numbers in `usable` may be drawn */
    uint32_t *usable;
    uint32_t usables;
    uint64_t random;
    uint32_t *rows;    /* of the sample, by their numbers in the table */
    uint32_t *second;  /* of these, on their way to a second child */
    float *values;     /* of a column at a node */
    uint16_t *columns; /* all, in an order that changes */
    place *places;     /* by node */
    uint32_t *drawn;   /* a hash table of what is in the sample */
    uint32_t mask;
} nursery;

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014: splitmix64. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Evenly in 0 .. below - 1. */
static uint32_t random_below(uint64_t *state, uint32_t below)
{
    return (uint32_t)((random_next(state) >> 32) * below >> 32);
}

/* Where each tree's numbers begin; that of neighbours is far apart. */
static uint64_t random_stream(uint64_t seed, uint32_t tree)
{
    uint64_t state = seed;

    state = random_next(&state) + tree;
    return random_next(&state);
}

/* Whether `usable` was not drawn before; it is now. */
static int draw(nursery *n, uint32_t usable)
{
    uint32_t slot = (usable * 0x9e3779b1u >> 7) & n->mask;

    while (n->drawn[slot] != NOT_DRAWN) {
        if (n->drawn[slot] == usable)
            return 0;
        slot = (slot + 1) & n->mask;
    }
    n->drawn[slot] = usable;
    return 1;
}

/* Without replacement, by Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", 1987). */
static void draw_sample(nursery *n, uint32_t sample)
{
    memset(n->drawn, 0xff, ((size_t)n->mask + 1) * sizeof *n->drawn);
    for (uint32_t i = 0; i < sample; i++) {
        const uint32_t last = n->usables - sample + i;
        uint32_t chosen = random_below(&n->random, last + 1);

        if (!draw(n, chosen)) {
            chosen = last;
            draw(n, chosen);
        }
        n->rows[i] = n->usable[chosen];
    }
}

/* The values of a column at a node: its least, and the largest. */
static void look_at(const nursery *n, place at, uint32_t column, uint32_t columns, float *least,
                    float *most)
{
    const uint32_t *rows = n->rows + at.first;
    float low = INFINITY, high = -INFINITY;

    for (uint32_t i = 0; i < at.count; i++) {
        const float value = n->table[(size_t)rows[i] * columns + column];

        n->values[i] = value;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    *least = low;
    *most = high;
}

/* Choose a column that is not constant here, and where to cut it; false when all are. */
static int choose(nursery *n, place at, uint32_t columns, uint32_t *column, float *threshold)
{
    for (uint32_t left = columns; left > 0; left--) {
        const uint32_t k = random_below(&n->random, left);
        const uint16_t chosen = n->columns[k];
        float low, high;

        n->columns[k] = n->columns[left - 1];
        n->columns[left - 1] = chosen;
        look_at(n, at, chosen, columns, &low, &high);
        if (low < high) {
            const double share = (double)(random_next(&n->random) >> 11) * 0x1p-53;
            const float cut = (float)((double)low + share * ((double)high - (double)low));

            *column = chosen;
            *threshold = cut < high ? cut : low; /* so that there is something on either side */
            return 1;
        }
    }
    return 0;
}

/* Have the rows at a node stand in the order of its children; how many are the first one's. */
static uint16_t part(nursery *n, place at, float threshold)
{
    uint32_t *rows = n->rows + at.first;
    uint32_t below = 0, above = 0;

    for (uint32_t i = 0; i < at.count; i++) {
        const uint32_t row = rows[i];
        const uint32_t over = n->values[i] > threshold;

        rows[below] = row;
        n->second[above] = row;
        below += 1 - over;
        above += over;
    }
    memcpy(rows + below, n->second, above * sizeof *rows);
    return (uint16_t)below;
}

/* Grow the tree that begins at `start`; how many nodes it has. */
static uint32_t grow_tree(ag06_forest *f, nursery *n, uint32_t start)
{
    const uint32_t highest = forest_height(f->sample);
    uint32_t there = 1;

    for (uint32_t column = 0; column < f->columns; column++)
        n->columns[column] = (uint16_t)column;
    draw_sample(n, f->sample);
    n->places[0] = (place){0, (uint16_t)f->sample, 0};
    for (uint32_t at = 0; at < there; at++) {
        const place here = n->places[at];
        uint32_t column;
        float threshold;

        if (here.count > 1 && here.depth < highest &&
            choose(n, here, f->columns, &column, &threshold)) {
            const uint16_t below = part(n, here, threshold);
            const uint8_t depth = (uint8_t)(here.depth + 1);

            forest_put_cut(f, start + at, threshold, column, there);
            n->places[there++] = (place){here.first, below, depth};
            n->places[there++] =
                (place){(uint16_t)(here.first + below), (uint16_t)(here.count - below), depth};
        } else {
            forest_put_leaf(f, start + at, at, here.count, here.depth);
        }
    }
    return there;
}

static void nursery_free(nursery *n)
{
    free(n->usable);
    free(n->rows);
    free(n->second);
    free(n->values);
    free(n->columns);
    free(n->places);
    free(n->drawn);
}

static int nursery_make(nursery *n, const float *table, uint32_t count, uint32_t columns,
                        uint32_t sample)
{
    n->table = table;
    n->usable = malloc(count * sizeof *n->usable);
    n->rows = malloc(sample * sizeof *n->rows);
    n->second = malloc(sample * sizeof *n->second);
    n->values = malloc(sample * sizeof *n->values);
    n->columns = malloc(columns * sizeof *n->columns);
    n->places = malloc(2 * sample * sizeof *n->places);
    for (n->mask = 1; n->mask < 2 * sample; n->mask *= 2)
        ;
    n->drawn = malloc(n->mask * sizeof *n->drawn);
    n->mask--;
    if (!n->usable || !n->rows || !n->second || !n->values || !n->columns || !n->places ||
        !n->drawn)
        return 0;
    for (uint32_t row = 0; row < count; row++)
        if (forest_finite(table + (size_t)row * columns, columns))
            n->usable[n->usables++] = row;
    return 1;
}

/* Give back the room of nodes that did not come. */
static void shrink(ag06_forest *f)
{
    const size_t nodes = f->starts[f->trees];
    void *steps = realloc(f->steps, nodes * sizeof *f->steps);
    void *lengths = realloc(f->lengths, nodes * sizeof *f->lengths);
    void *rows = realloc(f->rows, nodes * sizeof *f->rows);

    f->steps = steps ? steps : f->steps;
    f->lengths = lengths ? lengths : f->lengths;
    f->rows = rows ? rows : f->rows;
}

ag06_forest *ag06_forest_grow(const float *rows, uint32_t count, uint32_t columns, uint32_t trees,
                              uint32_t sample, uint64_t seed)
{
    nursery n = {0};
    ag06_forest *f = NULL;

    if (!count || !forest_possible(columns, sample, trees))
        return NULL;
    sample = sample < count ? sample : count;
    if (nursery_make(&n, rows, count, columns, sample) && n.usables) {
        sample = sample < n.usables ? sample : n.usables;
        f = forest_new(columns, sample, trees, trees * (2 * sample - 1));
    }
    if (f) {
        f->left_out = count - n.usables;
        for (uint32_t tree = 0; tree < trees; tree++) {
            n.random = random_stream(seed, tree);
            f->starts[tree + 1] = f->starts[tree] + grow_tree(f, &n, f->starts[tree]);
        }
        shrink(f);
    }
    nursery_free(&n);
    return f;
}
