"""Ground and lander by hand: the contract's layouts with `struct` and `binascii`, as an outside oracle for a board."""

import struct
from contextlib import suppress
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.hil.by_hand import ASM, SCID, cltu, crc, packet, tc_frame

__all__ = [
    "SCID", "Cadus", "Report", "cltu", "crc", "cuc", "packet", "protected", "tc_frame", "telecommand", "verifications",
]  # fmt: skip
ACK_ALL = 0b1111
ACK_GROUND = 0b1001
SOURCE = 7


def cuc(tai_us: int) -> bytes:
    return b"\x1e" + struct.pack(">IH", tai_us // 1_000_000, tai_us % 1_000_000 * 65536 // 1_000_000)


def telecommand(
    apid: int, service: int, subtype: int, data: bytes = b"", *, ack: int = ACK_GROUND, count: int = 0
) -> bytes:
    """Contract section 3: PUS-C telecommand with source id `SOURCE`."""
    head = struct.pack(">HHHBBBH", 0x1800 | apid, 0xC000 | count, len(data) + 6, 0x20 | ack, service, subtype, SOURCE)
    return head + data + struct.pack(">H", crc(head + data))


def function(apid: int, number: int, data: bytes = b"", *, ack: int = ACK_GROUND, count: int = 0) -> bytes:
    """ST[08]: function id u16, arguments in declared order."""
    return telecommand(apid, 8, 1, struct.pack(">H", number) + data, ack=ack, count=count)


class Report(NamedTuple):
    """One PUS telemetry packet, or a plain one (service and subtype 0)."""

    apid: int
    number: int
    service: int
    subtype: int
    message: int
    destination: int
    time_status: int
    time: bytes
    data: bytes


def report(octets: bytes) -> Report:
    """Read one packet; a wrong checksum fails the test."""
    assert crc(octets[:-2]) == int.from_bytes(octets[-2:], "big")
    first, second = struct.unpack_from(">HH", octets)
    apid, count = first & 0x7FF, second & 0x3FFF
    assert second >> 14 == 3
    if not first & 0x0800:
        return Report(apid, count, 0, 0, 0, 0, 0, b"", octets[6:-2])
    version, service, subtype, message, destination = struct.unpack_from(">BBBHH", octets, 6)
    assert version >> 4 == 2
    return Report(apid, count, service, subtype, message, destination, version & 15, octets[13:20], octets[20:-2])


class Cadus:
    """The receiving end of a lossless line: CADU after CADU, nothing between them, no count missing.

    With `keys`, by key id (SPI plus 0x100 a slot), VC 0, 1 and 3 are protected; no counter comes twice under a key.
    `ivs`: the last ones by key id, over boots; `under`: by virtual channel the key id of the last frame.
    """

    def __init__(
        self, octets: int = 446, keys: dict[int, bytes] | None = None, ivs: dict[int, int] | None = None
    ) -> None:
        self.octets = octets
        self.keys = keys
        self.ivs = {} if ivs is None else ivs
        self.under: dict[int, int] = {}
        self.rest = b""
        self.clcw = 0
        self.idle = 0
        self.frames = 0
        self._mcfc = 0
        self._vcfc: dict[int, int] = {}
        self._channels: dict[int, bytes] = {}

    def feed(self, octets: bytes) -> list[tuple[int, Report]]:
        """The packets that become whole, each with its virtual channel."""
        found: list[tuple[int, Report]] = []
        self.rest += octets
        while len(self.rest) >= self.octets + 4:
            assert self.rest[:4] == ASM
            frame, self.rest = self.rest[4 : self.octets + 4], self.rest[self.octets + 4 :]
            found += self._frame(frame)
        return found

    def _frame(self, frame: bytes) -> list[tuple[int, Report]]:
        assert crc(frame[:-2]) == int.from_bytes(frame[-2:], "big")
        ids, mcfc, vcfc, status = struct.unpack_from(">HBBH", frame)
        vcid = ids >> 1 & 7
        assert ids >> 4 == SCID
        assert mcfc == self._mcfc
        assert vcfc == self._vcfc.get(vcid, 0)
        self._mcfc, self._vcfc[vcid] = (mcfc + 1) % 256, (vcfc + 1) % 256
        self.frames += 1
        self.clcw = int.from_bytes(frame[-6:-2], "big")
        fhp, data = status & 0x7FF, frame[6:-6]
        if vcid == 7:
            assert fhp == 0x7FE
            self.idle += 1
            return []
        if self.keys is not None and vcid in (0, 1, 3):
            data = self._opened(vcid, data)
        held = self._channels.get(vcid, b"")
        packets, at = [], 0
        starts = []
        stream = held + data
        while at + 6 <= len(stream):
            length = int.from_bytes(stream[at + 4 : at + 6], "big") + 7
            starts.append(at - len(held))
            if at + length > len(stream):
                break
            packets.append(stream[at : at + length])
            at += length
        self._channels[vcid] = stream[at:]
        inside = [start for start in starts if start >= 0]
        assert fhp == (inside[0] if inside else 0x7FF) or len(stream) - at < 6
        return [(vcid, report(octets)) for octets in packets if int.from_bytes(octets[:2], "big") & 0x7FF != 0x7FF]

    def _opened(self, vcid: int, field: bytes) -> bytes:
        """Contract section 6: SPI, IV 12, ciphertext, MAC 16; of the header the virtual channel is authenticated."""
        assert self.keys is not None
        spi, iv = 0x20 + vcid, int.from_bytes(field[2:14], "big")
        assert field[:2] == spi.to_bytes(2, "big")
        masked = bytes((0, vcid << 1, 0, 0, 0, 0, 0, spi)) + bytes(12)
        for key in (spi, spi + 0x100, spi + 0x200, spi + 0x300):
            with suppress(InvalidTag, KeyError):
                data = AESGCM(self.keys[key]).decrypt(field[2:14], field[14:], masked)
                break
        else:
            raise AssertionError("a frame under none of the keys")
        assert iv > self.ivs.get(key, -1)
        self.ivs[key] = iv
        self.under[vcid] = key
        return data


def protected(key: bytes, vcid: int, iv: int, data: bytes) -> bytes:
    """The data field of a TC frame on a protected link (contract, section 6)."""
    spi, nonce = 0x10 + vcid, iv.to_bytes(12, "big")
    masked = bytes((0, 0, vcid << 2, 0, 0, 0, spi)) + bytes(12)
    return spi.to_bytes(2, "big") + nonce + AESGCM(key).encrypt(nonce, data, masked)


def verifications(reports: list[Report], request: bytes) -> list[tuple[int, int | None]]:
    """What service 1 said of a request: subtype, and the failure code where there is one."""
    said = [r for r in reports if r.service == 1 and r.data[:4] == request[:4]]
    return [
        (r.subtype, int.from_bytes(r.data[4:6], "big") if r.subtype % 2 == 0 and r.subtype != 6 else None) for r in said
    ]
