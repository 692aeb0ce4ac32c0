"""Keys of the link in folders: made, brought in, looked at, destroyed; never a word of them said (edge: files only).

`FOLDER/keys/XXXX.key`, XXXX the key id in hex, 32 raw octets: files for their owner only, folders likewise. What is
written is on the disk before it counts: file, then folder. A board's keys are three folders: `board` has all of its
slots, `ground` those that the ground works with, `recovery` the one that lies in a safe.

Off nominal: whatever cannot be done is a `KeyFolderError`, one sentence, and no octet of a key is part of it, nor of
what Python shows of it. Nothing is ever written over another key; a board that was not finished leaves nothing behind.
"""

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from fsw.ccsds.key_proof import check_value
from fsw.ccsds.sdls import KEY_IDS
from fsw.kernel.key import KEY_OCTETS, RECOVERY_SLOT, Key, slot_of

FOLDER: Final = "keys"
BOARDS_MAX: Final = 1000
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
BOARD, GROUND, RECOVERY = "board", "ground", "recovery"
PARTS: Final[Mapping[str, tuple[int, ...]]] = {
    BOARD: KEY_IDS,
    GROUND: tuple(key for key in KEY_IDS if slot_of(key) != RECOVERY_SLOT),
    RECOVERY: tuple(key for key in KEY_IDS if slot_of(key) == RECOVERY_SLOT),
}
_TWICE: Final = "holds the key of another id: each has one of its own"
_ALONE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_LOOK: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class KeyFolderError(Exception):
    """What was asked cannot be done; the text is one sentence, and no key is part of it."""


class Seen(NamedTuple):
    """One key id in a folder. `check`: 8 hex digits that tell it from others; empty where it cannot be used."""

    key: int
    check: str
    wrong: str
    """What is wrong with its file, as a sentence; else empty."""


def file_of(folder: Path, key: int) -> Path:
    """Where a key lies in a state folder."""
    return folder / FOLDER / f"{key:04X}.key"


# --- reading ----------------------------------------------------------------------------------------------------------


def read_keys(folder: Path) -> dict[int, Key]:
    """The keys in a state folder by key id, those of the link and no other; empty where there are none."""
    found: dict[int, Key] = {}
    for number in KEY_IDS:
        key = _read(file_of(folder, number))
        if key is None:
            continue
        if _is_among(key, found.values()):
            raise KeyFolderError(f"{file_of(folder, number)} {_TWICE}")
        found[number] = key
    return found


def look(folder: Path) -> list[Seen]:
    """What is there, wrong files too: the list of who has to put it right."""
    seen: list[Seen] = []
    known: list[Key] = []
    for number in KEY_IDS:
        path = file_of(folder, number)
        try:
            key = _read(path)
        except KeyFolderError as error:
            seen.append(Seen(number, "", str(error)))
            continue
        if key is not None:
            wrong = f"{path} {_TWICE}" if _is_among(key, known) else ""
            known.append(key)
            seen.append(Seen(number, check_value(key).hex()[:8], wrong))
    return seen


def folders(under: Path) -> list[Path]:
    """The folders with keys at or under a folder, as `new_boards` lays them out."""
    places = [under, *sorted(under.glob("*")), *sorted(under.glob("*/*"))]
    return [place for place in places if (place / FOLDER).is_dir() and place.name != FOLDER]


def _is_among(key: Key, others: Iterable[Key]) -> bool:
    return any(key.octets == other.octets for other in others)


def _read(path: Path) -> Key | None:
    """The key in a file; None where there is none."""
    try:
        fd = os.open(path, _LOOK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFolderError(f"{path} cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(fd)
        key = _taken(fd) if stat.S_ISREG(status.st_mode) else None
    except OSError as error:
        raise KeyFolderError(f"{path} cannot be read: {error.strerror}") from None
    finally:
        os.close(fd)
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyFolderError(f"{path} may be read by others than its owner; chmod 600 it")
    if key is None:
        raise KeyFolderError(f"{path} is no key: a key has {KEY_OCTETS} octets")
    return key


def _taken(fd: int) -> Key | None:
    """What a file holds, if that is a key: nothing else of it is looked at."""
    octets = os.read(fd, KEY_OCTETS + 1)
    return Key(octets) if len(octets) == KEY_OCTETS else None


# --- making -----------------------------------------------------------------------------------------------------------


def new_boards(into: Path, names: Iterable[str], random: Callable[[int], bytes] = secrets.token_bytes) -> list[Path]:
    """Make the keys of these boards, each its own, in `into/NAME`; returns the boards' folders.

    All names are looked at before the first key is made. A board is there whole or not at all.
    """
    boards = list(names)
    _check_names(into, boards)
    try:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFolderError(f"{into} cannot be made: {error.strerror}") from None
    given: set[bytes] = set()  # check values
    return [_new_board(into / name, random, given) for name in boards]


def _check_names(into: Path, boards: list[str]) -> None:
    if not 1 <= len(boards) <= BOARDS_MAX:
        raise KeyFolderError(f"keys are made for 1 to {BOARDS_MAX} boards at once")
    for number, name in enumerate(boards):
        if NAME.fullmatch(name) is None:
            raise KeyFolderError(f"{name[:40]!r} is no name of a board: a-z 0-9, then a-z 0-9 . _ -, at most 32")
        if name in boards[:number]:
            raise KeyFolderError(f"board {name} is named twice")
        if os.path.lexists(into / name):
            raise KeyFolderError(f"{into / name} is there already: no keys are ever written over")


def _new_board(board: Path, random: Callable[[int], bytes], given: set[bytes]) -> Path:
    made: list[Path] = []
    try:
        keys = {key: _fresh(random, given) for key in KEY_IDS}
        _make(board, made)
        for part, ids in PARTS.items():
            _make(board / part, made)
            _make(board / part / FOLDER, made)
            for key in ids:
                _write(file_of(board / part, key), keys[key], made)
            _sync(board / part / FOLDER)
            _sync(board / part)
        _sync(board)
        _sync(board.parent)
    except OSError as error:
        _unmake(made)
        raise KeyFolderError(f"the keys of {board} cannot be written: {error.strerror}; none of it is left") from None
    except BaseException:
        _unmake(made)
        raise
    return board


def _fresh(random: Callable[[int], bytes], given: set[bytes]) -> Key:
    """A key that was given to nobody. A generator that repeats itself is broken: nothing of it is to be trusted."""
    key = Key(random(KEY_OCTETS))
    check = check_value(key)
    if check in given or len(set(key.octets)) == 1:
        raise KeyFolderError("this machine's source of random numbers repeats itself: no keys are made of that")
    given.add(check)
    return key


def _make(folder: Path, made: list[Path]) -> None:
    folder.mkdir(mode=0o700)
    made.append(folder)


def _write(path: Path, key: Key, made: list[Path]) -> None:
    fd = os.open(path, _ALONE, 0o600)
    made.append(path)
    try:
        if os.write(fd, key.octets) != KEY_OCTETS:
            raise OSError(0, "the disk took half of it")
        os.fsync(fd)
    finally:
        os.close(fd)


def _unmake(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


def _sync(folder: Path) -> None:
    """Have a folder's entries on the disk; where folders cannot be opened (not POSIX) the system does it by itself."""
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- bringing in and destroying ---------------------------------------------------------------------------------------


def install(source: Path, state: Path) -> tuple[list[int], list[int]]:
    """Bring the keys of a folder into a state folder; returns the ids that are new there, and those that were there.

    Nothing is written unless all of it can be: another key under the same id is refused, the same one is no change.
    """
    keys = read_keys(source.parent if source.name == FOLDER else source)
    if not keys:
        raise KeyFolderError(f"{source} has no keys: give a folder that holds {FOLDER}/XXXX.key")
    there = read_keys(state)
    for number, key in keys.items():
        path = file_of(state, number)
        others = [other for each, other in there.items() if each != number]
        if number in there and not _is_among(key, (there[number],)):
            raise KeyFolderError(f"{path} holds another key already, which is not written over")
        if _is_among(key, others):
            raise KeyFolderError(f"{path} would hold the key of another id: each has one of its own")
    fresh = [number for number in keys if number not in there]
    try:
        for folder in (state, state / FOLDER):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / FOLDER).chmod(0o700)
        for number in fresh:
            _put(file_of(state, number), keys[number])
        _sync(state / FOLDER)
        _sync(state)
    except OSError as error:
        raise KeyFolderError(f"the keys in {state / FOLDER} cannot be written: {error.strerror}") from None
    return fresh, [number for number in keys if number in there]


def _put(path: Path, key: Key) -> None:
    """One file, there whole or not at all."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    made: list[Path] = []
    try:
        _write(part, key, made)
        part.rename(path)
    except OSError:
        _unmake(made)
        raise


def erase(folder: Path, key: int) -> None:
    """Destroy a key: its file is overwritten, synced and removed. What a flash disk keeps of old cells is not ours."""
    path = file_of(folder, key)
    try:
        fd = os.open(path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return
    except OSError as error:
        raise KeyFolderError(f"{path} cannot be erased: {error.strerror}") from None
    try:
        os.write(fd, bytes(KEY_OCTETS))
        os.fsync(fd)
    except OSError as error:
        raise KeyFolderError(f"{path} cannot be erased: {error.strerror}") from None
    finally:
        os.close(fd)
    try:
        path.unlink()
        _sync(path.parent)
    except OSError as error:
        raise KeyFolderError(f"{path} cannot be removed: {error.strerror}") from None
