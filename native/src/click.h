/*
 * Clicks: samples that do not follow from those before them, and that nothing follows from.
 *
 * What linear prediction cannot tell of a sound is its excitation: noise, the pulses of a voice,
 * the onset of a stroke. A click is far above all else of it within 2 ms, and above nearly all else
 * from 30 ms before to 10 ms behind. So voices are none, for their pulses come again, and strokes
 * are none, for they ring. Predictors are those of the hop before, of its own and of the one
 * behind, and what any of them can tell is told: so an onset counts for little.
 *
 * And a click can be mended. Either a few samples are wrong, and with others in their place nothing
 * is left of it (Vaseghi, "Advanced Digital Signal Processing and Noise Reduction", on impulsive
 * noise: interpolation by least squares). Or it is a joint of two pieces, each of which can be told
 * on its own: the earlier forwards, the later backwards. Crackling of a fire, hands that clap and
 * keys that jingle are neither; and where much has just crackled that could not be mended, a click
 * counts for less.
 */
#pragma once

#include "ag06_faults.h"
#include "past.h"

#define CLICK_ORDER 16
#define CLICK_PARTS_PER_HOP 24 /* of 0.4 ms */
#define CLICK_PARTS (PAST_HOPS * CLICK_PARTS_PER_HOP)

/* What stands out of the excitation. */
typedef struct {
    float above_db;    /* the next highest around it, but for two */
    float level;       /* of the excitation there */
    uint64_t position; /* frames since the beginning */
    int steady;        /* the sound is about as loud behind it as before */
} click_event;

typedef struct {
    uint32_t hop;
    float *window;                    /* two hops: Hann */
    float *windowed;                  /* two hops */
    float *excitation;                /* magnitudes of three hops, the newest last */
    uint32_t before, near;            /* frames: how early a click may begin, and what is near it */
    float predictors[3][CLICK_ORDER]; /* of the two hops before the newest; later; newest */
    float parts[CLICK_PARTS];         /* largest excitation of each, the newest last */
    float crackle;                    /* how many lately that could not be mended */
    click_event found;                /* the clearest of the hop before the newest */
} click;

/* 0 when memory is short; free in any case. */
int click_init(click *s, uint32_t hop);
void click_free(click *s);
void click_reset(click *s);

void click_take(click *s, const past_hops *past, ag06_wave_faults *result);
