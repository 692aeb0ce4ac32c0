"""The device server that reads code and configuration files for scrubbing, a slice a request, and both ends' layouts.

It keeps nothing and writes nothing. Which files there are is looked up at SCAN and holds until the next one. No request
makes it raise: a file that cannot be read is an answer. All big-endian; CRC-32 is zlib's.

| opcode | body | answer's body |
|---|---|---|
| 1 SCAN | none | number of files u16 |
| 2 SLICE | file u16, offset u32, CRC-32 so far u32 | kind u8, size u32, end u32, CRC-32 u32, name |
"""

import os
import struct
import zlib
from collections.abc import Sequence
from enum import IntEnum, unique
from typing import Final, NamedTuple, Protocol

FILES_MAX: Final = 512
"""Files that are checked; what is beyond is not."""
SLICE_OCTETS: Final = 65_536
NAME_OCTETS_MAX: Final = 80
SIZE_MAX: Final = 0xFFFF_FFFF
CODE: Final = 16
SETTINGS: Final = 17
"""Kinds of files, as `fsw.mdb.memory.Scrubbed` has them."""
_SLICE: Final = struct.Struct(">HII")
_SLICED: Final = struct.Struct(">BIII")
_LEFT_OUT: Final = frozenset(("__pycache__",))


@unique
class Ask(IntEnum):
    """First octet of a request."""

    SCAN = 1
    SLICE = 2


@unique
class Told(IntEnum):
    """First octet of an answer."""

    OK = 0
    MALFORMED = 1
    NO_SUCH_FILE = 2
    UNREADABLE = 3  # kind and name stand behind it as after OK


class CheckedFile(NamedTuple):
    """One file: what kind of thing it is for scrubbing (u8), and its name."""

    kind: int
    name: str


class Sliced(NamedTuple):
    """A slice was read: it is the last one when `end` is the file's `size`; not readable when `size` is None."""

    file: CheckedFile
    size: int | None
    end: int
    crc: int


class Files(Protocol):
    """Where the files are: folders, or a bench's memory."""

    def scan(self) -> Sequence[CheckedFile]:
        """All files, in one order, each name once."""
        ...

    def read(self, file: CheckedFile, offset: int, octets: int) -> tuple[int, bytes] | None:
        """The file's size and its octets from `offset` on, at most so many; None when it cannot be read."""
        ...


class Root(NamedTuple):
    """A folder: files below it whose names end so are of that kind."""

    kind: int
    folder: str
    prefix: str
    endings: tuple[str, ...]


class FolderFiles:
    """Files below folders; links are not followed."""

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = roots
        self._paths: dict[CheckedFile, str] = {}

    def scan(self) -> Sequence[CheckedFile]:
        """All files, in order of kind and name; a name keeps its last 80 characters."""
        self._paths = {}
        for kind, folder, prefix, endings in self._roots:
            for place, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if name not in _LEFT_OUT]
                for name in names:
                    path = os.path.join(place, name)
                    if name.endswith(endings) and not os.path.islink(path):
                        shown = f"{prefix}{os.path.relpath(path, folder)}"
                        printable = "".join(c if " " <= c <= "~" else "?" for c in shown)
                        self._paths.setdefault(CheckedFile(kind, printable[-NAME_OCTETS_MAX:]), path)
        return sorted(self._paths)

    def read(self, file: CheckedFile, offset: int, octets: int) -> tuple[int, bytes] | None:
        """The file's size and a slice of it; None when the disk does not give it."""
        try:
            with open(self._paths[file], "rb", buffering=0) as opened:
                size = os.fstat(opened.fileno()).st_size
                opened.seek(offset)
                return size, opened.read(octets)
        except OSError:
            return None


def flown_files(flight: str, mission: str | None) -> FolderFiles:
    """The files of flight software in folder `flight` and of the mission in another, or of the built-in one."""
    roots = [Root(CODE, flight, "fsw/", (".py",))]
    if mission is None:
        mission = os.path.join(flight, "missions", "rabbit")
    else:
        roots.append(Root(CODE, mission, "mission/", (".py",)))
    return FolderFiles([*roots, Root(SETTINGS, mission, "mission/", ("mission.toml",))])


class CheckedFiles:
    """Serves slices of `files`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._list: Sequence[CheckedFile] = ()

    def serve(self, request: bytes) -> bytes:
        """The answer to one request."""
        opcode, body = request[:1], request[1:]
        if opcode == bytes((Ask.SCAN,)) and not body:
            self._list = self._files.scan()[:FILES_MAX]
            return bytes((Told.OK,)) + len(self._list).to_bytes(2, "big")
        if opcode == bytes((Ask.SLICE,)) and len(body) == _SLICE.size:
            return self._slice(*_SLICE.unpack(body))
        return bytes((Told.MALFORMED,))

    def _slice(self, index: int, offset: int, crc: int) -> bytes:
        if index >= len(self._list):
            return bytes((Told.NO_SUCH_FILE,))
        file = self._list[index]
        name = file.name.encode("ascii")
        found = self._files.read(file, offset, SLICE_OCTETS)
        if found is None or found[0] > SIZE_MAX:
            return bytes((Told.UNREADABLE,)) + _SLICED.pack(file.kind, 0, 0, 0) + name
        size, octets = found
        # A file that grew or shrank while it was read has no next octet: it ends here, as what it is now.
        end = offset + len(octets) if octets else size
        return bytes((Told.OK,)) + _SLICED.pack(file.kind, size, end, zlib.crc32(octets, crc)) + name


def ask_scan() -> bytes:
    """A request to look which files there are."""
    return bytes((Ask.SCAN,))


def ask_slice(index: int, offset: int, crc: int) -> bytes:
    """A request to go on with a file at `offset`; `crc` is that of the octets before it, 0 at the beginning."""
    return bytes((Ask.SLICE,)) + _SLICE.pack(index, offset, crc)


def decode_scan(answer: bytes) -> int | None:
    """How many files there are; None when that was no such answer."""
    return int.from_bytes(answer[1:], "big") if len(answer) == 3 and answer[0] == Told.OK else None


def decode_slice(answer: bytes) -> Sliced | None:
    """What was read of a file; None when that was no such answer."""
    if len(answer) <= _SLICED.size or answer[0] not in (Told.OK, Told.UNREADABLE):
        return None
    kind, size, end, crc = _SLICED.unpack_from(answer, 1)
    name = answer[1 + _SLICED.size :].decode("ascii", "replace")
    if len(name) > NAME_OCTETS_MAX:
        return None
    return Sliced(CheckedFile(kind, name), size if answer[0] == Told.OK else None, end, crc)
