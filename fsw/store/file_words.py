"""What crosses the wire about the files of the payload's store, and what a name may be. Both ends use this file.

A request is operation u8, size_max u32, locked u8, repository and name (each length u8 and ASCII). An answer is verdict
u8 (0 done, else the failure code), files u16 and octets u32 in the store, size u32 and locked u8 of the file asked for
(else 0), and (type u8, length u8, name) × n of what is listed.
"""

import re
import struct
from enum import IntEnum, unique
from typing import Final, NamedTuple

DEPTH_MAX: Final = 3
NAME_OCTETS_MAX: Final = 32
ROOT: Final = "/"
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_PATTERN: Final = re.compile(r"[A-Za-z0-9._*?-]+")
_HEAD_OCTETS: Final = 6
_ANSWER: Final = struct.Struct(">BHIIB")


@unique
class FileOperation(IntEnum):
    """What is to be done: the subtype of ST[23] that asks for it."""

    CREATE = 1
    DELETE = 2
    ATTRIBUTES = 3
    LOCK = 5
    UNLOCK = 6
    FIND = 7
    CREATE_DIRECTORY = 9
    DELETE_DIRECTORY = 10
    SUMMARY = 12


class FileRequest(NamedTuple):
    """One request; `name` is a pattern for FIND and empty for SUMMARY."""

    operation: FileOperation
    repository: str
    name: str = ""
    size_max: int = 0
    locked: bool = False


class FileAnswer(NamedTuple):
    """What became of it: `verdict` is 0 or a failure code of ST[01]; `files` and `octets` are all that is stored."""

    verdict: int
    files: int = 0
    octets: int = 0
    size: int = 0
    locked: bool = False
    objects: tuple[tuple[int, str], ...] = ()
    """(type, name): type 0 a file, 1 a directory."""


def is_name(name: str) -> bool:
    """Whether a file or directory may be called so: no `/`, no NUL, no dot in front, so neither `.` nor `..`."""
    return len(name) <= NAME_OCTETS_MAX and _NAME.fullmatch(name) is not None


def is_pattern(pattern: str) -> bool:
    """Whether this may be looked for: characters of names, `*` and `?`."""
    return len(pattern) <= NAME_OCTETS_MAX and _PATTERN.fullmatch(pattern) is not None


def directories(repository: str) -> list[str] | None:
    """The directories of a repository from the root on: `/` or `/name/name`; None when it is no repository."""
    if repository == ROOT:
        return []
    first, *names = repository.split("/")
    return names if not first and 0 < len(names) <= DEPTH_MAX and all(map(is_name, names)) else None


def is_sound(request: FileRequest) -> bool:
    """Whether repository and name may be what they are in this operation."""
    if directories(request.repository) is None:
        return False
    if request.operation is FileOperation.FIND:
        return is_pattern(request.name)
    return not request.name if request.operation is FileOperation.SUMMARY else is_name(request.name)


def encode_request(request: FileRequest) -> bytes:
    """A sound request as it crosses the wire."""
    head = bytes((request.operation,)) + request.size_max.to_bytes(4, "big") + bytes((request.locked,))
    return head + _text(request.repository) + _text(request.name)


def decode_request(octets: bytes) -> FileRequest | None:
    """The request; None when it breaks a rule of its layout or of names."""
    head = octets[:_HEAD_OCTETS]
    texts = _texts(octets[_HEAD_OCTETS:])
    if len(head) < _HEAD_OCTETS or head[0] not in tuple(FileOperation) or head[5] > 1:
        return None
    if texts is None or len(texts) != 2:
        return None
    repository, name = texts
    request = FileRequest(FileOperation(head[0]), repository, name, int.from_bytes(head[1:5], "big"), head[5] == 1)
    return request if is_sound(request) else None


def encode_answer(answer: FileAnswer) -> bytes:
    """An answer as it crosses the wire; numbers too large for their field stand at its end."""
    verdict, files, octets, size, locked, objects = answer
    head = _ANSWER.pack(verdict, min(files, 0xFFFF), min(octets, 0xFFFF_FFFF), min(size, 0xFFFF_FFFF), locked)
    return head + b"".join(bytes((kind,)) + _text(name) for kind, name in objects)


def decode_answer(octets: bytes) -> FileAnswer | None:
    """The answer; None when it breaks a rule of its layout."""
    if len(octets) < _ANSWER.size:
        return None
    verdict, files, stored, size, locked = _ANSWER.unpack_from(octets)
    objects = _objects(octets[_ANSWER.size :])
    if objects is None or locked > 1:
        return None
    return FileAnswer(verdict, files, stored, size, locked == 1, tuple(objects))


def _objects(body: bytes) -> list[tuple[int, str]] | None:
    objects = []
    while body:
        texts = _texts(body[1 : 2 + body[1]]) if len(body) > 1 else None
        if texts is None or len(texts) != 1 or body[0] > 1:
            return None
        objects.append((body[0], texts[0]))
        body = body[2 + body[1] :]
    return objects


def _text(text: str) -> bytes:
    octets = text.encode("ascii")
    return bytes((len(octets),)) + octets


def _texts(octets: bytes) -> list[str] | None:
    texts = []
    while octets:
        text = octets[1 : 1 + octets[0]]
        if len(text) != octets[0] or not text.isascii():
            return None
        texts.append(text.decode("ascii"))
        octets = octets[1 + len(text) :]
    return texts
