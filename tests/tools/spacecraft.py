"""A scripted payload board on the far side of UDP: written by hand from the interface contract, as an outside oracle.

It shares no code with what it tests: CRC by binascii, PUS packets by spacepackets, frames by struct, FARM-1 by the
facts' table. It answers what the test tells it to answer.
"""

import struct
from binascii import crc_hqx
from collections.abc import Callable

from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]
from spacepackets.ecss.tm import MiscParams, PusTm  # type: ignore[import-untyped]

SCID = 42
W_HALF = 10


def crc(octets: bytes) -> bytes:
    return crc_hqx(octets, 0xFFFF).to_bytes(2, "big")


def cltu_frame(datagram: bytes) -> bytes:
    """The TC frame in a CLTU: start sequence, 7 of each 8 octets, tail; parity is not looked at."""
    assert datagram[:2] == bytes.fromhex("eb90")
    assert datagram[-8:] == bytes.fromhex("c5c5c5c5c5c5c579")
    body = datagram[2:-8]
    assert len(body) % 8 == 0
    octets = b"".join(body[i : i + 7] for i in range(0, len(body), 8))
    length = (octets[2] << 8 & 0x300 | octets[3]) + 1
    frame = octets[:length]
    assert crc(frame[:-2]) == frame[-2:]
    return frame


def cuc(seconds: int) -> bytes:
    return b"\x1e" + struct.pack(">IH", seconds, 0)


class Spacecraft:
    """One payload. `execute` is called for each telecommand that FARM-1 accepts and returns the reports to send."""

    def __init__(self, execute: Callable[["Spacecraft", PusTc], list[bytes]] | None = None, octets: int = 446) -> None:
        self.octets = octets
        self.execute = execute or Spacecraft.obey
        self.boots = 0
        self.deaf_to_set_v_r = False
        self.executed: list[PusTc] = []
        self.n_s_seen: list[int] = []
        self.directives: list[bytes] = []
        self.boot()

    def boot(self) -> None:
        self.boots += 1
        self.v_r = 0
        self.lockout = self.retransmit = self.wait = False
        self.farm_b = 0
        self.mcfc = 0
        self.vcfc = dict.fromkeys(range(8), 0)
        self.counts: dict[int, int] = {}
        self.message_counts: dict[tuple[int, int], int] = {}

    # --- up

    def hear(self, datagram: bytes) -> list[bytes]:
        """One CLTU; the TM frames that answer it."""
        frame = cltu_frame(datagram)
        first, second, n_s = struct.unpack_from(">HHB", frame)
        assert first & 0x3FF == SCID
        assert second >> 10 == 0
        data = frame[5:-2]
        if first & 0x1000:
            self.directive(data)
            return []
        if not first & 0x2000:
            self.n_s_seen.append(n_s)
            if not self.sequence(n_s):
                return []
        return self.packet(data)

    def sequence(self, n_s: int) -> bool:
        ahead = (n_s - self.v_r) % 256
        if self.lockout or self.wait:
            return False
        if ahead == 0:
            self.v_r = (self.v_r + 1) % 256
            self.retransmit = False
            return True
        if ahead < W_HALF:
            self.retransmit = True
        elif (self.v_r - n_s) % 256 > W_HALF:
            self.lockout = True
        return False

    def directive(self, data: bytes) -> None:
        self.directives.append(data)
        if data == b"\0":
            self.lockout = self.retransmit = False
        elif data[:2] == b"\x82\0" and not self.deaf_to_set_v_r:
            if not self.lockout:
                self.v_r, self.retransmit = data[2], False
        else:
            return
        self.farm_b = (self.farm_b + 1) % 4

    def packet(self, octets: bytes) -> list[bytes]:
        command = PusTc.unpack(octets)
        self.executed.append(command)
        reports = self.execute(self, command)
        return [self.frame(b"".join(reports))] if reports else []

    def obey(self, command: PusTc) -> list[bytes]:
        return [self.verify(command, 1), self.verify(command, 3), self.verify(command, 7)]

    # --- down

    def verify(self, command: PusTc, subtype: int, more: bytes = b"", apid: int | None = None) -> bytes:
        request_id = command.pack()[:4]
        return self.report(1, subtype, request_id + more, apid or command.apid, command.source_id)

    def report(self, service: int, subtype: int, data: bytes, apid: int = 0x20, destination: int = 0) -> bytes:
        count = self.counts.get(apid, 0)
        self.counts[apid] = count + 1
        message = self.message_counts.get((service, subtype), 0)
        self.message_counts[service, subtype] = message + 1
        packet = PusTm(
            service=service,
            message_subtype=subtype,
            timestamp=cuc(2_174_000_000),
            apid=apid,
            seq_count=count,
            message_counter=message,
            destination_id=destination,
            source_data=data,
            misc_params=MiscParams(spacecraft_time_ref=2),
        ).pack()
        return bytes(packet)

    def booted(self, digest: bytes, boot_count: int | None = None) -> bytes:
        """The frame with the boot event: count, cause, then this project's own: digest and version."""
        count = self.boots if boot_count is None else boot_count
        data = struct.pack(">HIB", 1, count, 2) + digest + b"0.1.0".ljust(16, b"\0")
        return self.frame(self.report(5, 1, data))

    def clcw(self) -> int:
        return (
            1 << 24 | self.lockout << 13 | self.wait << 12 | self.retransmit << 11 | self.farm_b << 9 | self.v_r
        )  # fmt: skip

    def frame(self, data: bytes, vcid: int = 0) -> bytes:
        """One TM frame that begins with a packet; the rest is an idle packet."""
        room = self.octets - 12
        assert len(data) <= room - 7 or len(data) == room
        if len(data) < room:
            gap = room - len(data)
            data += struct.pack(">HHH", 0x7FF, 0xC000, gap - 7) + b"\x55" * (gap - 6)
        return self._frame(vcid, 0, data)

    def idle(self) -> bytes:
        return self._frame(7, 0x7FE, b"\x55" * (self.octets - 12))

    def _frame(self, vcid: int, fhp: int, data: bytes) -> bytes:
        head = struct.pack(">HBBH", SCID << 4 | vcid << 1 | 1, self.mcfc, self.vcfc[vcid], 0x1800 | fhp)
        self.mcfc = (self.mcfc + 1) % 256
        self.vcfc[vcid] = (self.vcfc[vcid] + 1) % 256
        octets = head + data + struct.pack(">I", self.clcw())
        return octets + crc(octets)
