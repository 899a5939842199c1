/* The isolation forest: its trees are what the paper says, and its scores what the trees say. */
#include "ag06_forest.h"
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define COLUMNS 7
#define ROWS 1000
#define TREES 100
#define SAMPLE 256
#define THREADS 4

static uint64_t seed = 1;
static float table[ROWS * COLUMNS];

/* Something like a bell, and in the last columns few values and a single one. */
static void fill(float *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count * COLUMNS; i++) {
        rows[i] = 0;
        for (int k = 0; k < 6; k++)
            rows[i] += (float)random_in(&seed, -1, 1);
        if (i % COLUMNS == COLUMNS - 2)
            rows[i] = roundf(rows[i]);
        if (i % COLUMNS == COLUMNS - 1)
            rows[i] = 3;
    }
}

static ag06_forest *grow(uint32_t count, uint32_t trees, uint32_t sample, uint64_t of)
{
    ag06_forest *grown = ag06_forest_grow(table, count, COLUMNS, trees, sample, of);

    CHECK(grown);
    return grown;
}

/* A forest as it is kept, to be walked step by step. */
typedef struct {
    uint32_t trees, total, *counts;
    ag06_forest_node *nodes;
} kept;

static kept keep(const ag06_forest *forest)
{
    kept k = {ag06_forest_trees(forest), ag06_forest_nodes(forest), NULL, NULL};

    k.counts = malloc(k.trees * sizeof *k.counts);
    k.nodes = malloc(k.total * sizeof *k.nodes);
    ag06_forest_keep(forest, k.counts, k.nodes);
    return k;
}

static void let_go(kept k)
{
    free(k.counts);
    free(k.nodes);
}

/* The leaf that a row comes to in a tree, and how deep it is. */
static uint32_t leaf_of(const ag06_forest_node *tree, const float *row, uint32_t *depth)
{
    uint32_t at = 0;

    *depth = 0;
    while (!tree[at].rows) {
        uint32_t child = 1; /* two for each cut before this one */

        for (uint32_t i = 0; i < at; i++)
            child += tree[i].rows ? 0 : 2;
        at = child + (row[tree[at].column] > tree[at].threshold);
        ++*depth;
    }
    return at;
}

static double score_by_hand(kept k, uint32_t sample, const float *row)
{
    const ag06_forest_node *tree = k.nodes;
    double sum = 0;

    for (uint32_t t = 0; t < k.trees; tree += k.counts[t++]) {
        uint32_t depth;
        const uint32_t leaf = leaf_of(tree, row, &depth);

        sum += depth + ag06_forest_path_length(tree[leaf].rows);
    }
    return pow(2, -sum / k.trees / ag06_forest_path_length(sample));
}

static void path_lengths_are_those_of_the_paper(void)
{
    CHECK(ag06_forest_path_length(0) == 0);
    CHECK(ag06_forest_path_length(1) == 0);
    CHECK(ag06_forest_path_length(2) == 1);
    for (uint32_t n = 3; n < 100000; n += n / 50 + 1) {
        const double wanted = 2 * (log(n - 1.0) + 0.5772156649015329) - 2 * (n - 1.0) / n;

        CHECK(fabs(ag06_forest_path_length(n) / wanted - 1) < 1e-15);
    }
}

static void scores_are_what_the_trees_say(void)
{
    const uint32_t trees[] = {1, 15, 16, 33, TREES}, samples[] = {2, 3, 100, SAMPLE, 700};

    for (int i = 0; i < 5; i++) {
        ag06_forest *forest = grow(ROWS, trees[i], samples[i], 9);
        const kept k = keep(forest);
        double scores[200];

        CHECK_EQUAL(ag06_forest_score(forest, table, 200, scores), 0);
        for (uint32_t row = 0; row < 200; row++)
            CHECK(fabs(scores[row] - score_by_hand(k, samples[i], table + row * COLUMNS)) < 1e-7);
        let_go(k);
        ag06_forest_free(forest);
    }
}

/* Where all rows are the sample, as many come to each leaf as it says. */
static void leaves_know_how_many_rows_came(void)
{
    ag06_forest *forest = grow(SAMPLE, 20, SAMPLE, 3);
    const kept k = keep(forest);
    const ag06_forest_node *tree = k.nodes;

    for (uint32_t t = 0; t < k.trees; tree += k.counts[t++]) {
        uint32_t came[2 * SAMPLE] = {0};

        for (uint32_t row = 0; row < SAMPLE; row++) {
            uint32_t depth;

            came[leaf_of(tree, table + row * COLUMNS, &depth)]++;
            CHECK(depth <= 8);
        }
        for (uint32_t i = 0; i < k.counts[t]; i++)
            CHECK_EQUAL(came[i], tree[i].rows);
    }
    let_go(k);
    ag06_forest_free(forest);
}

/* The first cut is in each column equally often, but never in one that is constant; and it is
 * evenly between the least and the most. */
static void cuts_are_even(void)
{
    const uint32_t trees = 10000, sample = 64;
    uint32_t columns[COLUMNS] = {0};
    double share = 0;
    ag06_forest *forest = grow(sample, trees, sample, 5);
    const kept k = keep(forest);
    const ag06_forest_node *tree = k.nodes;

    for (uint32_t t = 0; t < trees; tree += k.counts[t++]) {
        double least = INFINITY, most = -INFINITY;

        for (uint32_t row = 0; row < sample; row++) {
            const double value = (double)table[row * COLUMNS + tree->column];

            least = value < least ? value : least;
            most = value > most ? value : most;
        }
        CHECK((double)tree->threshold >= least && (double)tree->threshold < most);
        share += ((double)tree->threshold - least) / (most - least);
        columns[tree->column]++;
    }
    CHECK_EQUAL(columns[COLUMNS - 1], 0);
    for (uint32_t i = 0; i < COLUMNS - 1; i++) /* five deviations */
        CHECK(fabs(columns[i] - trees / 6.0) < 5 * sqrt(trees * 5.0 / 36));
    CHECK(fabs(share / trees - 0.5) < 5 * sqrt(1.0 / 12 / trees));
    let_go(k);
    ag06_forest_free(forest);
}

/* Of ten rows 0 .. 9 every two are drawn equally often, which shows in where they are cut. */
static void samples_are_even(void)
{
    const uint32_t trees = 10000;
    const float rows[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint32_t cuts[9] = {0};
    ag06_forest *forest = ag06_forest_grow(rows, 10, 1, trees, 2, 1);

    CHECK(forest);
    const kept k = keep(forest);
    for (uint32_t t = 0; t < trees; t++) {
        CHECK_EQUAL(k.counts[t], 3); /* for they are never the same row */
        cuts[(int)k.nodes[(size_t)3 * t].threshold]++;
    }
    for (int at = 0; at < 9; at++) {
        double share = 0;

        for (int low = 0; low <= at; low++)
            for (int high = at + 1; high < 10; high++)
                share += 1.0 / (high - low) / 45;
        CHECK(fabs(cuts[at] - trees * share) < 5 * sqrt(trees * share * (1 - share)));
    }
    let_go(k);
    ag06_forest_free(forest);
}

static void same_scores(const ag06_forest *a, const ag06_forest *b)
{
    static double left[ROWS], right[ROWS];

    CHECK_EQUAL(ag06_forest_score(a, table, ROWS, left), 0);
    CHECK_EQUAL(ag06_forest_score(b, table, ROWS, right), 0);
    CHECK(memcmp(left, right, sizeof left) == 0);
}

static void a_seed_makes_the_same_forest_again(void)
{
    ag06_forest *one = grow(ROWS, TREES, SAMPLE, 42), *two = grow(ROWS, TREES, SAMPLE, 42);
    ag06_forest *first = grow(ROWS, 3, SAMPLE, 42), *other = grow(ROWS, 3, SAMPLE, 43);
    const kept all = keep(one), few = keep(first), others = keep(other);

    same_scores(one, two);
    /* A tree is the same, however many there are. */
    CHECK(memcmp(all.nodes, few.nodes, few.total * sizeof *few.nodes) == 0);
    CHECK(memcmp(all.nodes, others.nodes, 3 * sizeof *few.nodes) != 0);
    let_go(all);
    let_go(few);
    let_go(others);
    ag06_forest_free(one);
    ag06_forest_free(two);
    ag06_forest_free(first);
    ag06_forest_free(other);
}

/* On whatever machine, compiled by whatever compiler; of another value a saved forest's scores
 * would not be those that its thresholds were chosen for. */
static void scores_are_the_same_bits_everywhere(void)
{
    ag06_forest *forest = grow(ROWS, TREES, SAMPLE, 2008);
    static double scores[ROWS];
    uint64_t hash = 0;

    ag06_forest_score(forest, table, ROWS, scores);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t bits;

        memcpy(&bits, scores + i, sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3;
    }
    CHECK_EQUAL(hash, 0xe2262e0d82c952ca);
    ag06_forest_free(forest);
}

static void a_row_has_the_same_score_in_any_company(void)
{
    ag06_forest *forest = grow(ROWS, TREES, SAMPLE, 1);
    static double alone[ROWS], together[ROWS];

    for (uint32_t row = 0; row < ROWS; row++)
        ag06_forest_score(forest, table + row * COLUMNS, 1, alone + row);
    for (uint32_t count = 1; count < ROWS; count += count / 3 + 1) {
        ag06_forest_score(forest, table, count, together);
        CHECK(memcmp(alone, together, count * sizeof *alone) == 0);
    }
    ag06_forest_free(forest);
}

static void what_is_not_finite_has_no_score(void)
{
    float rows[40 * COLUMNS];
    double scores[40], wanted[40];
    ag06_forest *forest = grow(ROWS, TREES, SAMPLE, 1);

    memcpy(rows, table, sizeof rows);
    ag06_forest_score(forest, rows, 40, wanted);
    rows[0] = NAN;
    rows[17 * COLUMNS + 6] = INFINITY;
    rows[39 * COLUMNS + 3] = -INFINITY;
    CHECK_EQUAL(ag06_forest_score(forest, rows, 40, scores), 3);
    for (int i = 0; i < 40; i++) {
        if (i == 0 || i == 17 || i == 39)
            CHECK(isnan(scores[i]));
        else
            CHECK(scores[i] == wanted[i]);
    }
    ag06_forest_free(forest);
    forest = ag06_forest_grow(rows, 40, COLUMNS, 10, SAMPLE, 1);
    CHECK_EQUAL(ag06_forest_left_out(forest), 3);
    CHECK_EQUAL(ag06_forest_sample(forest), 37);
    ag06_forest_free(forest);
}

static void nothing_to_tell_apart_scores_a_half(void)
{
    const float same[4 * 2] = {1, 2, 1, 2, 1, 2, 1, 2}, other[2] = {1e30F, -1e30F};
    double score;
    ag06_forest *equal = ag06_forest_grow(same, 4, 2, 10, SAMPLE, 1);
    ag06_forest *single = ag06_forest_grow(same, 1, 2, 10, SAMPLE, 1);

    ag06_forest_score(equal, other, 1, &score);
    CHECK(fabs(score - 0.5) < 1e-7);
    ag06_forest_score(single, other, 1, &score);
    CHECK(score == 0.5);
    ag06_forest_free(equal);
    ag06_forest_free(single);
}

static void values_of_any_size_are_cut(void)
{
    const float rows[4] = {-3.4e38F, 0, 1e-45F, 3.4e38F};
    double scores[4];
    ag06_forest *forest = ag06_forest_grow(rows, 4, 1, 1000, 4, 1);

    CHECK_EQUAL(ag06_forest_score(forest, rows, 4, scores), 0);
    CHECK(scores[0] > scores[1] && scores[3] > scores[1]);
    CHECK(fabs(scores[1] - scores[2]) < 1e-6); /* two high, both end in the same leaf */
    ag06_forest_free(forest);
}

/* There is no number between two that are neighbours: a cut is at the lower one. */
static void neighbours_are_cut(void)
{
    const float rows[3] = {1, 1, nextafterf(1, 2)};
    double scores[3];
    ag06_forest *forest = ag06_forest_grow(rows, 3, 1, 1000, 3, 1);

    CHECK_EQUAL(ag06_forest_nodes(forest), 3000);
    ag06_forest_score(forest, rows, 3, scores);
    CHECK(fabs(scores[0] - pow(2, -2 / ag06_forest_path_length(3))) < 1e-7);
    CHECK(fabs(scores[2] - pow(2, -1 / ag06_forest_path_length(3))) < 1e-7);
    ag06_forest_free(forest);
}

static void what_cannot_be_grown_is_refused(void)
{
    const float outside[2] = {NAN, 1};

    CHECK(!ag06_forest_grow(table, 0, COLUMNS, TREES, SAMPLE, 0));
    CHECK(!ag06_forest_grow(table, ROWS, 0, TREES, SAMPLE, 0));
    CHECK(!ag06_forest_grow(table, ROWS, COLUMNS, 0, SAMPLE, 0));
    CHECK(!ag06_forest_grow(table, ROWS, COLUMNS, TREES, 0, 0));
    CHECK(!ag06_forest_grow(table, ROWS, COLUMNS, AG06_FOREST_TREES_MAX + 1, SAMPLE, 0));
    CHECK(!ag06_forest_grow(table, ROWS, COLUMNS, TREES, AG06_FOREST_SAMPLE_MAX + 1, 0));
    CHECK(!ag06_forest_grow(table, 1, AG06_FOREST_COLUMNS_MAX + 1, TREES, SAMPLE, 0));
    CHECK(!ag06_forest_grow(outside, 1, 2, TREES, SAMPLE, 0));
    ag06_forest_free(NULL);
}

/* What was kept comes back as it was; what was changed is refused, or is a forest that can be
 * walked. */
static void a_forest_is_restored_or_refused(void)
{
    ag06_forest *forest = grow(ROWS, 5, SAMPLE, 8);
    const kept k = keep(forest);
    ag06_forest *again = ag06_forest_restore(COLUMNS, SAMPLE, 5, k.counts, k.nodes);
    uint32_t refused = 0;

    CHECK(again);
    same_scores(forest, again);
    ag06_forest_free(again);
    for (int i = 0; i < 5000; i++) {
        double score;
        const uint32_t at = random_below(&seed, k.total), byte = random_below(&seed, 8);
        const uint8_t bit = (uint8_t)(1u << random_below(&seed, 8));

        ((uint8_t *)(k.nodes + at))[byte] ^= bit;
        again = ag06_forest_restore(COLUMNS, SAMPLE, 5, k.counts, k.nodes);
        if (again)
            ag06_forest_score(again, table, 1, &score);
        else
            refused++;
        ag06_forest_free(again);
        ((uint8_t *)(k.nodes + at))[byte] ^= bit;
    }
    CHECK(refused > 2000); /* but a threshold may be any number */
    let_go(k);
    ag06_forest_free(forest);
}

/* A tree of `count` nodes on a sample of four, of two columns. */
static void check_tree(int good, uint32_t count, const ag06_forest_node *nodes)
{
    ag06_forest_node *exact = malloc(count * sizeof *exact); /* reading on is seen */

    memcpy(exact, nodes, count * sizeof *exact);
    ag06_forest *forest = ag06_forest_restore(2, 4, 1, &count, exact);
    CHECK(!forest == !good);
    ag06_forest_free(forest);
    free(exact);
}

static void a_tree_that_none_could_grow_is_refused(void)
{
#define CUT {0.5F, 1, 0}
#define LEAF(rows) {0, 0, rows}
    check_tree(1, 1, (ag06_forest_node[]){LEAF(4)});
    check_tree(1, 3, (ag06_forest_node[]){CUT, LEAF(1), LEAF(3)});
    check_tree(1, 7, (ag06_forest_node[]){CUT, CUT, CUT, LEAF(1), LEAF(1), LEAF(1), LEAF(1)});
    check_tree(0, 1, (ag06_forest_node[]){LEAF(3)});
    check_tree(0, 1, (ag06_forest_node[]){LEAF(5)});
    check_tree(0, 1, (ag06_forest_node[]){CUT});
    check_tree(0, 3, (ag06_forest_node[]){CUT, LEAF(1), LEAF(4)});
    check_tree(0, 3, (ag06_forest_node[]){CUT, LEAF(1), LEAF(2)});
    check_tree(0, 3, (ag06_forest_node[]){CUT, LEAF(1), CUT});
    check_tree(0, 2, (ag06_forest_node[]){CUT, LEAF(4)});
    check_tree(0, 2, (ag06_forest_node[]){LEAF(4), LEAF(4)});
    check_tree(0, 3, (ag06_forest_node[]){{0.5F, 2, 0}, LEAF(2), LEAF(2)});
    check_tree(0, 3, (ag06_forest_node[]){{NAN, 1, 0}, LEAF(2), LEAF(2)});
    check_tree(0, 3, (ag06_forest_node[]){CUT, {0, 1, 2}, LEAF(2)});
    check_tree(0, 3, (ag06_forest_node[]){CUT, {0.5F, 0, 2}, LEAF(2)});
    /* three cuts deep, where two are the most */
    check_tree(0, 7, (ag06_forest_node[]){CUT, LEAF(1), CUT, LEAF(1), CUT, LEAF(1), LEAF(1)});
    const ag06_forest_node leaf[] = {LEAF(4)};
    const uint32_t none = 0, many = 8, endless = UINT32_MAX;
    CHECK(!ag06_forest_restore(2, 4, 1, &none, leaf));
    CHECK(!ag06_forest_restore(2, 4, 1, &many, leaf));
    CHECK(!ag06_forest_restore(2, 4, 1, &endless, leaf));
    CHECK(!ag06_forest_restore(2, 4, 0, &none, leaf));
}

/* One thread of several with the same forest. */
static void *score_often(void *forest)
{
    double *scores = malloc(ROWS * sizeof *scores);

    for (int i = 0; i < 20; i++)
        ag06_forest_score(forest, table, ROWS, scores);
    return scores;
}

static void threads_share_a_forest(void)
{
    ag06_forest *forest = grow(ROWS, TREES, SAMPLE, 2);
    pthread_t threads[THREADS];
    double *wanted = score_often(forest);

    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, score_often, forest) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *scores;

        CHECK(pthread_join(threads[i], &scores) == 0);
        CHECK(memcmp(scores, wanted, ROWS * sizeof *wanted) == 0);
        free(scores);
    }
    free(wanted);
    ag06_forest_free(forest);
}

int main(void)
{
    give_up_after(300);
    fill(table, ROWS);
    path_lengths_are_those_of_the_paper();
    scores_are_what_the_trees_say();
    leaves_know_how_many_rows_came();
    cuts_are_even();
    samples_are_even();
    a_seed_makes_the_same_forest_again();
    scores_are_the_same_bits_everywhere();
    a_row_has_the_same_score_in_any_company();
    what_is_not_finite_has_no_score();
    nothing_to_tell_apart_scores_a_half();
    values_of_any_size_are_cut();
    neighbours_are_cut();
    what_cannot_be_grown_is_refused();
    a_forest_is_restored_or_refused();
    a_tree_that_none_could_grow_is_refused();
    threads_share_a_forest();
    puts("ok forest: trees are those of the paper, scores what they say, what is kept comes back");
    return 0;
}
