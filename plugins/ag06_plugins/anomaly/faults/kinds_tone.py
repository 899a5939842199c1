"""Kinds of fault of the spectrum, of levels over seconds, and of what comes back."""

from __future__ import annotations

from typing import Final

from ag06_plugins.anomaly.faults.rule import Rule

HUM: Final = Rule(
    kind="hum",
    doc="Hum of the mains: a low buzz that stays, of 50 or 60 Hz and multiples. It comes from a ground "
    "loop, a cable that is not balanced, or a power supply near a microphone: try another socket, cable "
    "or place. It is told five seconds after it began.",
    measure="hum_over_db",
    unit="dB",
    threshold=9.0,
    release=5.0,
    bounds=(5.0, 40.0),
    severe=(12.0, 22.0, 36.0),
    lasting_s=120.0,
    open_hops=60,  # more than twice the 250 ms between two looks: three that agree
    close_hops=100,
    began="hum_began_frames",
    feature="hum:{channel}.hum_50_db",
    evidence=(
        ("hum_mains_hz", "Hz"),
        ("hum_level_db", "dBFS"),
        ("hum_strongest_hz", "Hz"),
        ("hum_harmonics", ""),
    ),
)

STEADY_TONE: Final = Rule(
    kind="tone",
    doc="A steady tone, such as a whistle, a whine, or what USB leaves at 1 or 8 kHz: a sine that goes on "
    "behind everything, longer and steadier than any note. Look for power supplies, screens and USB "
    "hubs near the mixer. It is told six seconds after it began.",
    measure="tone_over_db",
    unit="dB",
    threshold=10.0,
    release=7.0,
    bounds=(6.0, 50.0),
    severe=(18.0, 32.0, 48.0),
    lasting_s=120.0,
    open_hops=60,  # more than the 500 ms between two looks
    close_hops=150,
    began="tone_began_frames",
    feature="pitch:{channel}.hnr_db",
    evidence=(("tone_hz", "Hz"), ("tone_level_db", "dBFS")),
)

FEEDBACK: Final = Rule(
    kind="feedback",
    doc="Feedback: a loudspeaker is heard by the microphone that feeds it, and one frequency grows by "
    "itself until it howls. Turn the loudspeaker or the gain down, or move one away from the other. It "
    "is told within some tenths of a second of its standing out.",
    measure="feedback_db",
    unit="dB",
    threshold=11.0,
    release=5.0,
    bounds=(8.0, 40.0),
    severe=(0.0, 15.0, 25.0),  # never low: it gets worse by itself
    open_hops=25,  # a note that is swept by a filter is mostly over by then
    close_hops=30,
    began="feedback_began_frames",
    feature="level:{channel}.peak_db",
    evidence=(("feedback_hz", "Hz"), ("feedback_level_db", "dBFS"), ("feedback_db_per_s", "dB/s")),
    hides=("tone",),
)

NOISE_FLOOR: Final = Rule(
    kind="noise_floor",
    doc="The noise floor rose: pauses that were quieter over the last minutes now have noise, as of a fan, "
    "a gain that was turned up, or a bad cable. Only steady noise without tones counts, in pauses "
    "between sound; it is told about ten seconds after it began.",
    measure="floor_rise_db",
    unit="dB",
    threshold=6.0,
    release=4.0,
    bounds=(4.0, 30.0),
    severe=(10.0, 18.0, 30.0),
    open_hops=200,
    close_hops=300,
    feature="level:{channel}.noise_floor_db",
    evidence=(("floor_db", "dBFS(A)"),),
)

LOOPBACK: Final = Rule(
    kind="loopback",
    doc="Our own output comes back into our input, as through the mixer's LOOPBACK switch: listeners hear "
    "an echo, or a hollow sound. Switch LOOPBACK off, or do not play what is recorded. Some 15 seconds "
    "of sound are needed to tell it from sound that repeats.",
    measure="loop.loopback_percent",
    unit="%",
    threshold=7.0,
    release=4.0,
    bounds=(4.0, 50.0),
    severe=(10.0, 25.0, 60.0),
    lasting_s=60.0,
    open_hops=10,
    close_hops=300,
    feature="meter:correlation",
    evidence=(("loop.loopback_delay_ms", "ms"), ("loop.loopback_gain_db", "dB")),
)

LOUDNESS_LOW: Final = Rule(
    kind="loudness_low",
    doc="For half a minute it is far softer than the target loudness: turn the gain or the chain's level "
    "up. With no target set it is -20 LUFS, and nothing is said within 15 LU of it.",
    measure="level.under_target_lu",
    unit="LU",
    threshold=15.0,
    release=12.0,
    bounds=(2.0, 40.0),
    severe=(20.0, 30.0, 50.0),
    open_hops=500,
    close_hops=500,
    feature="meter:short_term_lufs",
    evidence=(("level.loudness_lufs", "LUFS"),),
)

LOUDNESS_HIGH: Final = Rule(
    kind="loudness_high",
    doc="For half a minute it is far louder than the target loudness: turn the gain or the chain's level "
    "down. With no target set it is -20 LUFS, and nothing is said within 15 LU of it.",
    measure="level.over_target_lu",
    unit="LU",
    threshold=15.0,
    release=12.0,
    bounds=(2.0, 40.0),
    severe=(17.0, 20.0, 30.0),
    open_hops=500,
    close_hops=500,
    feature="meter:short_term_lufs",
    evidence=(("level.loudness_lufs", "LUFS"),),
)

TONE: Final[tuple[Rule, ...]] = (
    HUM,
    STEADY_TONE,
    FEEDBACK,
    NOISE_FLOOR,
    LOOPBACK,
    LOUDNESS_LOW,
    LOUDNESS_HIGH,
)
