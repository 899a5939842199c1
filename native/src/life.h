/*
 * Whether a channel is alive, and what constant lies under its sound.
 *
 * A channel is dead when there is nothing but zeros on it, or far less than it ever had in its
 * pauses, after it had been alive. As long as pauses of that kind were before, it is none.
 */
#pragma once

#include "ag06_faults.h"
#include "past.h"

#define LIFE_SUM_HOPS 100     /* one second: of its quarters, the constant is that of the least */
#define LIFE_FLOOR_BLOCKS 400 /* twentieths of a second of which the faintest is the floor */
#define LIFE_BLOCK_HOPS 5

typedef struct {
    double sums[LIFE_SUM_HOPS];      /* of the samples of each hop */
    float blocks[LIFE_FLOOR_BLOCKS]; /* mean power of each that was not dead */
    double power;                    /* of the block so far */
    float floor;                     /* the least of them; 0 while there are too few */
    uint32_t block_hops, block_count;
    uint32_t alive_hops; /* that were heard */
    uint32_t dead_hops;  /* in a row, now */
    uint32_t longest;    /* such row that has ended */
} life;

void life_reset(life *s);

void life_take(life *s, const past_hops *past, ag06_wave_faults *result);
