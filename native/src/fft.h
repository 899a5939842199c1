/* The discrete Fourier transform of real sound, by KissFFT run in four lanes. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ag06_fft ag06_fft;

/* The length nearest to `wanted` that can be transformed: a multiple of 32 with no prime factor
 * above 5. */
uint32_t ag06_fft_length(uint32_t wanted);

/* A transform of `length` real values, or null when memory is short or the length is none of
 * ag06_fft_length(). Nothing is allocated afterwards. */
ag06_fft *ag06_fft_new(uint32_t length);

void ag06_fft_free(ag06_fft *fft);

/* re + i im of bins 0 .. length / 2: the sum of x[n] e^(-2 pi i k n / length). `x` has `length`
 * values, `re` and `im` room for length / 2 + 1 each. */
void ag06_fft_run(ag06_fft *fft, const float *x, float *re, float *im);

#ifdef __cplusplus
}
#endif
