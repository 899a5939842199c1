/*
 * What every test program stands on. A program checks one subject, prints one line when all of it
 * holds, and ends with status 1 at the first thing that does not.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define CHECK(expression)                                                                   \
    do {                                                                                    \
        if (!(expression)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #expression); \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

/* As CHECK, with the two unsigned numbers that should have been equal. */
#define CHECK_EQUAL(left, right)                                                                 \
    do {                                                                                         \
        const unsigned long long left_ = (unsigned long long)(left);                             \
        const unsigned long long right_ = (unsigned long long)(right);                           \
        if (left_ != right_) {                                                                   \
            fprintf(stderr, "%s:%d: does not hold: %s == %s (%llu, %llu)\n", __FILE__, __LINE__, \
                    #left, #right, left_, right_);                                               \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

/* Bits into a sum of bits (FNV-1a), which begins as BITS. */
#define BITS 14695981039346656037ULL

static inline uint64_t add_bits(uint64_t bits, const void *values, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)values;

    for (size_t i = 0; i < count; i++)
        bits = (bits ^ bytes[i]) * 1099511628211ULL;
    return bits;
}

/* A wait that never ends is a failure too. No test depends on how long anything takes. */
static inline void give_up_after(unsigned seconds)
{
    alarm(seconds);
}

/* xorshift64*: the same numbers in every run. */
static inline uint64_t random_u64(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

/* Evenly in 0 .. below - 1. */
static inline uint32_t random_below(uint64_t *state, uint32_t below)
{
    return (uint32_t)((random_u64(state) >> 32) * below >> 32);
}

/* Evenly in [low, high). */
static inline double random_in(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(random_u64(state) >> 11) * 0x1p-53;
}
