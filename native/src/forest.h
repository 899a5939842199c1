/* What a forest is made of, for those that grow, keep and score it. */
#pragma once

#include "ag06_forest.h"

#include <string.h>

/* A node as rows pass it. */
typedef struct {
    float threshold; /* a value above it goes to the second child; infinite of a leaf */
    uint16_t column;
    uint16_t child; /* the first, within the tree; a leaf's is the leaf itself */
} forest_step;

struct ag06_forest {
    uint32_t trees, columns, sample, left_out;
    uint32_t height;  /* of the highest tree: after so many steps every row is at a leaf */
    double exponent;  /* of 2, that a sum of path lengths is times */
    uint32_t *starts; /* of each tree its first node, and after them how many nodes there are */
    forest_step *steps;
    float *lengths; /* of a path that ends at this node: its depth + c(rows) */
    uint16_t *rows; /* of the sample, that came to a leaf; 0 of a cut */
};

/* Whether no number is 0 or above its maximum. */
int forest_possible(uint32_t columns, uint32_t sample, uint32_t trees);

/* With room for `nodes`, none of them there yet; null when memory is short. */
ag06_forest *forest_new(uint32_t columns, uint32_t sample, uint32_t trees, uint32_t nodes);

/* How high a tree on so many rows may be. */
uint32_t forest_height(uint32_t sample);

/* Nodes of a tree, which is the one at `at`; both children of a cut are the next that there are. */
void forest_put_cut(ag06_forest *forest, uint32_t node, float threshold, uint32_t column,
                    uint32_t child);
void forest_put_leaf(ag06_forest *forest, uint32_t node, uint32_t at, uint32_t rows,
                     uint32_t depth);

/* Whether no value of a row is NaN or infinite. */
static inline int forest_finite(const float *row, uint32_t columns)
{
    uint32_t outside = 0;

    for (uint32_t i = 0; i < columns; i++) {
        uint32_t bits;

        memcpy(&bits, row + i, sizeof bits);
        outside |= (bits & 0x7fffffffu) >= 0x7f800000u;
    }
    return !outside;
}
