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
from contextlib import suppress
from typing import Final, NamedTuple

from fsw.ccsds.key_proof import CHECK_OCTETS, check_value
from fsw.ccsds.sdls import KEY_IDS, SPI_TC, SPI_TM
from fsw.kernel.key import KEY_OCTETS, Key, KeyRing, spi_of

FOLDER: Final = "keys"
USED: Final = "used"
NEEDED: Final = (SPI_TC, SPI_TM)
"""Without these no command comes and no telemetry leaves; a channel whose key is missing is shut."""
USED_OCTETS_MAX: Final = 65_536
_OPEN: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_Noted = set[tuple[int, bytes]]
"""Key ids and check values."""


class KeyFileError(Exception):
    """Keys that cannot be flown; the text is one sentence."""


class FoundKeys(NamedTuple):
    """What a state folder has, why the others are none, and what `used` says: None when it cannot be read."""

    ring: KeyRing
    sentences: tuple[str, ...]
    noted: frozenset[tuple[int, bytes]] | None


def read_keys(state: str) -> FoundKeys:
    """The keys of a state folder, those of the link and no other."""
    folder = os.path.join(state, FOLDER)
    noted = _read_used(folder)
    flown_as = {check: key for key, check in sorted(noted or (), reverse=True)}
    keys: dict[int, Key] = {}
    wrong: dict[int, str] = {}
    for key in KEY_IDS:
        path = os.path.join(folder, f"{key:04X}.key")
        try:
            octets = _octets(path)
        except KeyFileError as error:
            wrong[key] = str(error)
            continue
        if octets is None:
            continue
        found = Key(octets)
        check = check_value(found)
        if octets in (other.octets for other in keys.values()):
            wrong[key] = f"{path} holds the key of another: each has one of its own"
        elif check in flown_as and (key, check) not in (noted or ()):
            wrong[key] = f"{path} holds a key that has flown as {flown_as[check]:04X}"
        else:
            keys[key] = found
    for spi in NEEDED if keys or wrong else ():
        if all(spi_of(key) != spi for key in keys):
            reasons = [sentence for key, sentence in wrong.items() if spi_of(key) == spi]
            raise KeyFileError(reasons[0] if reasons else f"{folder} has keys, but no {spi:04X}.key")
    if noted is None:
        sentence = f"{os.path.join(folder, USED)} cannot be read: every key counts as used"
        return FoundKeys(KeyRing(keys, frozenset(keys), frozenset(wrong)), (*wrong.values(), sentence), None)
    used = frozenset(key for key, found in keys.items() if (key, check_value(found)) in noted)
    return FoundKeys(KeyRing(keys, used, frozenset(wrong)), tuple(wrong.values()), frozenset(noted))


def note_use(state: str, found: FoundKeys) -> tuple[KeyRing, tuple[str, ...]]:
    """Have it on the disk that these keys fly; the keys to fly with, and what went wrong."""
    fly = {(key, check_value(of)) for key, of in found.ring.keys.items()}
    if found.noted is None or fly <= found.noted:
        return found.ring, ()
    try:
        _write_used(os.path.join(state, FOLDER), fly | found.noted)
    except OSError as error:
        sentence = f"{os.path.join(state, FOLDER, USED)} cannot be written ({error.strerror}): every key counts as used"
        return found.ring._replace(used=frozenset(found.ring.keys)), (sentence,)
    return found.ring, ()


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
    """What has flown; None when that cannot be told."""
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
            if len(words) == 2 and len(words[1]) == 2 * CHECK_OCTETS:
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
