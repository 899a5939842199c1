"""The file of a recording: whole up to its last second at any moment, and under its own name at the end.

It is written beside its name, with `.part` added. A process that is killed leaves that: it is a sound file
as it stands, and needs no more than to be renamed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ag06d.errors import RequestError
from ag06d.recorder.spec import PART

SUBTYPES = {"float": "FLOAT", "int24": "PCM_24"}
# RF64 is WAV that may grow beyond 4 GiB; libsndfile makes a plain WAV of it as long as it is smaller.
CONTAINERS = {".wav": "RF64", ".flac": "FLAC"}
UPDATE_HEADER_NOW, RF64_AUTO_DOWNGRADE = 0x1060, 0x1210  # sndfile.h; soundfile has no names for them
FLAC_BLOCK = 4096  # frames that libFLAC encodes at a time, once there is one more
FLAC_TOTAL_AT = 21  # offset of the 36 bits of STREAMINFO that tell the number of frames (RFC 9639, 8.2)
SILENCE_FRAMES = 1 << 16  # written at a time

WRITE_ERRORS = (OSError, soundfile.SoundFileError)


class RecordingFile:
    """A sound file in the making."""

    def __init__(self, path: Path, sample_format: str, channels: int, rate: int, *, overwrite: bool) -> None:
        """Begin it; raises RequestError with what is in the way."""
        self.path = path
        self.part = path.with_name(path.name + PART)
        self.frames = 0
        self._channels, self._overwrite = channels, overwrite
        self._whole_numbers = sample_format != "float"
        self._flac = path.suffix.lower() == ".flac"
        try:
            self._refuse_to_spoil()
            self._fd = os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise refusal(path, error) from error
        try:
            with in_the_words_of_the_system():
                self._file = soundfile.SoundFile(
                    self._fd,
                    "w",
                    samplerate=rate,
                    channels=channels,
                    format=CONTAINERS[path.suffix.lower()],
                    subtype=SUBTYPES[sample_format],
                    closefd=False,
                )
        except WRITE_ERRORS as error:
            os.close(self._fd)
            self.part.unlink()
            words = error.strerror if isinstance(error, OSError) else str(error)
            hint = "make room, or name a place where there is some"
            raise RequestError("denied", f"{path}: cannot be written: {words}", hint) from error
        self._command(RF64_AUTO_DOWNGRADE, 1)

    def _command(self, command: int, argument: int) -> None:
        # soundfile has no public door to these; the answer says only whether the format knows the command
        soundfile._snd.sf_command(self._file._file, command, soundfile._ffi.NULL, argument)  # noqa: SLF001

    def _refuse_to_spoil(self) -> None:
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not self._overwrite and os.path.lexists(self.path):
            raise FileExistsError(errno.EEXIST, "is there already")

    def write(self, sound: npt.NDArray[np.float32]) -> None:
        """Append frames; raises one of WRITE_ERRORS."""
        # As a whole number, what is not a number would be a click at full scale.
        frames = np.nan_to_num(sound) if self._whole_numbers else sound
        with in_the_words_of_the_system():
            self._file.write(frames)
        self.frames += len(frames)

    def silence(self, frames: int) -> None:
        """Append silence; raises one of WRITE_ERRORS."""
        nothing = np.zeros((min(frames, SILENCE_FRAMES), self._channels), np.float32)
        for start in range(0, frames, SILENCE_FRAMES):
            self.write(nothing[: frames - start])

    def update(self) -> None:
        """Have the header tell of all frames so far; raises OSError."""
        if self._flac:
            # libFLAC tells of it at the end alone, and without it many readers see no frame at all.
            total = max(self.frames - 1, 0) // FLAC_BLOCK * FLAC_BLOCK
            before = os.pread(self._fd, 1, FLAC_TOTAL_AT)[0] & 0xF0
            os.pwrite(self._fd, (before << 32 | total).to_bytes(5, "big"), FLAC_TOTAL_AT)
        else:
            self._command(UPDATE_HEADER_NOW, 0)

    def finish(self) -> Path:
        """Close the file and give it its name; where it is now. Raises one of WRITE_ERRORS.

        Its name stays that of the part if somebody else's file has taken the name meanwhile.
        """
        try:
            self._file.close()
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
        if not self._overwrite and os.path.lexists(self.path):
            return self.part
        self.part.replace(self.path)
        return self.path


@contextmanager
def in_the_words_of_the_system() -> Iterator[None]:
    """Raises OSError with what was wrong, where libsndfile itself says only "system error"."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        if number := soundfile._ffi.errno:  # noqa: SLF001 - there is no public door to it
            raise OSError(number, os.strerror(number)) from error
        raise


def refusal(path: Path, error: OSError) -> RequestError:
    """Why a file cannot be begun, and what would be right."""
    message = f"{error.filename or path}: {error.strerror}"
    match error:
        case FileExistsError():
            return RequestError("conflict", message, "give another name, or move what is there")
        case OSError() if not path.parent.is_dir():
            return RequestError("bad_request", f"{path.parent}: no such folder", "make it, or name another")
        case IsADirectoryError():
            return RequestError("bad_request", message, "name a file in it")
    return RequestError("denied", message, "name a place where the daemon's user may write")
