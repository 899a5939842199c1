/* What bench/callback.py measures with; declarations for a compiler and for cffi. */
#include <stdint.h>

typedef int (*instrument_callback)(const void *input, void *output, unsigned long frames,
                                   const void *time_info, unsigned long flags, void *userdata);

/* Stands between PortAudio and the callback that is measured, whichever it is. */
typedef struct {
    instrument_callback inner;
    void *userdata;
    uint64_t *entry_ns;    /* one a callback, CLOCK_MONOTONIC */
    uint64_t *duration_ns; /* one a callback, all of what PortAudio waits for */
    uint64_t *processor;   /* one a callback, where it began */
    uint64_t capacity;     /* entries */
    uint64_t count;        /* callbacks so far; only the first `capacity` are kept */
    uint32_t restart;      /* set to have the next callback counted as the first; cleared by it */
    float *input;          /* the newest `kept` blocks, as they came and as they left */
    float *output;
    uint64_t kept;
    uint64_t block_frames;
} instrument_tap;

int instrument_tapped(const void *input, void *output, unsigned long frames, const void *time_info,
                      unsigned long flags, void *tap);

/* Arithmetic in registers, `userdata` (uint64_t *) steps of it: touches no memory and asks for nothing. What it
 * takes longer than at its best is the machine's doing. */
int instrument_floor(const void *input, void *output, unsigned long frames, const void *time_info,
                     unsigned long flags, void *userdata);

/* Plays frames of a table into two JACK ports. */
typedef struct {
    void *(*get_buffer)(void *port, uint32_t frames); /* jack_port_get_buffer */
    void *ports[2];
    const float *table; /* interleaved stereo */
    uint64_t table_frames;
    uint64_t at;
} instrument_feeder;

int instrument_feed(uint32_t frames, void *feeder);

/* Sleeps from one multiple of `period_ns` to the next and notes when it was kept from waking. */
typedef struct {
    uint64_t period_ns;
    uint64_t threshold_ns; /* a wake later than this is a stall */
    uint64_t *from_ns;     /* last seen awake before the stall */
    uint64_t *until_ns;    /* awake again */
    uint64_t capacity;
    uint64_t count;        /* stalls; only the first `capacity` are kept */
    uint64_t wakes;
    uint64_t latest_ns;    /* longest delay of a wake */
    volatile uint32_t stop;
} instrument_sleeper;

void instrument_sleep(instrument_sleeper *sleeper);
