/* Peaks between the samples beyond full scale, by the interpolator of true_peak.h. */
#pragma once

#include "ag06_faults.h"
#include "past.h"

void over_take(const past_hops *past, ag06_wave_faults *result);
