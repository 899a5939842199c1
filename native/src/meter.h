/* What the meter's parts share: the K-weighting and the interpolator are designed once, by rate. */
#pragma once

#include "ag06_meter.h"

#define METER_CHUNK 64                        /* frames metered at a time */
#define METER_TAPS (2 * AG06_TRUE_PEAK_PAIRS) /* of each interpolated value */
#define METER_PAST (METER_TAPS - 1)           /* frames kept from the chunk before */

/* BS.1770-5 Annex 1, at any rate. */
void k_weighting_design(uint32_t rate, ag06_meter_section *shelf, ag06_meter_section *highpass);

/* BS.1770-5 Annex 2: four times oversampling. The tables are as in ag06_meter. */
void true_peak_design(float quarter_even[AG06_TRUE_PEAK_PAIRS],
                      float quarter_odd[AG06_TRUE_PEAK_PAIRS], float half[AG06_TRUE_PEAK_PAIRS]);

/* Up to METER_CHUNK frames into the present slot, the maxima and `levels`; squares are added up in
 * `block_squares` too. */
void meter_run_chunk(ag06_meter *meter, const float *first, const float *second, uint32_t count,
                     double block_squares[AG06_METER_LANES], ag06_levels *levels);
