/*
 * A chunk of frames through the meter: interleaved into a lane for each channel, K-weighted and
 * squared, and interpolated for true peak (BS.1770-5 Annex 2).
 */
#include "meter.h"

#include "lanes.h"

#include <math.h>
#include <string.h>

#define LIMIT 1e6f /* +120 dBFS: nothing that sound is */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MULTIVERSION __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define MULTIVERSION
#endif

typedef float frame __attribute__((vector_size(16))); /* all lanes */
typedef int32_t frame_bits __attribute__((vector_size(16)));
typedef float pair __attribute__((vector_size(32))); /* all lanes of two frames */
typedef int32_t pair_bits __attribute__((vector_size(32)));

#define FRAME_BITS(x) ((frame_bits){(x), (x), (x), (x)})
#define PAIR_BITS(x) ((pair_bits){(x), (x), (x), (x), (x), (x), (x), (x)})

INLINE frame frame_select(frame_bits mask, frame yes, frame no)
{
    return (frame)((mask & (frame_bits)yes) | (~mask & (frame_bits)no));
}

/* The larger magnitudes; `most` is not negative. Ordered like the integers of their bits. */
INLINE frame frame_peak(frame most, frame x)
{
    const frame_bits a = (frame_bits)x & FRAME_BITS(INT32_MAX);
    const frame_bits b = (frame_bits)most;
    const frame_bits larger = a > b;

    return (frame)((larger & a) | (~larger & b));
}

INLINE pair pair_abs(pair x)
{
    return (pair)((pair_bits)x & PAIR_BITS(INT32_MAX));
}

INLINE pair pair_max(pair most, pair x)
{
    const pair_bits larger = x > most;

    return (pair)((larger & (pair_bits)x) | (~larger & (pair_bits)most));
}

INLINE lanes load_lanes(const double from[AG06_METER_LANES])
{
    lanes x;

    memcpy(&x, from, sizeof x);
    return x;
}

INLINE frame load_frame(const float *from)
{
    frame x;

    memcpy(&x, from, sizeof x);
    return x;
}

INLINE pair load_pair(const float *from)
{
    pair x;

    memcpy(&x, from, sizeof x);
    return x;
}

/* Behind the past in the history, lane by lane, made sane; peaks by the way. */
INLINE frame take_frames(ag06_meter *meter, const float *first, const float *second, uint32_t count)
{
    const frame limit = {LIMIT, LIMIT, LIMIT, LIMIT};
    float *to = &meter->history[METER_PAST * AG06_METER_LANES];
    frame most = {0};

    for (uint32_t n = 0; n < count; n++) {
        frame x = {first[2 * n], first[2 * n + 1], second ? second[2 * n] : 0,
                   second ? second[2 * n + 1] : 0};

        x = (frame)((frame_bits)x & (x == x));
        x = frame_select(x < limit, x, limit);
        x = frame_select(x > -limit, x, -limit);
        memcpy(&to[AG06_METER_LANES * n], &x, sizeof x);
        most = frame_peak(most, x);
    }
    return most;
}

INLINE void run_squares(ag06_meter *meter, uint32_t count, double block_squares[AG06_METER_LANES])
{
    const float *from = &meter->history[METER_PAST * AG06_METER_LANES];
    const ag06_meter_section f = meter->shelf;
    const ag06_meter_section g = meter->highpass;
    lanes f1 = load_lanes(meter->state[0]);
    lanes f2 = load_lanes(meter->state[1]);
    lanes g1 = load_lanes(meter->state[2]);
    lanes g2 = load_lanes(meter->state[3]);
    lanes weighted = load_lanes(meter->weighted);
    lanes squares = load_lanes(meter->present.squares);
    lanes products = load_lanes(meter->present.products);
    lanes block = load_lanes(block_squares);

    for (uint32_t n = 0; n < count; n++) {
        const lanes x = __builtin_convertvector(load_frame(&from[AG06_METER_LANES * n]), lanes);
        const lanes square = x * x;
        const lanes y = f.b0 * x + f1;
        const lanes z = g.b0 * y + g1;
        const lanes f1_next = (f.c1 * x + f2) - f.a1 * f1;
        const lanes g1_next = (g.c1 * y + g2) - g.a1 * g1;

        f2 = f.c2 * x - f.a2 * f1;
        g2 = g.c2 * y - g.a2 * g1;
        f1 = f1_next;
        g1 = g1_next;
        weighted += z * z;
        squares += square;
        block += square;
        products += x * __builtin_shufflevector(x, x, 1, 0, 3, 2);
    }
    memcpy(meter->state[0], &f1, sizeof f1);
    memcpy(meter->state[1], &f2, sizeof f2);
    memcpy(meter->state[2], &g1, sizeof g1);
    memcpy(meter->state[3], &g2, sizeof g2);
    memcpy(meter->weighted, &weighted, sizeof weighted);
    memcpy(meter->present.squares, &squares, sizeof squares);
    memcpy(meter->present.products, &products, sizeof products);
    memcpy(block_squares, &block, sizeof block);
}

/* Largest magnitude at 1/4, 1/2 and 3/4 between two samples; |E + O| and |E - O| have |E| + |O| as
 * the larger. Two pairs of frames at a time. */
INLINE frame run_interpolator(const ag06_meter *meter, uint32_t count)
{
    const int32_t frames = (int32_t)count;
    const float *x = meter->history;
    pair most = {0};

    for (int32_t n = 0; n < frames; n += 4, x += 4 * AG06_METER_LANES) {
        pair even[2] = {{0}, {0}};
        pair odd[2] = {{0}, {0}};
        pair half[2] = {{0}, {0}};
#pragma GCC unroll 12
        for (int i = 0; i < AG06_TRUE_PEAK_PAIRS; i++)
#pragma GCC unroll 2
            for (int p = 0; p < 2; p++) {
                const pair a = load_pair(&x[(2 * p + i) * AG06_METER_LANES]);
                const pair b = load_pair(&x[(2 * p + METER_PAST - i) * AG06_METER_LANES]);
                const pair sum = a + b;

                even[p] += sum * meter->quarter_even[i];
                odd[p] += (a - b) * meter->quarter_odd[i];
                half[p] += sum * meter->half[i];
            }
        for (int p = 0; p < 2; p++) {
            const int32_t at = n + 2 * p;
            const pair_bits there =
                (pair_bits){at, at, at, at, at + 1, at + 1, at + 1, at + 1} < PAIR_BITS(frames);
            const pair quarters = pair_abs(even[p]) + pair_abs(odd[p]);

            most = pair_max(most, (pair)((pair_bits)pair_max(quarters, pair_abs(half[p])) & there));
        }
    }
    return frame_peak((frame){most[0], most[1], most[2], most[3]},
                      (frame){most[4], most[5], most[6], most[7]});
}

INLINE void raise_to(float level[AG06_METER_LANES], frame most)
{
    most = frame_peak(load_frame(level), most);
    memcpy(level, &most, sizeof most);
}

MULTIVERSION
void meter_run_chunk(ag06_meter *meter, const float *first, const float *second, uint32_t count,
                     double block_squares[AG06_METER_LANES], ag06_levels *levels)
{
    const frame peak = take_frames(meter, first, second, count);

    run_squares(meter, count, block_squares);
    const frame true_peak = frame_peak(peak, run_interpolator(meter, count));
    raise_to(levels->peak, peak);
    raise_to(meter->present.peak, peak);
    raise_to(meter->max_peak, peak);
    raise_to(meter->present.true_peak, true_peak);
    raise_to(meter->max_true_peak, true_peak);
    memmove(meter->history, &meter->history[count * AG06_METER_LANES],
            METER_PAST * AG06_METER_LANES * sizeof *meter->history);
}
