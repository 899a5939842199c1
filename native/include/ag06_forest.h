/*
 * Isolation forest: how few random cuts set a row apart from the rows that the forest was grown on.
 *
 * Liu, Ting and Zhou, "Isolation forest", ICDM 2008. Each tree is grown on `sample` rows, drawn
 * without replacement, by cuts of a random column at a random place between its least and its most
 * there, until a row is alone, all are equal, or the tree is ceil(log2(sample)) high. A row's score
 * is s = 2^(-E(h) / c(sample)): near 1 what is set apart at once, 0.5 the average. A column that is
 * constant where a cut is to be made is not cut.
 *
 * The same rows and seed give the same forest, and the same forest the same scores, on every
 * machine. A forest never changes once it is there, so any number of threads may score with it.
 */
#pragma once

#include <stdint.h>

#define AG06_FOREST_TREES_MAX 10000
#define AG06_FOREST_SAMPLE_MAX 32768
#define AG06_FOREST_COLUMNS_MAX 65535

/* Of a tree as it is kept; nodes stand in order of their depth, both children side by side. */
typedef struct {
    float threshold; /* of a cut: what is above it goes to the second child; 0 of a leaf */
    uint16_t column; /* that is cut; 0 of a leaf */
    uint16_t rows;   /* of the sample that came to a leaf; 0 of a cut */
} ag06_forest_node;

typedef struct ag06_forest ag06_forest;

/*
 * Of `count` rows of `columns` values each, from the first of `trees` drawn on; `sample` is made
 * smaller where there are fewer rows. Rows with a value that is NaN or infinite are left out. Null
 * when no row is left, a number is 0 or above its maximum, or memory is short.
 */
ag06_forest *ag06_forest_grow(const float *rows, uint32_t count, uint32_t columns, uint32_t trees,
                              uint32_t sample, uint64_t seed);

/*
 * Of nodes that were kept: `counts` of each tree. Null when they are no forest that could have been
 * grown, of whatever rows, or memory is short.
 */
ag06_forest *ag06_forest_restore(uint32_t columns, uint32_t sample, uint32_t trees,
                                 const uint32_t *counts, const ag06_forest_node *nodes);

void ag06_forest_free(ag06_forest *forest);

uint32_t ag06_forest_columns(const ag06_forest *forest);
uint32_t ag06_forest_trees(const ag06_forest *forest);
uint32_t ag06_forest_sample(const ag06_forest *forest);   /* rows that each tree was grown on */
uint32_t ag06_forest_left_out(const ag06_forest *forest); /* rows; 0 of one that was restored */
uint32_t ag06_forest_nodes(const ag06_forest *forest);    /* of all trees */

/* What ag06_forest_restore() takes: as many counts as trees, and all nodes. */
void ag06_forest_keep(const ag06_forest *forest, uint32_t *counts, ag06_forest_node *nodes);

/*
 * A score, 0 to 1, for each of `count` rows; NaN for one with a value that is NaN or infinite.
 * Returns how many of these there were.
 */
uint64_t ag06_forest_score(const ag06_forest *forest, const float *rows, uint64_t count,
                           double *scores);

/*
 * c(n) of the paper: the mean length of an unsuccessful search in a binary tree of `rows`, with
 * H(i) = ln(i) + 0.5772156649015329 and, as others have it, c(2) = 1 and c(1) = 0.
 */
double ag06_forest_path_length(uint32_t rows);
