"""The keys of the link: `STATE/keys/XXXX.key`, XXXX the SPI in hex, 32 raw octets, mode 0600 (contract, section 6).

Off nominal: a file that others may read, of another size, or with the octets of another one is a `KeyFileError` whose
sentence names it. A folder that is not there holds no keys. No octet of a key is ever part of a sentence.
"""

import os
import stat
from typing import Final

from fsw.ccsds.sdls import SPI_TC, SPI_TM, SPIS
from fsw.kernel.key import KEY_OCTETS, Key

FOLDER: Final = "keys"
NEEDED: Final = (SPI_TC, SPI_TM)
"""Without these no command comes and no telemetry leaves; a channel whose key is missing is shut."""


class KeyFileError(Exception):
    """Keys that cannot be flown; the text is one sentence."""


def read_keys(state: str) -> dict[int, Key]:
    """The keys of a state folder by SPI, those of the link and no other; empty where there are none."""
    found: dict[int, Key] = {}
    for spi in SPIS:
        path = os.path.join(state, FOLDER, f"{spi:04X}.key")
        octets = _octets(path)
        if octets is None:
            continue
        if octets in (key.octets for key in found.values()):
            raise KeyFileError(f"{path} holds the key of another SPI: each has one of its own")
        found[spi] = Key(octets)
    if found and not found.keys() >= set(NEEDED):
        missing = next(spi for spi in NEEDED if spi not in found)
        raise KeyFileError(f"{os.path.join(state, FOLDER)} has keys, but no {missing:04X}.key")
    return found


def _octets(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(fd)
        octets = os.read(fd, KEY_OCTETS + 1) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(fd)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyFileError(f"{path} may be read by others than its owner; chmod 600 it")
    if len(octets) != KEY_OCTETS:
        raise KeyFileError(f"{path} is no key: a key has {KEY_OCTETS} octets")
    return octets
