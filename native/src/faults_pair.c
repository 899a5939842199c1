/* Faults of two channels together: their balance, and what is lost when they are added. */
#include "faults.h"

#include "wide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOPS_PER_SECOND 100
#define LOSS_HOPS 100
#define BALANCE_HOPS 300
#define HEARD \
    3e-6 /* mean power of a hop, -55 dBFS: of either channel, or the hop counts for nothing */
#define HEARD_HOPS_LEAST 100 /* of BALANCE_HOPS */
#define LEARN_HOPS 50        /* heard, after which there is something to learn again */
#define LEARNT_LEAST 5       /* of these, before there is a rule */
#define DRIFT_DB 0.015F      /* how fast the rule follows, each time */
#define SPREADS 2.5F         /* of the usual distance from the rule, which is none */
#define LOSS_MOST_DB 40.0F

typedef struct {
    double left, right, product; /* sums of squares, and of products */
} hop_power;

struct faults_pair {
    uint32_t rate;
    hop_power hops[BALANCE_HOPS]; /* zeros where little is heard */
    uint64_t taken;
    uint64_t heard;  /* hops, in all */
    uint32_t learnt; /* times */
    float rule_db, spread_db;
};

faults_pair *faults_pair_new(uint32_t rate)
{
    faults_pair *s = calloc(1, sizeof *s);

    if (s)
        s->rate = rate;
    return s;
}

void faults_pair_free(faults_pair *pair)
{
    free(pair);
}

void faults_pair_reset(faults_pair *pair)
{
    const uint32_t rate = pair->rate;

    memset(pair, 0, sizeof *pair);
    pair->rate = rate;
}

static hop_power sum_of(const faults_pair *s, uint32_t from, uint32_t hops, uint32_t *heard)
{
    hop_power sum = {0};

    for (uint32_t i = from; i < from + hops && i < s->taken; i++) {
        const hop_power *hop = &s->hops[(s->taken - 1 - i) % BALANCE_HOPS];

        sum.left += hop->left;
        sum.right += hop->right;
        sum.product += hop->product;
        *heard += hop->left > 0 || hop->right > 0;
    }
    return sum;
}

static float ratio_db(const hop_power *sum)
{
    return sum->left > 0 && sum->right > 0 ? (float)(10 * log10(sum->left / sum->right)) : 0;
}

/* The rule follows what was some seconds ago, so that it does not know yet of what is new. */
static void learn(faults_pair *s)
{
    uint32_t heard = 0;
    const hop_power sum = sum_of(s, BALANCE_HOPS - HOPS_PER_SECOND, HOPS_PER_SECOND, &heard);

    if (s->heard % LEARN_HOPS || heard < HOPS_PER_SECOND / 2 || sum.left <= 0 || sum.right <= 0)
        return;
    const float off = ratio_db(&sum) - s->rule_db;

    if (s->learnt < LEARNT_LEAST) {
        s->rule_db += off / (float)(s->learnt + 1);
        s->spread_db += (fabsf(off) * (s->learnt > 0) - s->spread_db) / (float)(s->learnt + 1);
        s->learnt++;
        return;
    }
    s->rule_db += fmaxf(-DRIFT_DB, fminf(DRIFT_DB, off));
    s->spread_db += fmaxf(-DRIFT_DB, fminf(DRIFT_DB, fabsf(off) - s->spread_db));
}

static void tell_balance(const faults_pair *s, ag06_pair_faults *result)
{
    uint32_t heard = 0;
    const hop_power sum = sum_of(s, 0, BALANCE_HOPS, &heard);

    if (heard < HEARD_HOPS_LEAST || sum.left <= 0 || sum.right <= 0)
        return;
    result->balance_db = ratio_db(&sum);
    if (s->learnt >= LEARNT_LEAST)
        result->imbalance_db =
            fmaxf(0, fabsf(result->balance_db - s->rule_db) - SPREADS * s->spread_db);
}

static void tell_loss(const faults_pair *s, ag06_pair_faults *result)
{
    uint32_t heard = 0;
    const hop_power sum = sum_of(s, 0, LOSS_HOPS, &heard);
    const double apart = sum.left + sum.right;
    const double added = (apart + 2 * sum.product) / 2;

    if (heard < LOSS_HOPS / 4 || apart <= 0)
        return;
    result->mono_loss_db =
        added <= apart * 1e-4 ? LOSS_MOST_DB : fmaxf(0, (float)(10 * log10(apart / added)));
}

void faults_pair_take(faults_pair *pair, const float *const dry[2], const float *const wet[2],
                      uint32_t frames, ag06_pair_faults *result)
{
    hop_power *hop = &pair->hops[pair->taken++ % BALANCE_HOPS];
    const double heard = HEARD * frames;

    (void)wet;
    hop->left = (double)wide_dot(dry[0], dry[0], frames);
    hop->right = (double)wide_dot(dry[1], dry[1], frames);
    hop->product = (double)wide_dot(dry[0], dry[1], frames);
    if (hop->left < heard && hop->right < heard) {
        memset(hop, 0, sizeof *hop);
    } else {
        pair->heard++;
        learn(pair);
    }
    tell_balance(pair, result);
    tell_loss(pair, result);
}
