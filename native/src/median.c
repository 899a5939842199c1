/* How the middle moves: from where it was, bin by bin, with a count of what lies on either side. */
#include "median.h"

#include <string.h>

#define RADIX_BITS 11u
#define RADIX (1u << RADIX_BITS)
#define SIGN 0x80000000u
#define TOLD 0x1p-18F /* of a float: then a bin is as wide as its last digit */

/* Numbers in the order of the floats that they are of. */
static uint32_t key_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static float value_of(uint32_t key)
{
    const uint32_t bits = key & SIGN ? key & ~SIGN : ~key;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The key of a rank from 1 on, digit by digit. */
static uint32_t select_key(const uint32_t *keys, uint32_t count, uint32_t rank)
{
    uint32_t counts[RADIX], found = 0, known = 0;

    for (int shift = 22; shift > -(int)RADIX_BITS; shift -= (int)RADIX_BITS) {
        const uint32_t down = shift > 0 ? (uint32_t)shift : 0;
        uint32_t digit = 0;

        memset(counts, 0, sizeof counts);
        for (uint32_t i = 0; i < count; i++)
            if ((keys[i] & known) == found)
                counts[keys[i] >> down & (RADIX - 1)]++;
        while (counts[digit] < rank)
            rank -= counts[digit++];
        found |= digit << down;
        known |= (RADIX - 1) << down;
    }
    return found;
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static uint32_t half_of(uint32_t count)
{
    return (count + 1) / 2;
}

static uint32_t bin_of(const median *m, float value)
{
    const float bin = (value - m->base) / m->step;

    return bin >= MEDIAN_BINS - 1 ? MEDIAN_BINS - 1 : bin > 0 ? (uint32_t)bin : 0;
}

void median_fit(median *m, const float *values, uint32_t count, uint32_t *scratch)
{
    uint32_t there = 0;
    float middle = 0, deviation = 0;

    for (uint32_t i = 0; i < count; i++)
        if (values[i] == values[i])
            scratch[there++] = key_of(values[i]);
    if (there) {
        middle = value_of(select_key(scratch, there, half_of(there)));
        for (uint32_t i = 0; i < there; i++) {
            const float away = value_of(scratch[i]) - middle;

            scratch[i] = key_of(away < 0 ? -away : away);
        }
        deviation = value_of(select_key(scratch, there, half_of(there)));
    }
    m->least = larger(m->resolution, larger(middle, -middle) * TOLD);
    m->step = larger(deviation, m->least) / MEDIAN_FINE;
    m->base = middle - m->step * MEDIAN_BINS * 0.5F;
    memset(m->bins, 0, sizeof m->bins);
    for (uint32_t i = 0; i < count; i++)
        if (values[i] == values[i])
            m->bins[bin_of(m, values[i])]++;
    m->count = there;
    m->since = 0;
    m->middle = m->below = m->reach = 0;
    m->inside = m->bins[0];
    if (there)
        (void)median_settle(m);
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

void median_add(median *m, float value)
{
    const uint32_t bin = bin_of(m, value);

    m->bins[bin]++;
    m->count++;
    m->below += bin < m->middle;
    m->inside += apart(bin, m->middle) <= m->reach;
}

void median_remove(median *m, float value)
{
    const uint32_t bin = bin_of(m, value);

    m->bins[bin]--;
    m->count--;
    m->below -= bin < m->middle;
    m->inside -= apart(bin, m->middle) <= m->reach;
}

/* Of the bin that many to the right of the middle, which may be beyond the last. */
static uint32_t right(const median *m, uint32_t bins)
{
    return m->middle + bins < MEDIAN_BINS ? m->bins[m->middle + bins] : 0;
}

static uint32_t left(const median *m, uint32_t bins)
{
    return m->middle >= bins ? m->bins[m->middle - bins] : 0;
}

/* Values that are exactly `bins` away from the middle. */
static uint32_t rim(const median *m, uint32_t bins)
{
    return bins ? left(m, bins) + right(m, bins) : m->bins[m->middle];
}

static void move_middle(median *m, uint32_t rank)
{
    while (m->below >= rank) {
        m->inside -= right(m, m->reach);
        m->middle--;
        m->inside += left(m, m->reach);
        m->below -= m->bins[m->middle];
    }
    while (m->below + m->bins[m->middle] < rank) {
        m->inside -= left(m, m->reach);
        m->below += m->bins[m->middle];
        m->middle++;
        m->inside += right(m, m->reach);
    }
}

int median_settle(median *m)
{
    const uint32_t rank = half_of(m->count);

    if (!m->count)
        return 1;
    m->since++;
    move_middle(m, rank);
    while (m->inside < rank && m->reach < MEDIAN_BINS)
        m->inside += rim(m, ++m->reach);
    while (m->reach && m->inside - rim(m, m->reach) >= rank)
        m->inside -= rim(m, m->reach--);

    const float bins = larger(median_deviation(m), m->least) / m->step;

    return bins >= MEDIAN_COARSEST && bins <= MEDIAN_FINEST && m->middle >= MEDIAN_BINS / 4 &&
           m->middle < MEDIAN_BINS / 4 * 3;
}

/* As if the values of a bin lay evenly in it. */
float median_value(const median *m)
{
    const float share = ((float)(half_of(m->count) - m->below) - 0.5F) / (float)m->bins[m->middle];

    return m->base + m->step * ((float)m->middle + share);
}

float median_deviation(const median *m)
{
    if (!m->reach)
        return 0;
    const uint32_t edge = rim(m, m->reach);
    const float share = ((float)(half_of(m->count) + edge - m->inside) - 0.5F) / (float)edge;

    return m->step * ((float)m->reach - 0.5F + share);
}
