/* What a power spectrum tells: Peeters' descriptors, mel bands and MFCC, chroma, octave bands. */
#pragma once

#include "ag06_features.h"

typedef struct spectrum_tables spectrum_tables;

/* Tables for spectra of `window` frames at `rate`; null when memory is short. */
spectrum_tables *spectrum_new(uint32_t rate, uint32_t window, double rolloff);
void spectrum_free(spectrum_tables *tables);

/* Floats of a power or magnitude spectrum: window / 2 + 1, made up with zeros to a multiple of 8.
 */
uint32_t spectrum_size(uint32_t window);

/* The shape of a power spectrum; `magnitudes` gets its normalised roots, and has those before. */
void spectrum_shape(spectrum_tables *tables, const float *power, float *magnitudes,
                    ag06_signal_features *features);
void spectrum_mfcc(const spectrum_tables *tables, const float *power,
                   ag06_signal_features *features);
void spectrum_tone(const spectrum_tables *tables, const float *power,
                   ag06_signal_features *features);

/* In dB, AG06_FEATURE_FLOOR_DB at least. */
float power_db(float power);
