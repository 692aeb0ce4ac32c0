"""Keys of a protected run: a fresh one a SPI in a state folder, and the ground's end with the same."""

import os
from pathlib import Path

from fsw.ccsds.sdls import IV_END, SPIS, Protection, SdlsReject, on_ground
from fsw.kernel.key import KEY_OCTETS, Key


def provisioned(state: str) -> Protection:
    """Put keys into a state folder as an operator does; the ground's end, its counters from 0."""
    folder = Path(state) / "keys"
    folder.mkdir(mode=0o700)
    keys = {spi: Key(os.urandom(KEY_OCTETS)) for spi in SPIS}
    for spi, key in keys.items():
        with open(folder / f"{spi:04X}.key", "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(key.octets)
    protection = on_ground(keys, numbered=True)
    for sender in protection.sending.values():
        sender.begin(0, IV_END)
    return protection


def opened(protection: Protection | None, vcid: int, field: bytes) -> bytes:
    """The data of a TM frame's field. One that is not authentic ends the measurement: no noise is on this line."""
    data = field if protection is None else protection.check(vcid, field)
    assert not isinstance(data, SdlsReject), data
    return data
