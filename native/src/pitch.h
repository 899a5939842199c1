/* F0 by YIN (de Cheveigne and Kawahara 2002), on sound of about 12 kHz. */
#pragma once

#include "ag06_features.h"

#define PITCH_WINDOW_MAX 768 /* values: 2048 frames of 48 kHz are 512 of 12 */

/*
 * f0, voicing and hnr_db of the `window` newest values at `rate` per second. Lags go up to half the
 * window.
 */
void pitch_find(const float *values, uint32_t window, double rate, ag06_signal_features *features);
