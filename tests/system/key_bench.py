"""A protected board whose keys are commanded by hand: twenty keys, proofs after RFC 2104, any key to speak under."""

import hmac
import struct
from pathlib import Path

from fsw.capture.recorder import Sink
from tests.system.bench import Bench
from tests.system.by_hand import Report, telecommand, verifications

SPIS = (0x10, 0x11, 0x20, 0x21, 0x23)
KEYS = {spi + (slot << 8): bytes([spi, slot + 1]) * 16 for spi in SPIS for slot in range(4)}
VERIFY, ACTIVATE, DEACTIVATE, ERASE = 63, 64, 65, 66
EMPTY, STANDBY, TRIAL, ACTIVE, SPENT = range(5)
CHANGED, UNUSABLE, WRONG = 94, 98, 99
SLOTS = {0x10: 209, 0x11: 210, 0x20: 211, 0x21: 212, 0x23: 213}
CHALLENGE = bytes(range(16))
TAI_US = 2_145_916_837_000_000
SILENT = -1
"""The code of a request that is not heard at all."""


def said_by(octets: bytes, text: bytes, key: int, more: bytes = b"") -> bytes:
    """What the holder of these octets says."""
    return hmac.digest(octets, b"kratai key " + text + key.to_bytes(2, "big") + more, "sha256")[:16]


class KeyBench:
    """`ask` gives the failure code of a request, 0 without one, -1 when nobody answers."""

    def __init__(self, folder: Path, keys: dict[int, bytes] | None = None, record: Sink | None = None) -> None:
        self.keys = dict(KEYS if keys is None else keys)
        self.bench = Bench(folder, keys=self.keys, record=record)
        self.count = 0
        self.heard: list[Report] = []
        self.bench.run(1)

    def say(self, apid: int, service: int, subtype: int, data: bytes, seconds: float = 0.3) -> int:
        self.count += 1
        octets = telecommand(apid, service, subtype, data, count=self.count)
        self.bench.send(octets)
        self.heard = self.bench.run(seconds)
        said = verifications(self.heard, octets)
        if not said:
            return SILENT
        assert said[-1][0] != 1, "a request has its last word"
        return next((code for _, code in said if code is not None), 0)

    def function(self, number: int, data: bytes, seconds: float = 0.3) -> int:
        return self.say(0x020, 8, 1, struct.pack(">H", number) + data, seconds)

    def ping(self, under: int | None = None) -> bool:
        """Whether a command is served, under that key."""
        before, self.bench.under = self.bench.under, self.bench.under if under is None else under
        try:
            return self.say(0x020, 17, 1, b"") == 0
        finally:
            self.bench.under = before

    def verify(self, key: int) -> int | None:
        """The state it tells, its answer being right; None without a key."""
        code = self.function(VERIFY, struct.pack(">H", key) + CHALLENGE)
        if code:
            assert code == 0x10
            return None
        (told,) = [r for r in self.heard if (r.service, r.subtype) == (8, 191)]
        assert told.data[:2] == struct.pack(">H", key)
        assert told.data[3:] == said_by(self.keys[key], b"verify", key, CHALLENGE)
        return told.data[2]

    def activate(self, key: int, octets: bytes | None = None, seconds: float = 0.3) -> int:
        proof = said_by(self.keys.get(key, b"") if octets is None else octets, b"activate", key)
        return self.function(ACTIVATE, struct.pack(">H", key) + proof, seconds)

    def deactivate(self, key: int, by: int, octets: bytes | None = None, seconds: float = 0.3) -> int:
        proof = said_by(self.keys.get(by, b"") if octets is None else octets, b"deactivate", key)
        return self.function(DEACTIVATE, struct.pack(">HH", key, by) + proof, seconds)

    def erase(self, key: int) -> int:
        """Arm and execute; the code of what was armed."""
        inner = telecommand(0x020, 8, 1, struct.pack(">HH", ERASE, key), count=0x2000 + self.count)
        if code := self.function(60, inner):
            return code
        nonce = next(r.data[:4] for r in self.heard if (r.service, r.subtype) == (8, 190))
        if code := self.function(61, nonce, 0.5):
            return code
        return next((code for _, code in verifications(self.heard, inner) if code is not None), 0)

    def states(self, spi: int) -> list[int]:
        """Of slots 0 to 3, as housekeeping has them."""
        self.bench.run(1.1)
        value = self.bench.app.parameters.values[SLOTS[spi]]
        assert isinstance(value, int)
        return [value >> 4 * slot & 15 for slot in range(4)]

    def file(self, key: int) -> Path:
        return self.bench.board.disk.path.parent / "keys" / f"{key:04X}.key"

    def cut(self) -> None:
        self.bench.cut(0.1)
        self.bench.run(1)

    def lose_store(self, *, whole: bool = True) -> None:
        """The store's files are gone; where not `whole`, another took the place of a damaged one."""
        self.bench.board.cut()
        for file in self.bench.board.disk.path.parent.glob("*.sqlite*"):
            file.unlink()
        if not whole:
            self.bench.board.disk.path.write_bytes(b"no database at all" * 100)
        self.bench.boot()
        self.bench.run(1)

    def tell_time(self) -> None:
        """The lander says what time it is."""
        self.bench.beats = True
        for _ in range(3):
            tai_us = TAI_US + self.bench.clock.now() + 300_000
            cuc = b"\x1e" + struct.pack(">IH", tai_us // 1_000_000, tai_us % 1_000_000 * 65_536 // 1_000_000)
            self.bench.lander(0x011, cuc + bytes((37, 2, 0)))
            self.bench.run(1)


def events(reports: list[Report], number: int) -> list[bytes]:
    """What such events say."""
    return [r.data[2:] for r in reports if r.service == 5 and r.data[:2] == struct.pack(">H", number)]
