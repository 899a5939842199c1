"""A recording's features: what the daemon would have made of it, block by block, as fast as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import soundfile

from ag06_plugins.features import shipped
from ag06_plugins.features.keeping import STATISTICS_HOPS, is_logged, turns
from ag06_plugins.features.settings import StoreConfig
from ag06d.errors import RecordingError
from ag06d.features import SIGNALS, Extractor, Sliding, elements
from ag06d.plugin import FeatureView, RequestError

RATES: Final = (8000, 192_000)  # that the extractor takes
USUAL_RATE: Final = 48_000  # to which others are brought
BLOCK_S: Final = 10
STEREO: Final = 2
# Groups that cost about as much together; those of the first share a spectrum.
SHARES: Final = (("level", "spectrum", "mfcc", "tone"), ("pitch", "hum", "meter"))
MONO_SHARES: Final = (("level", "spectrum", "mfcc", "tone"), ("pitch", "hum"), ("meter",))

Sound = npt.NDArray[np.float32]
Item = TypeVar("Item")


class Recorded(NamedTuple):
    """Rows of a view, and when each was true: seconds from the beginning, at the end of its hop."""

    view: FeatureView
    times_s: npt.NDArray[np.float64]
    rows: Sound


@dataclass(frozen=True, slots=True)
class Wanted:
    """A view that can be made of sound: its place in the extractor's row, and the statistics' window or 0."""

    view: FeatureView
    group: str
    columns: npt.NDArray[np.intp]
    window_s: int

    @property
    def period_s(self) -> float:
        """From row to row."""
        return shipped.period_s(self.window_s) if self.window_s else shipped.HOP_S


def extractable() -> dict[str, Wanted]:
    """Every view that can be made of a recording, by name: all that is shipped but `reduction`."""
    config, found = StoreConfig(), {}
    for part in shipped.parts(config):
        columns = np.array(part.columns)
        found[part.view.name] = Wanted(part.view, part.view.name, columns, 0)
        for window_s in shipped.WINDOWS_S:
            view = shipped.statistics(part.view, window_s, config)
            found[view.name] = Wanted(view, part.view.name, columns, window_s)
    return found


def wanted(names: Iterable[str], *, statistics: bool) -> list[Wanted]:
    """The views of these names, without any all of every 10 ms, and with `statistics` theirs too.

    Raises RequestError for one that cannot be made of a recording.
    """
    there = extractable()
    chosen = list(names)
    for name in chosen:
        if name == shipped.REDUCTION:
            hint = "replay it through the daemon: keep_replays in [plugins.features.store]"
            raise RequestError("bad_request", f"{name} is of the chain, and not in a recording", hint)
        if name.partition("@")[0] not in there:
            hops = [view for view, want in there.items() if not want.window_s]
            hint = f"there is {', '.join(hops)}, and of each its statistics, such as {hops[0]}_10s"
            raise RequestError("unknown_path", f"no view {name!r} is made of sound", hint)
    found = [there[name.partition("@")[0]] for name in dict.fromkeys(chosen)]
    if not chosen:
        return [want for want in there.values() if statistics or not want.window_s]
    if statistics:
        groups = {want.group for want in found}
        found += [want for want in there.values() if want.group in groups and want not in found]
    return found


class Recording:
    """A sound file; `rate` is that at which its features are made, `resampled` whether it has another.

    Raises RecordingError for what cannot be read.
    """

    def __init__(self, path: Path, channels: Sequence[int] = ()) -> None:
        self.path = path
        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{path}: cannot be read as a recording: {error}") from error
        self.file_rate, self.file_channels = int(self._file.samplerate), int(self._file.channels)
        self.frames = int(self._file.frames)
        self.resampled = not RATES[0] <= self.file_rate <= RATES[1]
        self.rate = USUAL_RATE if self.resampled else self.file_rate
        self._channels = self._chosen(channels)

    def _chosen(self, channels: Sequence[int]) -> list[int]:
        """The columns of left and right."""
        chosen = list(channels) or [1, min(STEREO, self.file_channels)]
        if max(chosen) > self.file_channels or min(chosen) < 1:
            has = "one channel" if self.file_channels == 1 else f"{self.file_channels} channels"
            raise RequestError("out_of_range", f"{self.path} has {has}", "counted from 1")
        return [channel - 1 for channel in (chosen * STEREO)[:STEREO]]

    @property
    def mono(self) -> bool:
        """Whether left and right are the same channel."""
        return len(set(self._channels)) == 1

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.file_rate

    def blocks(self, hop: int) -> Iterator[Sound]:
        """All of it in blocks of whole hops at `rate`, float32 (frames, 2); the last is any length."""
        left = np.empty((0, STEREO), dtype=np.float32)
        for part in self._parts():
            left = np.concatenate([left, part]) if len(left) else part
            whole = len(left) // hop * hop
            yield np.ascontiguousarray(left[:whole])
            left = left[whole:]
        yield left

    def _parts(self) -> Iterator[Sound]:
        resample: Any = None
        if self.resampled:
            import soxr  # noqa: PLC0415 - few recordings need it

            resample = soxr.ResampleStream(self.file_rate, self.rate, STEREO, quality="VHQ")
        with self._file as file:
            while True:
                try:
                    sound = file.read(self.file_rate * BLOCK_S, dtype="float32", always_2d=True)
                except soundfile.SoundFileError as error:
                    raise RecordingError(f"{self.path}: cannot be read to its end: {error}") from error
                stereo = sound[:, self._channels]
                last = len(sound) < self.file_rate * BLOCK_S
                yield resample.resample_chunk(stereo, last=last) if resample else stereo
                if last:
                    return


class Share(NamedTuple):
    """Some groups: their extractor, of one channel or two, and where its columns go in a whole row."""

    extractor: Extractor
    channels: int
    columns: npt.NDArray[np.intp]
    places: npt.NDArray[np.intp]


class Together:
    """An extractor whose groups are shared out among threads: the same numbers, on as many processors.

    `mono`: left and right are the same, so that of most groups one channel tells all three signals; those
    of the meter are of both together.
    """

    def __init__(
        self, rate: int, groups: Iterable[str], rolloff: float, pool: ThreadPoolExecutor, *, mono: bool
    ) -> None:
        self._pool = pool
        wants = set(groups)
        shares = [tuple(wants.intersection(share)) for share in (MONO_SHARES if mono else SHARES)]
        self._shares = [
            _share(rate, share, rolloff, 1 if mono and share != ("meter",) else STEREO)
            for share in shares
            if share
        ]
        self._width = len(list(elements()))
        self.hop = self._shares[0].extractor.hop

    def extract(self, sound: Sound) -> Sound:
        """As `Extractor.extract`; the columns of groups that are not wanted are 0."""

        def extract(share: Share) -> Sound:
            rows: Sound = share.extractor.extract(sound if share.channels == STEREO else sound[:, 0])
            return rows

        rows = np.zeros((len(sound) // self.hop, self._width), dtype=np.float32)
        for share, found in zip(self._shares, self._pool.map(extract, self._shares), strict=True):
            rows[:, share.places] = found[:, share.columns]
        return rows


def _share(rate: int, groups: Sequence[str], rolloff: float, channels: int) -> Share:
    extractor = Extractor(rate, channels, groups, rolloff)
    column = {name: at for at, name in enumerate(extractor.fields)}
    places, columns = [], []
    for place, (name, feature) in enumerate(elements()):
        if feature.group in groups:
            _, dot, what = name.partition(".")
            places.append(place)
            columns.append(column[name if channels == STEREO or not dot else f"{SIGNALS[0]}.{what}"])
    return Share(extractor, channels, np.array(columns), np.array(places))


def extracted(
    recording: Recording, wants: Sequence[Wanted], rolloff: float, stream: str = ""
) -> Iterator[list[Recorded]]:
    """The rows of every wanted view, block after block; a block has no entry of a view without rows.

    The numbers are those that the daemon makes of the same sound, for extractor and statistics are the same.
    Statistics are read when the daemon reads those of `stream`, or else at whole seconds.
    """
    windows = {want.window_s for want in wants if want.window_s}
    due = {window_s: turns(stream)[window_s] if stream else 0 for window_s in sorted(windows)}
    sliding = Sliding(windows_s=shipped.WINDOWS_S, rate=recording.rate) if windows else None
    hops = 0
    with ThreadPoolExecutor() as pool:
        extractor = Together(
            recording.rate, {want.group for want in wants}, rolloff, pool, mono=recording.mono
        )
        for sound in ahead(recording.blocks(extractor.hop)):
            rows = extractor.extract(sound)
            ends_s = np.arange(hops + 1, hops + len(rows) + 1) * extractor.hop / recording.rate
            found = [
                Recorded(want.view, ends_s, rows[:, want.columns]) for want in wants if not want.window_s
            ]
            if sliding is not None:
                readings = _readings(sliding, rows, ends_s, hops, due)
                found += [
                    Recorded(want.view, *_taken(readings[want.window_s], want))
                    for want in wants
                    if want.window_s
                ]
            hops += len(rows)
            yield [one for one in found if len(one.times_s)]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """`items`, each of them made while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _readings(
    sliding: Sliding, rows: Sound, ends_s: npt.NDArray[np.float64], hops: int, due: Mapping[int, int]
) -> Mapping[int, list[tuple[float, Sound]]]:
    """By window the readings that the daemon keeps: when, and (elements, statistics)."""
    found: dict[int, list[tuple[float, Sound]]] = {window_s: [] for window_s in due}
    for number, (row, end_s) in enumerate(zip(rows, ends_s, strict=True), hops + 1):
        sliding.push(row)
        for window_s, hop in due.items():
            if number % STATISTICS_HOPS == hop and is_logged(number, window_s):
                found[window_s].append((float(end_s), sliding.read(window_s)))
    return found


def _taken(readings: Sequence[tuple[float, Sound]], want: Wanted) -> tuple[npt.NDArray[np.float64], Sound]:
    times_s = np.array([at for at, _ in readings], dtype=np.float64)
    rows = [read[want.columns].reshape(-1) for _, read in readings]
    return times_s, np.array(rows, dtype=np.float32).reshape(len(rows), len(want.view.columns))
