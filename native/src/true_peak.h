/*
 * Peaks between the samples, by interpolation to four times the rate.
 *
 * Row p is sinc(k - 11 - (p + 1) / 4) under a Kaiser window (beta 6), summing to 1: the value a
 * quarter, a half and three quarters of the way between the two middle ones of 24 samples.
 */
#pragma once

#include "lanes.h"

#define TAPS 24
#define REACH (TAPS / 2) /* frames on either side that make up a value */
#define PHASES 3         /* between two samples */
#define GROWTH 2.30 /* no interpolated value exceeds this times the largest sample */

static const double interpolators[PHASES][TAPS] = {
    {-0.0007218776, 0.0017581374, -0.0035112612, 0.0062584830, -0.0103527133, 0.0162766418,
     -0.0247751865, 0.0371955970, -0.0564782177, 0.0908101198, -0.1748245158, 0.8994688495,
     0.2969842524, -0.1213393689, 0.0707828414, -0.0456732318, 0.0303689755, -0.0201405101,
     0.0130480025, -0.0081110901, 0.0047407337, -0.0025291872, 0.0011654843, -0.0004009580},
    {-0.0007745157, 0.0020386502, -0.0042312239, 0.0077234268, -0.0129829320, 0.0206350431,
     -0.0316121944, 0.0475307380, -0.0717455141, 0.1129663488, -0.2033595118, 0.6338116848,
     0.6338116848, -0.2033595118, 0.1129663488, -0.0717455141, 0.0475307380, -0.0316121944,
     0.0206350431, -0.0129829320, 0.0077234268, -0.0042312239, 0.0020386502, -0.0007745157},
    {-0.0004009580, 0.0011654843, -0.0025291872, 0.0047407337, -0.0081110901, 0.0130480025,
     -0.0201405101, 0.0303689755, -0.0456732318, 0.0707828414, -0.1213393689, 0.2969842524,
     0.8994688495, -0.1748245158, 0.0908101198, -0.0564782177, 0.0371955970, -0.0247751865,
     0.0162766418, -0.0103527133, 0.0062584830, -0.0035112612, 0.0017581374, -0.0007218776},
};

/*
 * For each of `count` frames from recent[TAPS - 1] on: the largest linked magnitude at and right
 * after the sample REACH frames before it, which the TAPS frames up to it make up. Where nothing
 * can come near `ceiling` the samples alone are looked at.
 */
INLINE void true_peaks(const lanes *recent, lanes *peaks, uint32_t count, lanes ceiling)
{
    lanes most = LANES(0);

    for (uint32_t n = 0; n < count; n++)
        peaks[n] = lanes_abs(recent[n + REACH - 1]);
    for (uint32_t n = 0; n < count + TAPS - 1; n++)
        most = lanes_max(most, lanes_abs(recent[n]));
    const lane_bits near = ~(most * GROWTH < ceiling);
    if (near[0] | near[1] | near[2] | near[3]) {
        for (uint32_t n = 0; n < count; n++) {
            lanes between[PHASES] = {LANES(0)};

            for (int tap = 0; tap < TAPS; tap++)
                for (int phase = 0; phase < PHASES; phase++)
                    between[phase] += interpolators[phase][tap] * recent[n + (uint32_t)tap];
            for (int phase = 0; phase < PHASES; phase++)
                peaks[n] = lanes_max(peaks[n], lanes_abs(between[phase]));
        }
    }
    for (uint32_t n = 0; n < count; n++)
        peaks[n] = lanes_linked_peak(peaks[n]);
}
