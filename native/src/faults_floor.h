/* The noise floor of one channel, which is what its pauses have, and how far it rose. */
#pragma once

#include "ag06_faults.h"

#include "faults_lines.h"

#define FLOOR_BANDS 10
#define FLOOR_STRETCH 4   /* spectra that are to be alike */
#define FLOOR_RECENT 100  /* spectra: 10 s */
#define FLOOR_AROUND 20   /* seconds */
#define FLOOR_HISTORY 120 /* seconds in which there was a pause */

typedef struct {
    uint32_t edges[FLOOR_BANDS + 1];
    float weights[FLOOR_BANDS];   /* A */
    float variances[FLOOR_BANDS]; /* of the level of noise in a band, in dB^2 */
    float bands_db[FLOOR_STRETCH][FLOOR_BANDS];
    float noisy[FLOOR_STRETCH];    /* share of the bands that hold noise rather than lines */
    float recent_db[FLOOR_RECENT]; /* of stretches that end there; 0: is none */
    float history_db[FLOOR_HISTORY];
    float loudest_db[FLOOR_AROUND]; /* of each second */
    uint32_t at, seen;              /* spectra */
    uint32_t kept;                  /* seconds of history */
    float floor_db, usual_db;
} floor_faults;

/* `spectra` is what the spectra come from. */
void floor_faults_init(floor_faults *floor, const line_layout *spectra);
void floor_faults_reset(floor_faults *floor);

/* A power spectrum, or null where none was taken in this hop. */
void floor_faults_take(floor_faults *floor, const float *power, ag06_tone_faults *result);
