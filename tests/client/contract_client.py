"""An outsider's client of the flight process: a pty, telecommands up, frames and packets down."""

import atexit
import os
import pty
import select
import struct
import subprocess
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.client.contract_codec import (
    ACK,
    ASM,
    FRAME_OCTETS,
    IDLE_APID,
    ONLY_IDLE,
    Extractor,
    Frame,
    Packet,
    checked_packet,
    cltu,
    crc,
    cuc,
    read_frame,
    tc_frame,
    telecommand,
)  # fmt: skip

ROOT = Path(__file__).parents[2]
DEADLINE_S = 15.0
SYSTEM = 0x020
VERIFICATION = 1
TAI_TEST_S = 2_200_000_000.0
T = TypeVar("T")
_boards: set["Board"] = set()


def arguments(port: str, state: Path | str, *more: str) -> list[str]:
    return [sys.executable, "-m", "fsw", "--port", port, "--state", str(state), *more]


class Board:
    """One flight process on one pty. Reading any board reads them all, so that none stands with a full pty."""

    def __init__(
        self, state: Path, line: str = "default", more: tuple[str, ...] = (), *,
        link: Path | None = None, raw: bool = False,
    ) -> None:  # fmt: skip
        """`link`: fly on a symbolic link to the pty; `raw`: leave the downlink in `unread` for another carrier."""
        self.state, self.line = state, line
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.frames: list[Frame] = []
        self.packets: list[Packet] = []
        self.reads: list[tuple[float, int]] = []
        self.ad_seq = 0
        self.output = ""
        self._seq = 0
        self.unread = b""
        self._extractors: dict[int, Extractor] = {}
        if link is not None:
            link.symlink_to(os.ttyname(self.slave))
        port = str(link or os.ttyname(self.slave))
        self._keeps_raw = raw
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(
            arguments(port, state, "--clear", *(more or ("--line", line))), cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _boards.add(self)

    # -- the octets --

    def close(self) -> int:
        """Orderly stop; the exit code."""
        self.process.terminate()
        return self.reap()

    def kill(self) -> None:
        self.process.kill()
        self.reap()

    def reap(self) -> int:
        code = self.process.wait(timeout=DEADLINE_S)
        _boards.discard(self)
        assert self.process.stdout is not None
        self.output = self.process.stdout.read().decode(errors="replace")
        self.process.stdout.close()
        os.close(self.master)
        os.close(self.slave)
        return code

    def write(self, octets: bytes) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while octets:
            try:
                octets = octets[os.write(self.master, octets) :]
            except BlockingIOError:
                assert time.monotonic() < deadline, "the process does not read"
                pump(0.05)

    def take(self, octets: bytes) -> None:
        now = time.monotonic()
        self.reads.append((now, len(octets)))
        self.unread += octets
        size = len(ASM) + FRAME_OCTETS[self.line]
        while len(self.unread) >= size and not self._keeps_raw:
            assert self.unread.startswith(ASM), "octets between CADUs"
            frame = read_frame(self.unread[len(ASM) : size], now)
            self.unread = self.unread[size:]
            self._take_frame(frame)

    def _take_frame(self, frame: Frame) -> None:
        if self.frames:
            assert frame.master_count == (self.frames[-1].master_count + 1) & 0xFF
        earlier = [other for other in self.frames[-400:] if other.vc == frame.vc]
        if earlier:
            assert frame.vc_count == (earlier[-1].vc_count + 1) & 0xFF
        assert (frame.vc == 7) == (frame.fhp == ONLY_IDLE), "idle frames on VC 7 only"
        self.frames.append(frame)
        for raw in self._extractors.setdefault(frame.vc, Extractor()).take(frame):
            received = Packet(frame.vc, raw, frame.at_s)
            if received.apid != IDLE_APID:
                assert crc(raw[:-2]) == raw[-2:] or frame.vc == 1, raw.hex()
                self.packets.append(received)

    def forget_line(self) -> None:
        """The port was opened anew: frames begin again, and one may have been cut."""
        self.frames, self.packets, self.reads, self.unread = [], [], [], b""
        self._extractors = {}

    # -- waiting --

    def until(self, found: Callable[[], T | None], why: str = "", timeout_s: float = DEADLINE_S) -> T:
        deadline = time.monotonic() + timeout_s
        while (result := found()) is None:
            assert time.monotonic() < deadline, why or "nothing came"
            pump(min(0.2, max(0.0, deadline - time.monotonic())))
        return result

    def packet(
        self, match: Callable[[Packet], bool], since: int = 0, why: str = "", within_s: float = DEADLINE_S
    ) -> Packet:
        return self.until(lambda: next((p for p in self.packets[since:] if match(p)), None), why, within_s)

    def frame(self, match: Callable[[Frame], bool], since: int = 0, within_s: float = DEADLINE_S) -> Frame:
        return self.until(lambda: next((f for f in self.frames[since:] if match(f)), None), "no such frame", within_s)

    def opened(self) -> None:
        """Wait for the first frame: what is written before the port is open may be flushed by its opening."""
        self.frame(lambda f: True)

    # -- commanding --

    def next_seq(self) -> int:
        self._seq = (self._seq + 1) & 0x3FFF
        return self._seq

    def tc(self, apid: int, service: int, subtype: int, data: bytes = b"", ack: int = ACK, source: int = 7) -> bytes:
        return telecommand(apid, service, subtype, data, seq=self.next_seq(), ack=ack, source=source)

    def send(self, *packets: bytes, vc: int = 0) -> None:
        self.write(cltu(tc_frame(vc, b"".join(packets))))

    def send_ad(self, *packets: bytes, seq: int | None = None) -> None:
        number = self.ad_seq if seq is None else seq
        self.write(cltu(tc_frame(0, b"".join(packets), seq=number, bypass=False)))
        if seq is None:
            self.ad_seq = (self.ad_seq + 1) & 0xFF

    def control(self, directive: bytes) -> None:
        self.write(cltu(tc_frame(0, directive, control=True)))

    def words(self, request: bytes) -> list[tuple[int, int | None]]:
        """Verification of one request so far: (subtype, failure code or None), in order of arrival."""
        return [word for _, word in self.reports(request)]

    def reports(self, request: bytes) -> list[tuple[Packet, tuple[int, int | None]]]:
        found: list[tuple[Packet, tuple[int, int | None]]] = []
        for p in self.packets:
            if p.kind[0] == VERIFICATION and p.data[:4] == request[:4]:
                step = 1 if p.kind[1] in (5, 6) else 0
                failed = p.kind[1] in (2, 4, 6, 8, 10)
                code = int.from_bytes(p.data[4 + step : 6 + step]) if failed else None
                found.append((p, (p.kind[1], code)))
        return found

    def settle(self, apid: int = SYSTEM) -> None:
        """A ping behind everything sent so far, waited for: what has not come by then does not come."""
        ends = None
        while ends != (7, None):
            ping = self.tc(apid, 17, 1)
            self.send(ping)
            ends = self.end(ping)
            assert ends in ((7, None), (2, 8)), ends

    def end(self, request: bytes) -> tuple[int, int | None]:
        """The word that ends a request that asked for its completion."""
        ends = (2, 4, 6, 7, 8, 10)
        return self.until(lambda: next((w for w in self.words(request) if w[0] in ends), None), "no last word")

    def ask(self, request: bytes, apid: int = SYSTEM, vc: int = 0) -> list[tuple[int, int | None]]:
        self.send(request, vc=vc)
        self.settle(apid)
        return self.words(request)

    def answer(self, request: bytes, kind: tuple[int, int]) -> Packet:
        """The data report that follows a request."""
        since = len(self.packets)
        self.send(request)
        return self.packet(lambda p: p.kind == kind, since, why=f"no {kind}")

    def parameter(self, number: int, width: int = 4) -> int:
        report = self.answer(self.tc(SYSTEM, 20, 1, struct.pack(">BH", 1, number)), (20, 2))
        assert report.data[:3] == struct.pack(">BH", 1, number)
        assert len(report.data) == 3 + width
        return int.from_bytes(report.data[3:])

    def hush(self, on: bool = True) -> None:
        """Limit transitions of a busy machine (the builder's events 9 and 10) off, where octets are counted."""
        request = self.tc(SYSTEM, 5, 6 if on else 5, struct.pack(">BHH", 2, 9, 10))
        self.send(request)
        self.end(request)

    # -- the lander --

    def lander(self, apid: int, data: bytes, vc: int = 2) -> None:
        self.send(checked_packet(apid, data, seq=self.next_seq()), vc=vc)

    def heartbeat(self, uptime_s: int = 1) -> None:
        self.lander(0x010, struct.pack(">IHII", uptime_s, 1, 0, 0))

    def time(self, tai_s: float, quality: int = 2) -> None:
        """A time message and, in the next frame, its tone."""
        self.lander(0x011, cuc(tai_s) + bytes([37, quality, 0]))
        self.heartbeat()


@atexit.register
def _leave_nothing_behind() -> None:
    """A failed test's process would take the next one's pty."""
    for board in list(_boards):
        board.process.kill()
        board.process.wait()


def pump(timeout_s: float) -> None:
    """Read every board that has something, for at most this long."""
    by_descriptor = {board.master: board for board in _boards}
    ready, _, _ = select.select(list(by_descriptor), [], [], timeout_s)
    for descriptor in ready:
        by_descriptor[descriptor].take(os.read(descriptor, 65536))


def flown(port: str, state: Path | str, *more: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    return subprocess.run(
        arguments(port, state, *more), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
