/* Readings under a sequence lock, word by word: one writer that never waits, any number of readers.
 */
#include "ag06_meter.h"

#include "atomic.h"

#include <string.h>

#define WORDS (sizeof(ag06_readings) / sizeof(uint64_t))
#define PATIENCE 1000 /* tries; a writer needs less than one takes */

#if defined(__SANITIZE_THREAD__)
#define FENCE(order) ((void)0) /* ThreadSanitizer knows none; the words themselves are atomic */
#else
#define FENCE(order) __atomic_thread_fence(order)
#endif

void ag06_meter_publish(const ag06_meter *meter, uint64_t position, ag06_meter_board *board)
{
    ag06_readings newest = {.position = position, .resets = meter->resets};
    const uint64_t writing =
        load_relaxed(&board->version) | 1; /* odd already where a writer died */
    uint64_t words[WORDS];

    memcpy(newest.of, meter->readings, sizeof newest.of);
    memcpy(words, &newest, sizeof words);
    store_relaxed(&board->version, writing);
    FENCE(__ATOMIC_RELEASE);
    for (size_t i = 0; i < WORDS; i++)
        __atomic_store_n((uint64_t *)&board->newest + i, words[i], __ATOMIC_RELAXED);
    store_release(&board->version, writing + 1);
}

int ag06_meter_read(const ag06_meter_board *board, ag06_readings *readings)
{
    uint64_t words[WORDS];

    for (int tries = 0; tries < PATIENCE; tries++) {
        const uint64_t version = load_acquire(&board->version);

        for (size_t i = 0; i < WORDS; i++)
            words[i] = __atomic_load_n((const uint64_t *)&board->newest + i, __ATOMIC_RELAXED);
        FENCE(__ATOMIC_ACQUIRE);
        if (version % 2 == 0 && load_relaxed(&board->version) == version) {
            memcpy(readings, words, sizeof words);
            return 1;
        }
    }
    return 0;
}
