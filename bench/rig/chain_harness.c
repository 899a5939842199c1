/* The engine, run over a recording block by block, as a sound card would. */
#include "chain_harness.h"

#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_DUMP_STATS ((void)0)
#endif

#define PAGE 4096
#define RING_S 1.0

struct harness_chain {
    ag06_arena *arena;
    ag06_engine *engine;
};

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *zeroed(uint64_t bytes)
{
    const uint64_t whole = (bytes + PAGE - 1) / PAGE * PAGE;
    void *memory = aligned_alloc(PAGE, whole);

    return memory ? memset(memory, 0, whole) : NULL;
}

harness_chain *harness_new(uint32_t rate, const void *slot_a, const void *slot_b)
{
    harness_chain *chain = zeroed(sizeof *chain);

    if (!chain)
        return NULL;
    chain->arena = zeroed(ag06_arena_bytes(rate, RING_S));
    chain->engine = zeroed(ag06_engine_bytes());
    if (!chain->arena || !chain->engine) {
        harness_free(chain);
        return NULL;
    }
    ag06_arena_init(chain->arena, rate, RING_S);
    ag06_params_publish(&chain->arena->params[0], slot_a);
    ag06_params_publish(&chain->arena->params[1], slot_b);
    ag06_arena_rewind_params(chain->arena);
    ag06_engine_init(chain->engine, chain->arena, 0);
    return chain;
}

void harness_free(harness_chain *chain)
{
    free(chain->arena);
    free(chain->engine);
    free(chain);
}

uint64_t harness_process(harness_chain *chain, const float *input, float *output, uint32_t block,
                         uint64_t blocks)
{
    const uint64_t samples = (uint64_t)block * AG06_CHANNELS;
    const uint64_t began = cpu_ns();

#if defined(__x86_64__) /* as the callback does; elsewhere recordings have no denormals either */
    const unsigned int mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040u);
#endif
    for (uint64_t i = 0; i < blocks; i++) {
        memcpy(chain->engine->dry, &input[i * samples], samples * sizeof *input);
        engine_process(chain->engine, block);
        memcpy(&output[i * samples], chain->engine->wet, samples * sizeof *output);
    }
#if defined(__x86_64__)
    _mm_setcsr(mode);
#endif
    return cpu_ns() - began;
}

uint64_t harness_callback(harness_chain *chain, const float *input, float *output, uint32_t block,
                          uint64_t blocks)
{
    const uint64_t samples = (uint64_t)block * AG06_CHANNELS;
    const uint64_t began = cpu_ns();

    for (uint64_t i = 0; i < blocks; i++)
        ag06_callback(&input[i * samples], &output[i * samples], block, NULL, 0, chain->engine);
    return cpu_ns() - began;
}

void harness_mark(void)
{
    CALLGRIND_DUMP_STATS;
}
