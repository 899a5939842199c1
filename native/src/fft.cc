/*
 * A real transform of N values, as the complex one of M = N/2 values z[n] = x[2n] + i x[2n+1]:
 *
 *   four lanes   lane l transforms the P = M/4 values z[4p + l], by KissFFT, all lanes at once
 *   radix 4      Z[k + qP] is the sum over l of i^(-lq) W_M^(lk) Y_l[k], for four k at once
 *   to real      X[k] from Z[k] and Z[M-k]
 *
 * KissFFT's template takes any arithmetic type; ours is four floats side by side, which every
 * compiler turns into vector instructions of the plainest machine.
 */
#include "fft.h"

#include <cmath>
#include <complex>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace
{

constexpr uint32_t LANES = 4;
constexpr uint32_t GRAIN = 32; /* 2 for real, 4 lanes, 4 bins at once */

typedef float Four __attribute__((vector_size(16)));
typedef int32_t Order __attribute__((vector_size(16)));

struct Lanes {
    Four v;

    Lanes() = default;
    Lanes(Four four) : v(four)
    {
    }
    template <typename Number> Lanes(Number number) : v(static_cast<float>(number) - Four{})
    {
    }

    Lanes &operator+=(Lanes b)
    {
        return v += b.v, *this;
    }
    Lanes &operator-=(Lanes b)
    {
        return v -= b.v, *this;
    }
    Lanes &operator*=(Lanes b)
    {
        return v *= b.v, *this;
    }
    Lanes &operator/=(Lanes b)
    {
        return v /= b.v, *this;
    }
};

inline Lanes operator+(Lanes a, Lanes b)
{
    return a.v + b.v;
}
inline Lanes operator-(Lanes a, Lanes b)
{
    return a.v - b.v;
}
inline Lanes operator*(Lanes a, Lanes b)
{
    return a.v * b.v;
}
inline Lanes operator/(Lanes a, Lanes b)
{
    return a.v / b.v;
}
inline Lanes operator-(Lanes a)
{
    return -a.v;
}
inline bool operator==(Lanes a, Lanes b)
{
    return a.v[0] == b.v[0];
}

using Complex = std::complex<Lanes>;

} // namespace

/* What KissFFT's template asks of its number for the twiddle factors, which are equal in all
 * lanes. */
namespace std
{
inline Lanes acos(Lanes x)
{
    return std::acos(x.v[0]);
}
template <> inline Complex exp(const Complex &x)
{
    const double angle = x.imag().v[0];
    return {Lanes(std::cos(angle)), Lanes(std::sin(angle))};
}
} // namespace std

#include <kissfft/kissfft.hh>

namespace
{

Four load(const float *from)
{
    Four four;
    __builtin_memcpy(&four, from, sizeof four);
    return four;
}

void store(float *to, Four four)
{
    __builtin_memcpy(to, &four, sizeof four);
}

Four backwards(Four a)
{
    return __builtin_shuffle(a, Order{3, 2, 1, 0});
}

struct FourByFour {
    Four row[LANES];
};

FourByFour transposed(const FourByFour &m)
{
    const Four low01 = __builtin_shuffle(m.row[0], m.row[1], Order{0, 4, 1, 5});
    const Four high01 = __builtin_shuffle(m.row[0], m.row[1], Order{2, 6, 3, 7});
    const Four low23 = __builtin_shuffle(m.row[2], m.row[3], Order{0, 4, 1, 5});
    const Four high23 = __builtin_shuffle(m.row[2], m.row[3], Order{2, 6, 3, 7});

    return {{__builtin_shuffle(low01, low23, Order{0, 1, 4, 5}),
             __builtin_shuffle(low01, low23, Order{2, 3, 6, 7}),
             __builtin_shuffle(high01, high23, Order{0, 1, 4, 5}),
             __builtin_shuffle(high01, high23, Order{2, 3, 6, 7})}};
}

} // namespace

struct ag06_fft {
    uint32_t half;    /* M */
    uint32_t quarter; /* P */
    kissfft<Lanes> lanes;
    std::vector<Complex> input, output;
    std::vector<Complex> twiddles;   /* W_M^(lk), by k */
    std::vector<float> cosine, sine; /* of 2 pi k / N */
    std::vector<float> z_re, z_im;   /* M + 1: Z[M] is Z[0] */

    explicit ag06_fft(uint32_t length);
    void spread(const float *x);
    void combine();
    void to_real(float *re, float *im) const;
};

ag06_fft::ag06_fft(uint32_t length)
    : half(length / 2), quarter(length / 8), lanes(quarter, false), input(quarter), output(quarter),
      twiddles(quarter), cosine(half + 1), sine(half + 1), z_re(half + 1), z_im(half + 1)
{
    const double turn = 2 * std::acos(-1.0);

    for (uint32_t k = 0; k < quarter; k++) {
        Four re, im;

        for (uint32_t lane = 0; lane < LANES; lane++) {
            const double angle = -turn * lane * k / half;

            re[lane] = static_cast<float>(std::cos(angle));
            im[lane] = static_cast<float>(std::sin(angle));
        }
        twiddles[k] = {Lanes(re), Lanes(im)};
    }
    for (uint32_t k = 0; k <= half; k++) {
        cosine[k] = static_cast<float>(std::cos(turn * k / length));
        sine[k] = static_cast<float>(std::sin(turn * k / length));
    }
}

/* Eight values are four complex ones, one for each lane. */
void ag06_fft::spread(const float *x)
{
    for (uint32_t p = 0; p < quarter; p++) {
        const Four first = load(x + 8 * p), second = load(x + 8 * p + 4);

        input[p] = {Lanes(__builtin_shuffle(first, second, Order{0, 2, 4, 6})),
                    Lanes(__builtin_shuffle(first, second, Order{1, 3, 5, 7}))};
    }
}

void ag06_fft::combine()
{
    for (uint32_t k = 0; k < quarter; k += LANES) {
        FourByFour re, im;

        for (uint32_t i = 0; i < LANES; i++) {
            const Complex turned = output[k + i] * twiddles[k + i];

            re.row[i] = turned.real().v;
            im.row[i] = turned.imag().v;
        }
        re = transposed(re); /* now a row for each lane, an element for each k */
        im = transposed(im);
        const Four even_re = re.row[0] + re.row[2], even_im = im.row[0] + im.row[2];
        const Four even_minus_re = re.row[0] - re.row[2], even_minus_im = im.row[0] - im.row[2];
        const Four odd_re = re.row[1] + re.row[3], odd_im = im.row[1] + im.row[3];
        const Four odd_minus_re = re.row[1] - re.row[3], odd_minus_im = im.row[1] - im.row[3];

        store(&z_re[k], even_re + odd_re);
        store(&z_im[k], even_im + odd_im);
        store(&z_re[k + quarter], even_minus_re + odd_minus_im);
        store(&z_im[k + quarter], even_minus_im - odd_minus_re);
        store(&z_re[k + 2 * quarter], even_re - odd_re);
        store(&z_im[k + 2 * quarter], even_im - odd_im);
        store(&z_re[k + 3 * quarter], even_minus_re - odd_minus_im);
        store(&z_im[k + 3 * quarter], even_minus_im + odd_minus_re);
    }
    z_re[half] = z_re[0];
    z_im[half] = z_im[0];
}

void ag06_fft::to_real(float *re, float *im) const
{
    for (uint32_t k = 0; k < half; k += LANES) {
        const uint32_t mirror = half - k - (LANES - 1);
        const Four a_re = load(&z_re[k]), a_im = load(&z_im[k]);
        const Four b_re = backwards(load(&z_re[mirror])), b_im = backwards(load(&z_im[mirror]));
        const Four c = load(&cosine[k]), s = load(&sine[k]);
        const Four sum_im = a_im + b_im, difference_re = a_re - b_re;

        store(re + k, 0.5f * (a_re + b_re + c * sum_im - s * difference_re));
        store(im + k, 0.5f * (a_im - b_im - c * difference_re - s * sum_im));
    }
    re[half] = z_re[0] - z_im[0];
    im[half] = 0;
}

static bool is_smooth(uint32_t n)
{
    for (uint32_t prime : {2u, 3u, 5u})
        while (n % prime == 0)
            n /= prime;
    return n == 1;
}

uint32_t ag06_fft_length(uint32_t wanted)
{
    const uint32_t below = wanted / GRAIN > 0 ? wanted / GRAIN : 1;

    for (uint32_t away = 0;; away++) {
        if (away < below && is_smooth(below - away))
            return (below - away) * GRAIN;
        if (is_smooth(below + away))
            return (below + away) * GRAIN;
    }
}

ag06_fft *ag06_fft_new(uint32_t length)
{
    if (length == 0 || ag06_fft_length(length) != length)
        return nullptr;
    try {
        return new ag06_fft(length);
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

void ag06_fft_free(ag06_fft *fft)
{
    delete fft;
}

void ag06_fft_run(ag06_fft *fft, const float *x, float *re, float *im)
{
    fft->spread(x);
    fft->lanes.transform(fft->input.data(), fft->output.data());
    fft->combine();
    fft->to_real(re, im);
}
