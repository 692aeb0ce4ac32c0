"""The keys of the link: `STATE/keys/XXXX.key`, XXXX the key id in hex, 32 raw octets, mode 0600 (contract, section 6).

`STATE/keys/used` says which keys may have flown: a line a key, its id and its check value. It is on the disk before the
first flight under them, so that a store that is lost later gives no counter back.

Off nominal: a file that others may read, of another size, or with the octets of another one, is no key: its slot is
empty, and a sentence names it; so is one whose octets have flown under another id. Only where an association that is
needed has no key at all the link cannot be flown (`KeyFileError`). A folder that is not there holds no keys. Where
`used` cannot be read or written every key counts as used. No octet of a key is ever part of a sentence.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from fsw.ccsds.sdls import KEY_IDS, SPI_TC, SPI_TM
from fsw.kernel.key import KEY_OCTETS, Key, KeyRing, spi_of

FOLDER: Final = "keys"
USED: Final = "used"
NEEDED: Final = (SPI_TC, SPI_TM)
"""Without these no command comes and no telemetry leaves; a channel whose key is missing is shut."""
USED_OCTETS_MAX: Final = 65_536
_CHECK_OCTETS: Final = 8
_OPEN: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_Noted = set[tuple[int, bytes]]
"""Key ids and check values."""


class KeyFileError(Exception):
    """Keys that cannot be flown; the text is one sentence."""


class FoundKeys(NamedTuple):
    """What a state folder has by key id, and why the other files are no keys."""

    keys: Mapping[int, Key]
    wrong: Mapping[int, str]


def read_keys(state: str) -> FoundKeys:
    """The keys of a state folder, those of the link and no other."""
    folder = os.path.join(state, FOLDER)
    keys: dict[int, Key] = {}
    wrong: dict[int, str] = {}
    for key in KEY_IDS:
        path = _path(folder, key)
        try:
            octets = _octets(path)
        except KeyFileError as error:
            wrong[key] = str(error)
            continue
        if octets is None:
            continue
        if octets in (other.octets for other in keys.values()):
            wrong[key] = f"{path} holds the key of another: each has one of its own"
        else:
            keys[key] = Key(octets)
    _must_fly(folder, keys, wrong)
    return FoundKeys(keys, wrong)


def note_use(state: str, found: FoundKeys) -> tuple[KeyRing, tuple[str, ...]]:
    """Have it on the disk that these keys fly; the keys to fly with, and what is wrong with the others."""
    # Not at the top of the file: what is forked before this knows no cipher.
    from fsw.ccsds.key_proof import check_value  # noqa: PLC0415

    folder = os.path.join(state, FOLDER)
    path = os.path.join(folder, USED)
    noted = _read_used(folder)
    if noted is None:
        sentence = f"{path} cannot be read: every key counts as used"
        ring = KeyRing(found.keys, frozenset(found.keys), frozenset(found.wrong))
        return ring, (*found.wrong.values(), sentence)
    checks = {key: check_value(of) for key, of in found.keys.items()}
    flown_as = {check: key for key, check in sorted(noted, reverse=True)}
    wrong = dict(found.wrong)
    for key, check in checks.items():
        if check in flown_as and (key, check) not in noted:
            wrong[key] = f"{_path(folder, key)} holds a key that has flown as {flown_as[check]:04X}"
    keys = {key: of for key, of in found.keys.items() if key not in wrong}
    _must_fly(folder, keys, wrong)
    fly = {(key, checks[key]) for key in keys}
    ring = KeyRing(keys, frozenset(key for key, _ in fly & noted), frozenset(wrong))
    if not fly <= noted:
        try:
            _write_used(folder, fly | noted)
        except OSError as error:
            sentence = f"{path} cannot be written ({error.strerror}): every key counts as used"
            return ring._replace(used=frozenset(keys)), (*wrong.values(), sentence)
    return ring, tuple(wrong.values())


def _path(folder: str, key: int) -> str:
    return os.path.join(folder, f"{key:04X}.key")


def _must_fly(folder: str, keys: Mapping[int, Key], wrong: Mapping[int, str]) -> None:
    """Raise where there are files, and an association that is needed has no key among them."""
    for spi in NEEDED if keys or wrong else ():
        if all(spi_of(key) != spi for key in keys):
            reasons = [sentence for key, sentence in wrong.items() if spi_of(key) == spi]
            raise KeyFileError(reasons[0] if reasons else f"{folder} has keys, but no {spi:04X}.key")


def _octets(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | _OPEN)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(fd)
        octets = os.read(fd, KEY_OCTETS + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(fd)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyFileError(f"{path} may be read by others than its owner; chmod 600 it")
    if len(octets) != KEY_OCTETS:
        raise KeyFileError(f"{path} is no key: a key has {KEY_OCTETS} octets")
    return octets


def _read_used(folder: str) -> _Noted | None:
    """What may have flown; None when that cannot be told."""
    try:
        with open(os.path.join(folder, USED), "rb", opener=lambda path, _: os.open(path, os.O_RDONLY | _OPEN)) as file:
            text = file.read(USED_OCTETS_MAX + 1)
    except FileNotFoundError:
        return set()
    except OSError:
        return None
    if len(text) > USED_OCTETS_MAX:
        return None
    noted: _Noted = set()
    for line in text.splitlines():
        words = line.decode("ascii", "replace").split()
        with suppress(ValueError):
            if len(words) == 2 and len(words[1]) == 2 * _CHECK_OCTETS:
                noted.add((int(words[0], 16), bytes.fromhex(words[1])))
                continue
        return None
    return noted


def _write_used(folder: str, noted: _Noted) -> None:
    """The whole file anew, in the place of the old one; on the disk when this returns."""
    path = os.path.join(folder, USED)
    new = path + ".new"
    with suppress(FileNotFoundError):
        os.unlink(new)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
    with open(fd, "wb") as file:
        file.write("".join(f"{key:04X} {check.hex()}\n" for key, check in sorted(noted)).encode())
        file.flush()
        os.fsync(fd)
    os.replace(new, path)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
