"""Full duplex at a baud: the real flight process on a paced pty, both directions full.

Up, 1024-octet BD frames on VC 1 with one packet of 0x0FD each, back to back, and AD pings between them. Down, 100-octet
housekeeping reports, more than the line takes. This process is the line, the ground and the judge; flight is the other.
A protected line has real keys at both ends: each frame is sealed anew, and what comes down is opened.
"""

import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.depacketizer import Depacketizer, PacketReceived
from fsw.ccsds.reception import TmFrameReceived
from fsw.ccsds.sdls import OVERHEAD_OCTETS
from fsw.ccsds.tc_frame import DATA_OCTETS_MAX, TcFrame
from fsw.ccsds.tc_frame import encode as encode_frame
from fsw.config import SCID, line_for_baud
from fsw.kernel.clock import Micros
from fsw.mdb.codec import DecodeError
from fsw.mdb.mission import load
from fsw.mdb.model import Parameter
from fsw.mdb.standard_services import CreateStructure, DisableStructures, EnableStructures, ReportParameters
from fsw.pus import tc, tm
from fsw.services.housekeeping import STRUCTURES_MAX
from hil.line.line import Drained, Paced
from hil.rungs.pty_line import PtyLine
from tests.perf.link_keys import opened, provisioned

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE_S: Final = 30.0
TICK_US: Final = 1000
REPORT_OCTETS: Final = 100
SID_OCTETS: Final = 2
FIRST_SID: Final = 1000
SIDS_A_REQUEST: Final = 32
WARM_S: Final = 2.0
SETTLE_S: Final = 2.5
"""Flight samples its counters once a second; a frame then takes up to a release time and its line time."""


class Figures(NamedTuple):
    """What one run measured; shares of the line's capacity, times in seconds and milliseconds."""

    up_share: float
    down_share: float
    up_octets_stray: int
    down_octets_stray: int
    up_frames_lost: int
    down_frames_lost: int
    overruns: int
    pings_lost: int
    reports_a_second: float
    cpu_percent: float
    acceptance_p99_ms: float
    acceptance_p50_ms: float

    @property
    def losses(self) -> int:
        """Frames, pings and stray octets that show that something was lost."""
        strays = self.up_octets_stray + self.down_octets_stray
        return strays + self.up_frames_lost + self.down_frames_lost + self.overruns + self.pings_lost


class Duplex:
    """One flight process, its line, and the load; `more` are further words of its command line."""

    def __init__(self, baud: int, state: str, *more: str, protected: bool = False) -> None:
        self._protection = provisioned(state) if protected else None
        self._zero_ns = time.monotonic_ns()
        frame_octets = line_for_baud(baud).tm_frame_octets
        self._cadu_octets = frame_octets + 4
        self.baud = baud
        self._line = PtyLine()
        self._up, self._down = Paced(baud), Drained(baud)
        self._carrier = CltuCadu(SCID, frame_octets)
        self._packets = Depacketizer(0)
        self.database = load().database
        self._count = 0
        self._n_s = 0
        self._mcfc: int | None = None
        self._ended: dict[int, Micros] = {}  # request sequence count -> when its CLTU's last octet was on the line
        self.latency_us: list[int] = []
        self.pings = self.pongs = self.bulk_frames = self.bulk_sent = 0
        self.frames = self.frames_lost = self.overruns = self.reports = 0
        self.last_frame_us = self.last_turn_us = Micros(0)
        self.seen: list[tm.Telemetry] = []
        self._bulk = self._bulk_packet()
        self._bulk_clear = self._cltu(1, self._bulk)
        self._loading = False
        self._next_ping_us = 0
        self._ping_us = 1_000_000 if baud <= 19_200 else 100_000
        command = [sys.executable, "-m", "fsw", "--port", self._line.path, "--baud", str(baud)]
        clear = () if protected else ("--clear",)
        self.process = subprocess.Popen([*command, "--state", state, *clear, *more], cwd=ROOT)

    def _bulk_packet(self) -> bytes:
        """One file packet that fills a frame of 1024 octets."""
        octets = DATA_OCTETS_MAX - (OVERHEAD_OCTETS if self._protection is not None else 0)
        return struct.pack(">HHH", 0x10FD, 0xC000, octets - 7) + bytes(octets - 6)

    def _cltu(self, vcid: int, packet: bytes, n_s: int | None = None) -> bytes:
        """A packet in a frame of its own, BD without a number; protected anew each time."""
        data = packet
        if self._protection is not None and n_s is None:
            data = self._protection.protect(vcid, packet)
        elif self._protection is not None:
            data, _ = self._protection.protect_ad(vcid, packet, None)
        return self._carrier.encode_up(encode_frame(TcFrame(SCID, vcid, n_s is None, False, n_s or 0, data)))

    def now(self) -> Micros:
        """Microseconds since the start."""
        return Micros((time.monotonic_ns() - self._zero_ns) // 1000)

    def turn(self) -> None:
        """One look at both directions, then a sleep to the next millisecond."""
        now = self.last_turn_us = self.now()
        if self._loading:
            self._fill(now)
        octets = self._up.take(now)
        if octets:
            self.overruns += len(octets) - self._line.write(octets)
        granted = self._down.grant(now)
        octets = self._line.read(granted) if granted else b""
        self._down.used(len(octets), granted)
        if octets:
            self._receive(octets, now)
        due = (now // TICK_US + 1) * TICK_US
        select.select([], [], [], max(0, due - self.now()) / 1e6)

    def _fill(self, now: Micros) -> None:
        """Keep the line full two looks ahead: a ping when one is due, else bulk."""
        while self._up.free_us() <= now + 2 * TICK_US:
            if now >= self._next_ping_us:
                self._next_ping_us = max(self._next_ping_us + self._ping_us, now)
                self.pings += 1
                self.send(tc.encode(0x020, self._count, 17, 1), ad=True)
            else:
                self.bulk_frames += 1
                clear = self._protection is None
                self._up.put(self._bulk_clear if clear else self._cltu(1, self._bulk), now)

    def send(self, packet: bytes, *, ad: bool = False) -> int:
        """Put one telecommand on the line; its sequence count."""
        count, self._count = self._count, (self._count + 1) % 16_384
        octets = self._cltu(0, packet, self._n_s if ad else None)
        self._n_s = (self._n_s + ad) % 256
        self._up.put(octets, self.now())
        if ad:
            self._ended[count] = self._up.free_us()
        return count

    def command(self, body: object) -> None:
        """Send a command by BD and wait until it has completed."""
        encoded = self.database.encode_command(body)
        packet = tc.encode(encoded.apid, self._count, encoded.service, encoded.subtype, encoded.data)
        request = packet[:4]
        self.send(packet)
        self.until(lambda report: (report.service, report.subtype, report.data[:4]) == (1, 7, request))

    def until(self, wanted: Callable[[tm.Telemetry], bool]) -> tm.Telemetry:
        """Turn until a report comes."""
        deadline = time.monotonic() + DEADLINE_S
        self.seen.clear()
        while time.monotonic() < deadline:
            self.turn()
            found = next((report for report in self.seen if wanted(report)), None)
            if found is not None:
                return found
            self.seen.clear()
        raise TimeoutError("the flight process did not answer")

    def run(self, seconds: float) -> None:
        """Turn for so long."""
        end = self.now() + int(seconds * 1e6)
        while self.now() < end:
            self.turn()
            self.seen.clear()

    def _receive(self, octets: bytes, now: Micros) -> None:
        for event in self._carrier.feed_down(octets):
            if not isinstance(event, TmFrameReceived):
                self.frames_lost += 1
                continue
            frame = event.frame
            if self._mcfc is not None:
                self.frames_lost += (frame.mcfc - self._mcfc - 1) % 256
            self._mcfc = frame.mcfc
            self.frames += 1
            self.last_frame_us = now
            if frame.vcid == 0:
                for found in self._packets.feed(frame.vcfc, frame.fhp, opened(self._protection, 0, frame.data)):
                    if isinstance(found, PacketReceived):
                        self._report(found.packet, now)

    def _report(self, packet: bytes, now: Micros) -> None:
        report = tm.decode_tm(packet)
        if not isinstance(report, tm.Telemetry):
            return
        self.reports += (report.service, len(packet)) == (3, REPORT_OCTETS)
        self.seen.append(report)
        if (report.service, report.subtype) == (1, 1):
            ended = self._ended.pop(int.from_bytes(report.data[2:4], "big") & 0x3FFF, None)
            if ended is not None:
                self.latency_us.append(max(0, now - ended))
        self.pongs += (report.service, report.subtype) == (17, 2)

    def cpu_s(self) -> float:
        """Processor seconds of flight and its living children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        stats = (Path(f"/proc/{pid}/stat").read_text() for pid in (self.process.pid, *children))
        ticks = sum(sum(map(int, stat.rpartition(")")[2].split()[11:15])) for stat in stats)
        return ticks / os.sysconf("SC_CLK_TCK")

    def parameters(self, *names: str) -> list[int]:
        """Values of flight's counters, on the wire by (20,2)."""
        wanted = [self.database.parameter_named(name) for name in names]
        known = [parameter for parameter in wanted if parameter is not None]
        assert len(known) == len(names), names
        encoded = self.database.encode_command(ReportParameters(tuple(parameter.pid for parameter in known)))
        self.send(tc.encode(encoded.apid, self._count, encoded.service, encoded.subtype, encoded.data))
        report = self.until(lambda one: (one.service, one.subtype) == (20, 2))
        values = self.database.decode_values(report.data)
        assert not isinstance(values, DecodeError), values
        return [int(value.raw or 0) for value in values]

    def make_reports(self) -> list[int]:
        """Structures whose reports are 100 octets, as many as the line needs at ten a second; their ids."""
        room = REPORT_OCTETS - tm.OVERHEAD_OCTETS - SID_OCTETS
        chosen = exactly(list(self.database.parameters.values()), room)
        free = STRUCTURES_MAX - len(self.database.tables.structures)
        number = min(free, self.baud // 10 // (REPORT_OCTETS * 10) + 2)
        sids = list(range(FIRST_SID, FIRST_SID + number))
        for sid in sids:
            self.command(CreateStructure(sid, 1, tuple(parameter.pid for parameter in chosen)))
        return sids

    def measure(self, seconds: float) -> Figures:
        """Make the load, let it settle, and measure for so long."""
        self.until(lambda report: report.service == 5)
        sids = self.make_reports()
        before = self.parameters("comms.tc_dropped_files", "comms.octets_skipped")
        for at in range(0, len(sids), SIDS_A_REQUEST):
            self.command(EnableStructures(tuple(sids[at : at + SIDS_A_REQUEST])))
        self._loading = True
        self.run(WARM_S)
        self.latency_us.clear()
        began, cpu, reports = self.last_turn_us, self.cpu_s(), self.reports
        up, frames, stray = self._up.octets_out, self.frames, self._carrier.down_octets_skipped
        first_us = self.last_frame_us
        self.run(seconds)
        elapsed_us, cpu = self.last_turn_us - began, self.cpu_s() - cpu
        up_share = (self._up.octets_out - up) * 10e6 / self.baud / elapsed_us
        span_us = self.last_frame_us - first_us
        down_share = (self.frames - frames) * self._cadu_octets * 10e6 / self.baud / span_us
        reports = self.reports - reports
        latency = sorted(self.latency_us)
        self._loading = False
        self._finish(sids)
        files, skipped = self.parameters("comms.tc_dropped_files", "comms.octets_skipped")
        return Figures(
            up_share,
            down_share,
            skipped - before[1],
            self._carrier.down_octets_skipped - stray,
            self.bulk_frames - (files - before[0]),
            self.frames_lost,
            self.overruns,
            self.pings - self.pongs,
            reports * 1e6 / elapsed_us,
            100 * cpu * 1e6 / elapsed_us,
            latency[int(0.99 * (len(latency) - 1))] / 1000,
            latency[len(latency) // 2] / 1000,
        )

    def _finish(self, sids: list[int]) -> None:
        """Let the line empty itself, and flight sample its counters."""
        while len(self._up):
            self.turn()
        for at in range(0, len(sids), SIDS_A_REQUEST):
            self.command(DisableStructures(tuple(sids[at : at + SIDS_A_REQUEST])))
        self.run(SETTLE_S + 20_000 / self.baud)

    def close(self) -> None:
        """Power cut."""
        self.process.kill()
        self.process.wait()
        self._line.close()


def exactly(parameters: list[Parameter], octets: int) -> list[Parameter]:
    """Different parameters whose values take exactly so many octets together, wide ones first."""
    chosen = []
    for parameter in sorted(parameters, key=lambda one: -one.value_type.octets):
        if parameter.value_type.octets <= octets:
            chosen.append(parameter)
            octets -= parameter.value_type.octets
    assert octets == 0, "the database has one-octet parameters"
    return chosen
