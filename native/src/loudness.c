/*
 * The integrated measures: loudness with its two gates (ITU-R BS.1770-5 Annex 1) and loudness range
 * (EBU Tech 3342), from histograms, so that a day costs no more than a second.
 *
 * A bin keeps the sum of its mean squares besides their number, so only what falls into the very
 * bin of a gate is decided as a whole.
 */
#include "ag06_meter.h"

#include <math.h>
#include <string.h>

#define GROUP_BINS (AG06_LOUDNESS_BINS / AG06_LOUDNESS_GROUPS)
#define BINS_PER_LU 40.0
#define OFFSET_LU (-0.691) /* what the K-weighting's gain at 1 kHz is made up for by */
#define ABSOLUTE_GATE_LUFS (-70.0)
#define RELATIVE_GATE 0.1 /* -10 LU */
#define RANGE_GATE 0.01   /* -20 LU */
#define RANGE_LOW 0.10    /* percentiles of the loudness range */
#define RANGE_HIGH 0.95
#define SILENCE 1e-14 /* mean square, -140.7 LUFS: below what 24 bits hold */

double ag06_lufs(double mean_square)
{
    return mean_square > SILENCE ? OFFSET_LU + 10 * log10(mean_square) : -INFINITY;
}

/* The bin of a loudness; negative below the absolute gate. */
static int bin_of(double lufs)
{
    const double bin = floor((lufs - ABSOLUTE_GATE_LUFS) * BINS_PER_LU);

    if (!(bin >= 0))
        return -1;
    return bin < AG06_LOUDNESS_BINS ? (int)bin : AG06_LOUDNESS_BINS - 1;
}

static void histogram_reset(ag06_loudness_histogram *h)
{
    memset(h->group_counts, 0, sizeof h->group_counts);
    memset(h->group_energies, 0, sizeof h->group_energies);
    h->count = 0;
    h->energy = 0;
}

static void histogram_add(ag06_loudness_histogram *h, double mean_square)
{
    const double lufs = ag06_lufs(mean_square);
    const int bin = bin_of(lufs);

    if (bin < 0 || !(lufs > ABSOLUTE_GATE_LUFS))
        return;
    const int group = bin / GROUP_BINS;
    if (h->group_counts[group] == 0) {
        memset(&h->counts[group * GROUP_BINS], 0, GROUP_BINS * sizeof *h->counts);
        memset(&h->energies[group * GROUP_BINS], 0, GROUP_BINS * sizeof *h->energies);
    }
    h->counts[bin]++;
    h->energies[bin] += mean_square;
    h->group_counts[group]++;
    h->group_energies[group] += mean_square;
    h->count++;
    h->energy += mean_square;
}

/* The first bin above a gate: the gate's own if what it holds is above on average. */
static int first_above(const ag06_loudness_histogram *h, double gate)
{
    const int bin = bin_of(ag06_lufs(gate));

    if (bin < 0)
        return 0;
    if (h->group_counts[bin / GROUP_BINS] > 0 && h->energies[bin] > gate * h->counts[bin])
        return bin;
    return bin + 1;
}

/* How many and how much there is from bin `first` on. */
static uint64_t sum_from(const ag06_loudness_histogram *h, int first, double *energy)
{
    const int whole = (first + GROUP_BINS - 1) / GROUP_BINS;
    uint64_t count = 0;

    *energy = 0;
    if (first % GROUP_BINS > 0 && h->group_counts[first / GROUP_BINS] > 0)
        for (int bin = first; bin < whole * GROUP_BINS; bin++) {
            count += h->counts[bin];
            *energy += h->energies[bin];
        }
    for (int group = whole; group < AG06_LOUDNESS_GROUPS; group++) {
        count += h->group_counts[group];
        *energy += h->group_energies[group];
    }
    return count;
}

/* Loudness of the value with `rank` others below it, in the whole histogram. */
static double ranked_lufs(const ag06_loudness_histogram *h, uint64_t rank)
{
    int group = 0;

    while (group < AG06_LOUDNESS_GROUPS - 1 && rank >= h->group_counts[group])
        rank -= h->group_counts[group++];
    const int end = (group + 1) * GROUP_BINS - 1;
    int bin = group * GROUP_BINS;
    while (bin < end && rank >= h->counts[bin])
        rank -= h->counts[bin++];
    return h->counts[bin] > 0 ? ag06_lufs(h->energies[bin] / h->counts[bin]) : -INFINITY;
}

void ag06_programme_reset(ag06_programme *programme)
{
    histogram_reset(&programme->blocks);
    histogram_reset(&programme->windows);
}

void ag06_programme_add_block(ag06_programme *programme, double mean_square)
{
    histogram_add(&programme->blocks, mean_square);
}

void ag06_programme_add_window(ag06_programme *programme, double mean_square)
{
    histogram_add(&programme->windows, mean_square);
}

double ag06_programme_integrated_lufs(const ag06_programme *programme)
{
    const ag06_loudness_histogram *h = &programme->blocks;
    double energy;

    if (h->count == 0)
        return -INFINITY;
    const int first = first_above(h, RELATIVE_GATE * h->energy / (double)h->count);
    const uint64_t count = sum_from(h, first, &energy);
    return count > 0 ? ag06_lufs(energy / (double)count) : -INFINITY;
}

/* The percentiles' ranks are rounded as in the reference code of Tech 3342. */
double ag06_programme_lra_lu(const ag06_programme *programme)
{
    const ag06_loudness_histogram *h = &programme->windows;
    double energy;

    if (h->count == 0)
        return 0;
    const int first = first_above(h, RANGE_GATE * h->energy / (double)h->count);
    const uint64_t count = sum_from(h, first, &energy);
    if (count == 0)
        return 0;
    const uint64_t below = h->count - count;
    const double steps = (double)(count - 1);
    const double low = ranked_lufs(h, below + (uint64_t)(RANGE_LOW * steps + 0.5));
    const double high = ranked_lufs(h, below + (uint64_t)(RANGE_HIGH * steps + 0.5));
    return high > low ? high - low : 0;
}
