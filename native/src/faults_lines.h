/* Spectra of the last seconds, and whether a line stands in them steadily. */
#pragma once

#include "fft.h"

#include <stdint.h>

#define LINES_FRAMES_MAX 64
#define LINES_REACH_MAX 24 /* bins */

/* What is kept, and how; one spectrum is taken at each push. */
typedef struct {
    uint32_t window;       /* samples of a spectrum; ag06_fft_length() knows it */
    uint32_t bins;         /* of a spectrum that are kept, from 0 on */
    uint32_t frames;       /* spectra that are kept, a multiple of `block` */
    uint32_t block;        /* spectra whose least is kept together */
    uint32_t guard, reach; /* neighbours of a line are so many bins away from it */
    double rate;           /* of the samples */
} line_layout;

typedef struct {
    line_layout layout;
    ag06_fft *fft;
    float *past; /* a ring, of a window */
    float *taper, *tapered, *re, *im;
    float *power;       /* a ring of spectra: mean squares of sines that would be in a bin */
    float *block_least; /* of each block in the ring, by bin */
    float *least;       /* of all frames, by bin: see lines_find_least() */
    float scale;
    uint32_t past_at; /* its oldest sample */
    uint32_t at;      /* the next frame of the ring of spectra */
    uint32_t taken;   /* frames that are there, layout.frames at most */
} line_history;

/* A line as it was over all frames. It is clear where it is far above its neighbours. */
typedef struct {
    float over_db;  /* over its neighbours, at their quiet moments */
    float level_db; /* its mean square, in dB of full scale 1, at its softer moments */
    float power;    /* the same, not in dB */
    float heard;    /* likewise, A-weighted */
    float wobble;   /* how much its level varies where it is clear: 1 is as much as noise like its
                       neighbours would make it, and STEADY_DB beside */
    float sway;     /* likewise, of the middle ones of fifths of those moments, which noise moves
                       less */
    float contrary; /* share of the moments when it is clear, but much stronger: a note's attack */
    float clear;    /* share of the moments when it is clear */
    float hz;
} line_reading;

/* 0 when memory is short; free all the same. */
int lines_init(line_history *lines, const line_layout *layout);
void lines_free(line_history *lines);
void lines_reset(line_history *lines);

/* The newest samples, fewer than a window; no spectrum is taken. */
void lines_slide(line_history *lines, const float *samples, uint32_t count);

/* Take a spectrum of the last window; returns its power, of layout.bins values. */
const float *lines_take(line_history *lines);

/* Whether every frame is there. */
int lines_full(const line_history *lines);

/* Find the least that each bin had, which is what is there all the time. */
void lines_find_least(line_history *lines);

/* How far `least` of a bin stands out from that of its neighbours, as a ratio of powers: of the
 * side where it does less. 0 where it is no peak. */
float lines_prominence(const line_history *lines, uint32_t bin);

/* A line at a bin; its neighbours are in the spectrum, too. */
void lines_read(const line_history *lines, uint32_t bin, line_reading *reading);

/* A-weighting after IEC 61672-1, as a ratio of powers. */
float a_weight(float hz);
