/* F0 by YIN (de Cheveigne and Kawahara 2002), on sound of about 12 kHz. */
#pragma once

#include "ag06_features.h"

#define PITCH_WINDOW_MAX 768 /* values: 2048 frames of 48 kHz are 512 of 12 */

typedef struct pitch_finder pitch_finder;

/* For windows of so many values at `rate` per second; null when memory is short. */
pitch_finder *pitch_new(uint32_t window, double rate);
void pitch_free(pitch_finder *finder);

/* f0, voicing and hnr_db of a window. Lags go up to half of it. */
void pitch_find(pitch_finder *finder, const float *values, ag06_signal_features *features);
