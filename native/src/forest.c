/* A forest as it is held, and as it is kept. */
#include "forest.h"

#include "steady.h"

#include <math.h>
#include <stdlib.h>

#define EULER_GAMMA 0.5772156649015329

double ag06_forest_path_length(uint32_t rows)
{
    if (rows <= 2)
        return rows == 2 ? 1 : 0;
    return 2 * (steady_log(rows - 1.0) + EULER_GAMMA) - 2 * (rows - 1.0) / rows;
}

int forest_possible(uint32_t columns, uint32_t sample, uint32_t trees)
{
    return columns >= 1 && columns <= AG06_FOREST_COLUMNS_MAX && sample >= 1 &&
           sample <= AG06_FOREST_SAMPLE_MAX && trees >= 1 && trees <= AG06_FOREST_TREES_MAX;
}

uint32_t forest_height(uint32_t sample)
{
    uint32_t height = 0;

    while (1u << height < sample)
        height++;
    return height;
}

ag06_forest *forest_new(uint32_t columns, uint32_t sample, uint32_t trees, uint32_t nodes)
{
    ag06_forest *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->columns = columns;
    f->sample = sample;
    f->trees = trees;
    f->exponent = sample > 1 ? -1 / (trees * ag06_forest_path_length(sample)) : 0;
    f->starts = calloc((size_t)trees + 1, sizeof *f->starts);
    f->steps = malloc(nodes * sizeof *f->steps);
    f->lengths = malloc(nodes * sizeof *f->lengths);
    f->rows = malloc(nodes * sizeof *f->rows);
    if (!f->starts || !f->steps || !f->lengths || !f->rows) {
        ag06_forest_free(f);
        return NULL;
    }
    return f;
}

void ag06_forest_free(ag06_forest *f)
{
    if (!f)
        return;
    free(f->starts);
    free(f->steps);
    free(f->lengths);
    free(f->rows);
    free(f);
}

void forest_put_cut(ag06_forest *f, uint32_t node, float threshold, uint32_t column, uint32_t child)
{
    f->steps[node] = (forest_step){threshold, (uint16_t)column, (uint16_t)child};
    f->lengths[node] = 0;
    f->rows[node] = 0;
}

void forest_put_leaf(ag06_forest *f, uint32_t node, uint32_t at, uint32_t rows, uint32_t depth)
{
    f->steps[node] = (forest_step){INFINITY, 0, (uint16_t)at};
    f->lengths[node] = (float)(depth + ag06_forest_path_length(rows));
    f->rows[node] = (uint16_t)rows;
    f->height = depth > f->height ? depth : f->height;
}

uint32_t ag06_forest_columns(const ag06_forest *f)
{
    return f->columns;
}

uint32_t ag06_forest_trees(const ag06_forest *f)
{
    return f->trees;
}

uint32_t ag06_forest_sample(const ag06_forest *f)
{
    return f->sample;
}

uint32_t ag06_forest_left_out(const ag06_forest *f)
{
    return f->left_out;
}

uint32_t ag06_forest_nodes(const ag06_forest *f)
{
    return f->starts[f->trees];
}

void ag06_forest_keep(const ag06_forest *f, uint32_t *counts, ag06_forest_node *nodes)
{
    for (uint32_t tree = 0; tree < f->trees; tree++)
        counts[tree] = f->starts[tree + 1] - f->starts[tree];
    for (uint32_t i = 0; i < f->starts[f->trees]; i++) {
        const forest_step step = f->steps[i];

        nodes[i] = f->rows[i] ? (ag06_forest_node){0, 0, f->rows[i]}
                              : (ag06_forest_node){step.threshold, step.column, 0};
    }
}

/*
 * Put a tree of `count` nodes at the place where it begins; false when it is none. The children of
 * a cut are the next two that have no parent yet, so a tree whose numbers add up has no other
 * shape than that in which it was grown.
 */
static int restore_tree(ag06_forest *f, uint32_t start, const ag06_forest_node *nodes,
                        uint32_t count, uint8_t *depths)
{
    const uint32_t highest = forest_height(f->sample);
    uint32_t there = 1, rows = 0;

    depths[0] = 0;
    for (uint32_t at = 0; at < there; at++) {
        const ag06_forest_node node = nodes[at];

        if (node.rows) {
            if (node.threshold != 0 || node.column || node.rows > f->sample - rows)
                return 0;
            rows += node.rows;
            forest_put_leaf(f, start + at, at, node.rows, depths[at]);
        } else {
            if (!isfinite(node.threshold) || node.column >= f->columns || depths[at] >= highest ||
                there + 2 > count)
                return 0;
            depths[there] = depths[there + 1] = (uint8_t)(depths[at] + 1);
            forest_put_cut(f, start + at, node.threshold, node.column, there);
            there += 2;
        }
    }
    return there == count && rows == f->sample;
}

ag06_forest *ag06_forest_restore(uint32_t columns, uint32_t sample, uint32_t trees,
                                 const uint32_t *counts, const ag06_forest_node *nodes)
{
    uint32_t total = 0;
    int good = 1;

    if (!forest_possible(columns, sample, trees))
        return NULL;
    for (uint32_t tree = 0; tree < trees; tree++) {
        if (counts[tree] < 1 || counts[tree] >= 2 * sample)
            return NULL;
        total += counts[tree];
    }
    ag06_forest *f = forest_new(columns, sample, trees, total);
    uint8_t *depths = malloc(2 * (size_t)sample);

    for (uint32_t tree = 0; f && depths && good && tree < trees; tree++) {
        const uint32_t start = f->starts[tree];

        good = restore_tree(f, start, nodes + start, counts[tree], depths);
        f->starts[tree + 1] = start + counts[tree];
    }
    if (!depths || !good) {
        ag06_forest_free(f);
        f = NULL;
    }
    free(depths);
    return f;
}
