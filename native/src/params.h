/*
 * The triple buffer behind ag06_params: three blocks, whose indices the writer (back), the reader
 * (front) and the exchange word (middle) always hold one each.
 */
#pragma once

#include "ag06_arena.h"

/* Make `block` the one in effect and the newest. Only while no reader runs. */
void params_init(ag06_params *params, const ag06_chain_block *block);

/* Writer's side: the block published last. */
const ag06_chain_block *params_newest(const ag06_params *params);

/* Reader's side: whether a block waits that was not taken yet. */
int params_fresh(const ag06_params *params);

/* Reader's side: take the newest block; it stays unchanged until the next take. */
const ag06_chain_block *params_take(ag06_params *params);

/* Reader's side: the block taken last. */
const ag06_chain_block *params_front(const ag06_params *params);
