/*
 * Scoring. A leaf's cut leads to the leaf itself, so that a row may take as many steps as the
 * highest tree has, and none of them asks whether it is at an end: steps of several rows or trees
 * run side by side. AVX2 can gather their nodes and values, but that was slower than this. Path
 * lengths are floats and their sums doubles, which are exact in any order.
 */
#include "forest.h"

#include "steady.h"

#include <math.h>

#define SIDE_BY_SIDE 16u
#define BLOCK_ROWS 128u    /* at most, that pass one tree before the next */
#define BLOCK_VALUES 4096u /* of them, so that they stay in the first-level cache */

static inline uint32_t take(const forest_step *steps, uint32_t at, const float *row)
{
    const forest_step step = steps[at];

    return step.child + (uint32_t)(row[step.column] > step.threshold);
}

/* Sum of one row's path lengths; trees side by side. */
static double sum_trees(const ag06_forest *f, const float *row)
{
    double sum = 0;
    uint32_t tree = 0;

    for (; tree + SIDE_BY_SIDE <= f->trees; tree += SIDE_BY_SIDE) {
        const uint32_t *starts = f->starts + tree;
        uint32_t at[SIDE_BY_SIDE] = {0};

        for (uint32_t step = 0; step < f->height; step++)
            for (uint32_t k = 0; k < SIDE_BY_SIDE; k++)
                at[k] = take(f->steps + starts[k], at[k], row);
        for (uint32_t k = 0; k < SIDE_BY_SIDE; k++)
            sum += (double)f->lengths[starts[k] + at[k]];
    }
    for (; tree < f->trees; tree++) {
        const uint32_t start = f->starts[tree];
        uint32_t at = 0;

        for (uint32_t step = 0; step < f->height; step++)
            at = take(f->steps + start, at, row);
        sum += (double)f->lengths[start + at];
    }
    return sum;
}

/* Add one tree's path lengths to the sums of rows; rows side by side. */
static void add_tree(const ag06_forest *f, uint32_t tree, const float *rows, uint32_t count,
                     double *sums)
{
    const forest_step *steps = f->steps + f->starts[tree];
    const float *lengths = f->lengths + f->starts[tree];
    const size_t columns = f->columns;
    uint32_t row = 0;

    for (; row + SIDE_BY_SIDE <= count; row += SIDE_BY_SIDE) {
        const float *first = rows + row * columns;
        uint32_t at[SIDE_BY_SIDE] = {0};

        for (uint32_t step = 0; step < f->height; step++)
            for (uint32_t k = 0; k < SIDE_BY_SIDE; k++)
                at[k] = take(steps, at[k], first + k * columns);
        for (uint32_t k = 0; k < SIDE_BY_SIDE; k++)
            sums[row + k] += (double)lengths[at[k]];
    }
    for (; row < count; row++) {
        uint32_t at = 0;

        for (uint32_t step = 0; step < f->height; step++)
            at = take(steps, at, rows + row * columns);
        sums[row] += (double)lengths[at];
    }
}

static void sum_rows(const ag06_forest *f, const float *rows, uint32_t count, double *sums)
{
    for (uint32_t i = 0; i < count; i++)
        sums[i] = 0;
    for (uint32_t tree = 0; tree < f->trees; tree++)
        add_tree(f, tree, rows, count, sums);
}

static double score_of(const ag06_forest *f, double sum)
{
    return f->sample > 1 ? steady_exp2(f->exponent * sum) : 0.5;
}

uint64_t ag06_forest_score(const ag06_forest *f, const float *rows, uint64_t count, double *scores)
{
    const uint32_t fitting = BLOCK_VALUES / f->columns;
    const uint32_t block = fitting > BLOCK_ROWS     ? BLOCK_ROWS
                           : fitting < SIDE_BY_SIDE ? SIDE_BY_SIDE
                                                    : fitting;
    double sums[BLOCK_ROWS];
    uint64_t outside = 0;

    for (uint64_t first = 0; first < count; first += block) {
        const float *at = rows + first * f->columns;
        const uint32_t many = count - first < block ? (uint32_t)(count - first) : block;

        if (many < SIDE_BY_SIDE)
            for (uint32_t i = 0; i < many; i++)
                sums[i] = sum_trees(f, at + (size_t)i * f->columns);
        else
            sum_rows(f, at, many, sums);
        for (uint32_t i = 0; i < many; i++) {
            const int good = forest_finite(at + (size_t)i * f->columns, f->columns);

            scores[first + i] = good ? score_of(f, sums[i]) : NAN;
            outside += !good;
        }
    }
    return outside;
}
