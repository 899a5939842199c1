/* What bench/chain.py measures; declarations for a compiler and for cffi. */
#include <stdint.h>

/* An engine over an arena of its own, both slots set. */
typedef struct harness_chain harness_chain;

/* `slot_a` and `slot_b` are ag06_chain_block. Null when there is no memory. */
harness_chain *harness_new(uint32_t rate, const void *slot_a, const void *slot_b);
void harness_free(harness_chain *chain);

/*
 * Run `blocks` times `block` interleaved stereo frames from `input` into `output`, one after the other:
 * the chain alone, or the whole callback with rings and meters. Returns nanoseconds of CPU time.
 */
uint64_t harness_process(harness_chain *chain, const float *input, float *output, uint32_t block,
                         uint64_t blocks);
uint64_t harness_callback(harness_chain *chain, const float *input, float *output, uint32_t block,
                          uint64_t blocks);

/* Has callgrind, where it watches, write down its count and begin another. */
void harness_mark(void);
