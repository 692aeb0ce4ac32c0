"""Figures of the flight process: how soon it speaks, and how much memory it and its device server hold."""

import contextlib
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from fsw.ccsds.carrier import CltuCadu, TmFrameReceived
from fsw.ccsds.depacketizer import Depacketizer, PacketReceived
from fsw.ccsds.tc_frame import TcFrame
from fsw.ccsds.tc_frame import encode as encode_frame
from fsw.pus import tc, tm
from tests.perf.link_keys import opened, provisioned

Row = dict[str, object]
DEADLINE_S: Final = 30.0
ROOT: Final = Path(__file__).resolve().parents[2]
_FRAME: Final = 446


class Flight:
    """A flight process on a pty, and the ground's end of its line."""

    def __init__(self, state: str, *, protected: bool = False) -> None:
        self._protection = provisioned(state) if protected else None
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self._slave = slave
        self._carrier = CltuCadu(42, _FRAME)
        self._packets = {vcid: Depacketizer(vcid) for vcid in range(8)}
        self._count = 0
        command = [sys.executable, "-m", "fsw", "--port", os.ttyname(slave), "--state", state]
        command += [] if protected else ["--clear"]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=ROOT)

    def read(self) -> list[tm.Telemetry]:
        """Wait for octets; the PUS packets they complete."""
        ready, _, _ = select.select([self.master], [], [], DEADLINE_S)
        if not ready:
            raise TimeoutError("the flight process is silent")
        found = []
        for event in self._carrier.feed_down(os.read(self.master, 65_536)):
            if isinstance(event, TmFrameReceived) and event.frame.vcid == 0:
                frame = event.frame
                for packet in self._packets[0].feed(frame.vcfc, frame.fhp, opened(self._protection, 0, frame.data)):
                    decoded = tm.decode_tm(packet.packet) if isinstance(packet, PacketReceived) else None
                    if isinstance(decoded, tm.Telemetry):
                        found.append(decoded)
        return found

    def until(self, wanted: Callable[[tm.Telemetry], bool]) -> tm.Telemetry:
        """Wait for a report."""
        while True:
            for report in self.read():
                if wanted(report):
                    return report

    def pings(self, number: int) -> None:
        """Send pings by BD, several to a frame, and wait until all are completed."""
        sent = done = 0
        while done < number:
            while sent < number and sent - done < 24:
                packet = tc.encode(0x020, self._count, 17, 1, ack=tc.ACK_COMPLETION)
                self._count = (self._count + 1) % 16_384
                os.write(self.master, self._carrier.encode_up(encode_frame(TcFrame(42, 0, True, False, 0, packet))))
                sent += 1
            done += sum(report.service == 1 and report.subtype == 7 for report in self.read())

    def close(self) -> None:
        """Power cut."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self._slave)


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} shows no memory")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _chill() -> None:
    """Ask the kernel to forget the files that a start reads: interpreter, libraries, project."""
    for root in {sys.prefix, sys.base_prefix, str(ROOT / "fsw")}:
        for folder, _, names in os.walk(root):
            for name in names:
                with contextlib.suppress(OSError), open(os.path.join(folder, name), "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _one_start(*, protected: bool = False) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as state:
        flight = Flight(state, protected=protected)
        select.select([flight.master], [], [], DEADLINE_S)
        first = time.perf_counter() - flight.started
        flight.until(lambda report: report.service == 5)
        boot = time.perf_counter() - flight.started
        flight.close()
    return first, boot


def start(quick: bool) -> list[Row]:
    """Seconds from exec to the first octet and to the whole frame with the boot event, warm, and cold beside it.

    The same of a protected link, in turns with the clear one, which is its peer.
    """
    starts: dict[tuple[bool, bool], list[tuple[float, float]]] = {}
    for _ in range(3 if quick else 7):
        for protected in (False, True):
            _chill()
            starts.setdefault((protected, False), []).append(_one_start(protected=protected))
            starts.setdefault((protected, True), []).extend(_one_start(protected=protected) for _ in range(2))
    warm, cold, warm_protected, cold_protected = (
        [median(figures) for figures in zip(*starts[protected, is_warm], strict=True)]
        for protected in (False, True)
        for is_warm in (True, False)
    )
    return [
        _bounded("start_first_octet", warm[0], "s", 0.30),
        _bounded("start_boot_event", warm[1], "s", 0.50),
        _reported("start_first_octet_cold", cold[0], "s"),
        _reported("start_boot_event_cold", cold[1], "s"),
        _bounded("start_protected_first_octet", warm_protected[0], "s", 0.30, warm[0]),
        _bounded("start_protected_boot_event", warm_protected[1], "s", 0.60, warm[1]),
        _reported("start_protected_first_octet_cold", cold_protected[0], "s", cold[0]),
        _reported("start_protected_boot_event_cold", cold_protected[1], "s", cold[1]),
    ]


WARM_UP: Final = 1_000
"""Commands until all that is bounded is full (the last 256 fates and events, the groups for the store): 2 MiB, told in
`memory_flight`; what grows behind them would grow for ever."""


def memory(quick: bool) -> list[Row]:
    """Resident memory of the flight process and its device server, before and after many commands."""
    commands = 1_000 if quick else 10_000
    with tempfile.TemporaryDirectory() as state:
        flight = Flight(state)
        flight.until(lambda report: report.service == 5)
        flight.pings(WARM_UP)
        before = _resident_mib(flight.process.pid)
        flight.pings(commands)
        after = _resident_mib(flight.process.pid)
        server = max(_resident_mib(pid) for pid in _children(flight.process.pid))
        flight.close()
    return [
        _bounded("memory_flight", after, "MiB", 40.0),
        _bounded("memory_device_server", server, "MiB", 20.0),
        _bounded(f"memory_growth_over_{commands}_commands", after - before, "MiB", 0.5),
    ]


def _reported(name: str, value: float, unit: str, peer: float | None = None) -> Row:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": peer,
        "ratio": None if peer is None else round(value / peer, 3),
        "bound": None,
        "holds": None,
    }


def _bounded(name: str, value: float, unit: str, bound: float, peer: float | None = None) -> Row:
    return _reported(name, value, unit, peer) | {"bound": bound, "holds": value <= bound}


ROWS: Final = {"start": start, "memory": memory}
