/* The engine while something changes: no bend of a steady tone is more than a fade makes. */
#include "rig.h"
#include "sound.h"

#define RATE 48000u
#define FADE 960u /* frames of every crossfade at RATE: 20 ms */

/* Largest second difference of the left channel: a tone's curvature, and a click's jump. */
static double bend(const float *frames, uint64_t count)
{
    double most = 0;

    for (uint64_t n = 1; n + 1 < count; n++)
        most = fmax(most, fabs((double)frames[2 * n - 2] - 2 * (double)frames[2 * n] +
                               (double)frames[2 * n + 2]));
    return most;
}

typedef struct {
    const char *name;
    ag06_chain_settings before, after;
    uint32_t switches_before, switches_after;
} change;

/*
 * Of a fade of F frames between two steady tones of angular frequency w and amplitudes A and B,
 *   y[n] = a[n] + (b[n] - a[n]) s(n / F), s(x) = 3 x^2 - 2 x^3,
 * the second difference is at most that of the louder tone, plus 2 (a' + b') 3/2 / F on the way,
 * plus (A + B) 6 / F^2 where the fade begins and ends. A quarter on top is for the stages that are
 * still settling: filters that ring, gains that move at their attack.
 */
static double bend_of_a_fade(double tones, double w, double peaks)
{
    return 1.25 * (tones + (3 * w + 6.0 / FADE) * peaks / FADE);
}

/* Output of a steady tone with `settings`; `first` is the position of its first frame. */
static void steady_tone(const change *of, int after, const float *input, float *output,
                        uint64_t frames)
{
    rig on = rig_make(RATE, 1);

    rig_publish(&on, 0, after ? &of->after : &of->before);
    rig_publish(&on, 1, &of->after);
    ag06_arena_switch(on.arena, after ? of->switches_after : of->switches_before);
    rig_restart(&on);
    rig_run(&on, input, output, frames, 128);
    rig_free(&on);
}

/* Whether slot A changes too, or only switches do. */
static int only_switches(const change *of)
{
    return of->switches_before != of->switches_after;
}

static void check_no_click(const change *of)
{
    enum { FRAMES = 24000, AT = 12000, TRIES = 12 };
    float *input = rig_frames(FRAMES);
    float *before = rig_frames(FRAMES);
    float *after = rig_frames(FRAMES);
    float *changed = rig_frames(FRAMES);
    double worst = 0, cut = 0;

    rig_tone(input, 0, FRAMES, 1000, RATE, 0.5);
    steady_tone(of, 0, input, before, FRAMES);
    steady_tone(of, 1, input, after, FRAMES);
    for (uint64_t attempt = 0; attempt < TRIES; attempt++) { /* over a quarter period */
        const uint64_t at = AT + attempt;
        rig on = rig_make(RATE, 1);

        rig_publish(&on, 0, &of->before);
        rig_publish(&on, 1, &of->after);
        ag06_arena_switch(on.arena, of->switches_before);
        rig_restart(&on);
        rig_run(&on, input, changed, at, 128);
        if (!only_switches(of))
            rig_publish(&on, 0, &of->after);
        ag06_arena_switch(on.arena, of->switches_after);
        rig_run(&on, input + 2 * at, changed + 2 * at, FRAMES - at, 128);
        worst = fmax(worst, bend(changed + 2 * (AT - 100), FRAMES - AT + 100));

        memcpy(changed, before, 2 * at * sizeof(float));
        memcpy(changed + 2 * at, after + 2 * at, 2 * (FRAMES - at) * sizeof(float));
        cut = fmax(cut, bend(changed + 2 * (AT - 100), FRAMES - AT + 100));
        rig_free(&on);
    }
    const double tones =
        fmax(bend(before + 2 * AT, FRAMES - AT), bend(after + 2 * AT, FRAMES - AT));
    const double peaks =
        peak_of(before + 2 * AT, FRAMES - AT) + peak_of(after + 2 * AT, FRAMES - AT);
    const double bound = bend_of_a_fade(tones, 2 * M_PI * 1000 / RATE, peaks);

    if (worst > bound || cut < 4 * bound) {
        fprintf(stderr, "%s: second difference %g when faded, %g when cut, of steady tones %g\n",
                of->name, worst, cut, tones);
        CHECK(worst <= bound);
        CHECK(cut >= 4 * bound); /* else the bound would let a click pass */
    }
    free(input);
    free(before);
    free(after);
    free(changed);
}

static void no_change_clicks(void)
{
    enum { CHANGES = 16 };
    change all[CHANGES];
    int count = 0;

#define CHANGE(title, setting)                                                           \
    do {                                                                                 \
        change *c = &all[count++];                                                       \
        *c = (change){.name = (title), .before = rig_neutral(), .after = rig_neutral()}; \
        setting;                                                                         \
    } while (0)

    CHANGE("trim", c->after.trim.gain_db = -60);
    CHANGE("level", c->after.level.gain_db = -60);
    CHANGE("high-pass on", c->after.highpass = ((ag06_highpass_settings){1, 24, 1000}));
    CHANGE("high-pass off", c->before.highpass = ((ag06_highpass_settings){1, 24, 1000}));
    CHANGE("low shelf", c->after.eq.low = ((ag06_band_settings){1, 4000, -24, 0.7}));
    CHANGE("peak 1", c->after.eq.peak1 = ((ag06_band_settings){1, 1000, -24, 1}));
    CHANGE("peak 2", c->after.eq.peak2 = ((ag06_band_settings){1, 1000, -24, 1}));
    CHANGE("high shelf", c->after.eq.high = ((ag06_band_settings){1, 250, -24, 0.7}));
    CHANGE("compressor", c->after.comp = rig_comp(-40, 20, 5, 120));
    CHANGE("make-up", (c->after.comp = rig_comp(0, 2, 5, 120), c->after.comp.makeup_db = 12));
    CHANGE("limiter on", c->after.limiter = ((ag06_limiter_settings){1, -24, 60}));
    CHANGE("limiter off", c->before.limiter = ((ag06_limiter_settings){1, -24, 60}));
    CHANGE("slot", (c->after.trim.gain_db = -60, c->switches_after = AG06_SWITCH_SLOT_B));
    CHANGE("mute", c->switches_after = AG06_SWITCH_MUTE);
    CHANGE("unmute", c->switches_before = AG06_SWITCH_MUTE);
    CHANGE("bypass", (c->before.trim.gain_db = c->after.trim.gain_db = -60,
                      c->switches_after = AG06_SWITCH_BYPASS));
#undef CHANGE
    for (int i = 0; i < count; i++)
        check_no_click(&all[i]);
}

static void a_stream_fades_in(void)
{
    enum { FRAMES = 4800 };
    float *input = rig_frames(FRAMES);
    float *output = rig_frames(FRAMES);
    rig on = rig_make(RATE, 1);

    for (uint64_t stream = 0; stream < 12; stream++) {
        rig_tone(input, stream, FRAMES, 1000, RATE, 0.5);
        ag06_arena_switch(on.arena, stream % 2 ? AG06_SWITCH_BYPASS : 0);
        rig_restart(&on);
        rig_run(&on, input, output, FRAMES, 128);
        CHECK(bend(output, FRAMES) <=
              bend_of_a_fade(bend(input, FRAMES), 2 * M_PI * 1000 / RATE, 0.5));
        CHECK(peak_of(output + 2 * FADE, FRAMES - FADE) > 0.49);
    }
    rig_free(&on);
    free(input);
    free(output);
}

int main(void)
{
    give_up_after(120);
    no_change_clicks();
    a_stream_fades_in();
    puts("ok engine_clicks: no change, and no stream that begins");
    return 0;
}
