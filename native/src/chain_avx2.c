/* The chain for processors with AVX2 (x86-64-v3): the same code, the same bits, half the time. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2")
#endif

#include "chain_run.h"

#if CHAIN_HAS_AVX2
uint32_t chain_run_avx2(const chain_coefficients *coefficients, chain_state *state,
                        chain_change *change, const float *dry, lanes *frames, uint32_t count)
{
    return run_stages(coefficients, state, change, dry, frames, count);
}
#endif
