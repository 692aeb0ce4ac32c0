"""A recording's file on the bench's side, where a disk may be waited for. A flight process has `hal.file_child`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsw.capture.format import MAGIC
from fsw.capture.recorder import Sink


class CaptureError(Exception):
    """A file that cannot take a recording; the text is one sentence."""


@contextmanager
def recording(path: Path | None) -> Iterator[Sink | None]:
    """A sink into a fresh file, in the place of an older recording; None without a path.

    Off nominal: a file that is there and is no recording stays as it is: `CaptureError`, as for a disk that refuses.
    """
    if path is None:
        yield None
        return
    try:
        if path.exists() and path.stat().st_size:
            with path.open("rb") as there:
                if there.read(len(MAGIC) - 1) != MAGIC[:-1]:
                    raise CaptureError(f"{path} exists and is no recording; give another name")
        with path.open("wb") as file:
            yield lambda octets: file.write(octets) == len(octets)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from error
