/* What bench/ring.py measures; declarations for a compiler and for cffi. */
#include <stdint.h>

/* One ring behind a common door: `write` then `read` of `bytes`, 0 when either failed. */
typedef struct {
    void *state;
    int (*write)(void *state, const void *from, uint64_t bytes);
    int (*read)(void *state, void *to, uint64_t bytes);
} harness_ring;

/* Rings that hold `capacity` frames of 8 bytes, a power of two. */
harness_ring harness_ours(uint64_t capacity);
harness_ring harness_memcpy(uint64_t capacity);
harness_ring harness_portaudio(uint64_t capacity);

/* Of JACK, by the addresses of its functions: create, write, read. */
harness_ring harness_jack(uint64_t capacity, void *create, void *write, void *read);

/*
 * `pairs` times a write of the next block of `input` and a read of it into the next block of
 * `output`, which both hold `blocks` of them. Returns nanoseconds; 0 when a call failed.
 */
uint64_t harness_run(const harness_ring *ring, const void *input, void *output, uint64_t block_bytes,
                     uint64_t blocks, uint64_t pairs);
