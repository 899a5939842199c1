/*
 * What may be wrong with sound, as measures, hop by hop of 10 ms: one pass, nothing allocated after
 * ag06_faults_new().
 *
 * A measure says how much of something there is, not whether it is a fault: thresholds, hysteresis
 * and severity are the caller's. Every measure is finite, and 0 where there is none of it or the
 * sound cannot tell. Levels are in dB of full scale 1. What happened within a hop is told with that
 * hop, and `*_frames` beside a measure says how far before the hop's end it began, so that the
 * position is known to the frame. The same sound gives the same bits, whatever it was cut from.
 */
#pragma once

#include "ag06_features.h"

/* In the time domain, of one channel: native/src/faults_wave.c. */
typedef struct {
    float clip_ms;              /* on flat tops in the last 50 ms */
    float clip_began_frames;    /* the first of them */
    float clip_level_db;        /* of the flat tops */
    float dropout_ms;           /* a sudden hole in the sound, so far, or that has just ended */
    float dropout_began_frames; /* likewise */
    float dropout_level_db;     /* of the sound right before it */
    float click_db;             /* a click's excitation above the highest other around it */
    float click_began_frames;
    float click_level_db; /* of its excitation: how far a sample is off what was expected */
    float slips_per_s;    /* clicks of one grid */
    float slips_percent;  /* how many places of the grid had one */
    float slips_began_frames;
    float over_db; /* true peak above full scale */
    float over_began_frames;
    float dc_percent; /* of full scale: the constant under the last second */
    float dead_s;     /* after it was alive, and beyond twice its longest such pause before; of
                       * two channels, how much longer than the other */
} ag06_wave_faults;

/*
 * In the spectrum, and over seconds, of one channel: native/src/faults_tone.c.
 *
 * `hum_over_db`: how far the second of the strongest lines at multiples of the mains' frequency
 * stands over what is beside it, in the quiet moments of the last 5 s; the first, less 10 dB, if
 * that is more and it is the fundamental; no more than the lines together are, A-weighted, above
 * -80 dBFS.
 *
 * `tone_over_db`: how far a line that was there, as strong, for all of the last 5 s stands over
 * what is beside it in its quiet moments; no more than it is above -85 dBFS, A-weighted.
 *
 * `feedback_db`: how far a lone narrow peak grew in a straight line, or how far one that stays and
 * is loud is over all of the rest.
 *
 * `floor_db`: of the quietest pauses of the last 10 s, of noise alone, A-weighted; `floor_rise_db`:
 * over what it was in the middle of the last two minutes' pauses.
 *
 * `*_began_frames` are before the hop's end, 0 while there is none of it; to a second, but of
 * feedback to a tenth. `*_level_db` are mean squares.
 */
typedef struct {
    float hum_over_db;
    float hum_level_db;     /* of all its lines */
    float hum_mains_hz;     /* the fundamental: 50 or 60, and what the mains are off */
    float hum_strongest_hz; /* the strongest line */
    float hum_harmonics;    /* lines that are there, of the first 10 */
    float hum_began_frames;
    float tone_over_db;
    float tone_level_db;
    float tone_hz;
    float tone_began_frames;
    float feedback_db;
    float feedback_level_db;
    float feedback_hz;
    float feedback_db_per_s; /* how fast it grew; 0 of one that stays */
    float feedback_began_frames;
    float floor_db;
    float floor_rise_db;
} ag06_tone_faults;

/* Of the two channels together, and of dry and wet: native/src/faults_pair.c. */
typedef struct {
    float imbalance_db; /* left over right, the last 3 s: how far from what it is as a rule */
    float balance_db;   /* left over right, the last 3 s */
    float mono_loss_db; /* what is lost when both are added, the last second; 3 of what is unlike */
    float silent_s;     /* dead_s of the one that is dead for less long */
} ag06_pair_faults;

/* Of what was sent and comes back, of both channels: native/src/faults_loop.c. All 0 without wet.
 */
typedef struct {
    float
        loopback_percent;    /* correlation of dry with the wet of some time before, 100 at most,
                                over 4 s: least of three bands, at a delay that stays for 12 s more */
    float loopback_delay_ms; /* that time */
    float loopback_gain_db;  /* of what comes back over what was sent, to a few dB */
} ag06_loop_faults;

/* Of what is listened to, both channels: of wet where it is known, else of dry. */
typedef struct {
    float loudness_lufs;   /* of the last 30 s, gated at -70 LUFS and at -10 LU; 0 while there are
                              less than 10 s of it */
    float over_target_lu;  /* by which it is over the target, see ag06_faults_aim() */
    float under_target_lu; /* by which it is under it, where it has pauses: a floor alone has not */
} ag06_level_faults;

typedef struct {
    ag06_wave_faults wave[2]; /* left, right */
    ag06_tone_faults tone[2];
    ag06_pair_faults pair;
    ag06_loop_faults loop;
    ag06_level_faults level;
} ag06_hop_faults;

typedef struct ag06_faults ag06_faults;

/* `rate` is 8000 to 192000 frames per second, `channels` 1 or 2. Null otherwise, or when memory is
 * short. Of one channel what is known is `left`, and `pair` is 0. */
ag06_faults *ag06_faults_new(uint32_t rate, uint32_t channels);

void ag06_faults_free(ag06_faults *faults);

/* The loudness that is aimed at, -20 LUFS before the first call; nothing is forgotten. */
void ag06_faults_aim(ag06_faults *faults, float target_lufs);

/* Forget the past, as after frames were lost. */
void ag06_faults_reset(ag06_faults *faults);

/*
 * Take in `hops` hops of interleaved frames, and give as many results. `wet` is what left the
 * mixer, of the same frames; null where it is not known. What is no number counts as silence, and
 * what is beyond 60 dBFS as that.
 */
void ag06_faults_take(ag06_faults *faults, const float *dry, const float *wet, uint32_t hops,
                      ag06_hop_faults *results);
