"""Levels and loudness: `meters`, `meters.reset` and the topic `meters.`."""

from __future__ import annotations

from ag06d.wire.vocabulary.model import Answer, Body, Operation, Part

Both = list[float]


class Levels(Part):
    """What is measured of dry and of wet; lists hold left and right."""

    peak_db: Both
    """Left, right: largest sample since the message before, dBFS."""
    rms_db: Both
    """Left, right: RMS since the message before, dBFS; a full-scale square wave has 0."""
    momentary_lufs: float
    """Loudness of the last 400 ms (ITU-R BS.1770-5, EBU Tech 3341)."""
    short_term_lufs: float
    """Loudness of the last 3 s."""
    integrated_lufs: float
    """Loudness since the reset, gated at -70 LUFS and at -10 LU."""
    lra_lu: float
    """Loudness range since the reset (EBU Tech 3342); 0 while nothing passed its gates."""
    max_momentary_lufs: float
    """Largest `momentary_lufs` of a whole window since the reset."""
    max_short_term_lufs: float
    """Largest `short_term_lufs` of a whole window since the reset."""
    true_peak_dbtp: float
    """Largest true peak of both channels since the reset, by four times oversampling."""
    max_peak_db: Both
    """Left, right: largest sample since the reset, dBFS."""
    momentary_true_peak_dbtp: Both
    """Left, right: true peak of the last 400 ms."""
    momentary_rms_db: Both
    """Left, right: RMS of the last 400 ms, unweighted."""
    crest_db: Both
    """Left, right: sample peak over RMS of the last 400 ms; 0 for silence."""
    correlation: float
    """Of left and right over the last 400 ms, -1 to 1; 0 where one of them is silent."""


class Reduction(Part):
    """dB by which each stage turns down."""

    gate: float
    deess: float
    comp: float
    limiter: float


class Reductions(Part):
    """Of each slot."""

    a: Reduction
    b: Reduction


class InEffect(Part):
    """Parameters of a slot that are in effect."""

    sequence: int
    """Sequence number of the parameters in effect, as `sequences` in the answer to a change told it."""
    position: int
    """Sample position at which the crossfade to them began."""


class Applied(Part):
    """Of each slot."""

    a: InEffect
    b: InEffect


class Readings(Part):
    """Levels, loudness and gain reduction."""

    frames: int
    """Frames since the message before."""
    dry: Levels
    wet: Levels
    reduction_db: Reductions
    """Most that each stage of each slot turned down since the message before, in dB."""
    flags: int
    """Flags of the blocks since the message before, as `native/include` names them."""
    resets: int
    """Number of the last reset that is in effect."""
    applied: Applied


class Meters(Readings, Answer):
    """The answer to `meters`."""


class MetersBody(Readings, Body):
    """The body of `meters.`."""


class Reset(Answer):
    """The answer to `meters.reset`."""

    resets: int
    """The number that `meters` echoes once the reset is in effect."""


OPERATIONS = (
    Operation("meters", "Levels, loudness and true peak of dry and wet", Meters),
    Operation("meters.reset", "Begin integrated loudness, loudness range and all maxima afresh", Reset),
)
