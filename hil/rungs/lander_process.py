"""The emulator as a program: sockets, line, board, control lines and the real clock around one `Lander` (POSIX; edge).

One thread, one wait: until a descriptor speaks or the next octet of the paced line is due. While the line is busy that
is every millisecond; an idle line costs a few wake-ups a second.
"""

import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from hil.lander import lander_bodies, lander_control
from hil.lander.lander import OPS, Happening, Lander
from hil.lander.profiles import LanderProfile, ProfileError, load
from hil.line.line import Drained, Paced
from hil.rungs.board_process import BoardError, BoardProcess
from hil.rungs.pty_line import READ_OCTETS_MAX, Device, LineError, PtyLine, default_link
from hil.rungs.real_clock import SECONDS_1958_TO_1970, RealClock
from hil.rungs.serial_port import Port
from hil.rungs.udp_line import SCHEME, UdpLine

TICK_US: Final = 1000
DATAGRAM_OCTETS_MAX: Final = 65_535
DATAGRAMS_A_TURN: Final = 64
Address = tuple[str, int]


class Options(NamedTuple):
    """The command line. Addresses are HOST:PORT, port 0 for any; without `port` the emulator makes a pty."""

    profile: str = "generic"
    line: str | None = None
    baud: int | None = None
    port: str | None = None
    link: str | None = None
    board: str | None = None
    tm: str = "127.0.0.1:10017"
    tc: str = "127.0.0.1:10018"
    report: str = "127.0.0.1:10019"
    off: bool = False
    json_lines: bool = False


class UsageError(Exception):
    """A command line that cannot be served; the text is the sentence for the user."""


class LanderProcess:
    """One emulator: everything it holds open, and its loop."""

    def __init__(self, options: Options, profile: LanderProfile) -> None:
        self._json = options.json_lines
        self._lines_lost = 0
        self._udp, self._tc_address = _tc_socket(options.tc)
        self._tm_to = _destination("--tm", options.tm)
        self._report_to = _destination("--report", options.report)
        self._board = BoardProcess(options.board) if options.board is not None else None
        self._device, self._link = _device(options, profile)
        self._clock = RealClock()
        self._tai_at_zero_us = self._clock.tai_at_zero_us(profile.tai_minus_utc_s)
        self.lander = Lander(profile, self._clock, self._tai_at_zero_us)
        lander_bodies.warm()
        self._up = Paced(profile.baud)
        self._down = Drained(profile.baud, TICK_US)
        self._lander_due = self._fill_due = Micros(0)
        self._powered = False
        self._overruns = 0
        self._datagrams_lost = 0
        self._stdin = _control_descriptor()
        self._control = b""
        self._stopping = False
        self._wake_read, self._wake_write = socket.socketpair()

    def run(self) -> None:
        """Serve until told to stop; then end the board in order and give everything back."""
        self._catch_signals()
        try:
            self._say(self._ready())
            while not self._stopping:
                self._wait(self._turn(self._clock.now()))
        finally:
            if self._board is not None:
                self._board.stop()
            self._device.close()
            self._udp.close()

    def _catch_signals(self) -> None:
        """SIGTERM and SIGINT stop the loop, SIGCHLD only wakes it."""

        def stop(_signal: int, _frame: object) -> None:
            self._stopping = True

        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)

    def _ready(self) -> dict[str, object]:
        return {
            "ready": True,
            "tm": _text(self._tm_to),
            "tc": _text(self._tc_address),
            "report": _text(self._report_to),
            "port": self._device.path,
            "link": None if self._link is None else str(self._link),
            "pid": os.getpid(),
            "profile": self.lander.profile.name,
            "line": self.lander.profile.line,
            "baud": self.lander.profile.baud,
        }

    def _wait(self, due: Micros) -> None:
        """Sleep until then, or until a descriptor has something."""
        watched = [self._udp.fileno(), self._wake_read.fileno()]
        if self._stdin >= 0:
            watched.append(self._stdin)
        # A line that is behind stays readable: then its clock decides, not its descriptor.
        if not self._down.behind and self._device.fileno() >= 0:
            watched.append(self._device.fileno())
        timeout_s = None if due >= NEVER else max(0, due - self._clock.now()) / 1e6
        readable, _, _ = select.select(watched, [], [], timeout_s)
        if self._wake_read.fileno() in readable:
            self._wake_read.recv(4096)
            self._lander_due = Micros(0)  # perhaps the board has ended
        if self._udp.fileno() in readable:
            self._receive_datagrams()
        if self._stdin in readable:
            self._read_control()

    def _turn(self, now: Micros) -> Micros:
        """One look at everything; returns when to look again if nothing speaks."""
        if self._receive_line(now) or now >= self._lander_due:
            self._lander_due = self.lander.step(now)
            self._hand_on(now)
            self._fill_due = now
        if now >= self._fill_due:
            self._fill_due = self.lander.fill(self._up, now)
        octets = self._up.take(now)
        if octets:
            self._overruns += len(octets) - self._device.write(octets)
        due = min(self._lander_due, self._fill_due)
        if len(self._up) or self._down.behind:
            due = min(due, Micros((now // TICK_US + 1) * TICK_US))
        return due

    def _hand_on(self, now: Micros) -> None:
        """What the lander has done: to the user, the board, the ground."""
        for happening in self.lander.take_happenings():
            self._tell(happening)
        self._switch_power(now)
        for frame in self.lander.take_tm():
            self._send(frame, self._tm_to)
        for packet in self.lander.take_reports():
            self._send(packet, self._report_to)
        self._watch_board(now)

    def _receive_line(self, now: Micros) -> bool:
        """Take from the line what its speed allows; True when octets came. Without power they are noise."""
        granted = self._down.grant(now)
        octets = self._device.read(granted) if granted else b""
        if len(octets) == READ_OCTETS_MAX < granted:
            octets += self._device.read(granted - len(octets))
        self._down.used(len(octets), granted)
        if octets and self._powered:
            self.lander.receive_line(octets, now)
        return bool(octets)

    def _switch_power(self, now: Micros) -> None:
        """Make the board what the switch says."""
        powered = self.lander.switches[OPS].powered
        if powered == self._powered:
            return
        self._powered = powered
        if not powered and self._board is not None:
            self._board.power_off()
        self._up.clear()
        self._device.flush()
        if powered and self._board is not None:
            try:
                self._board.power_on(self._device.path)
            except BoardError as error:
                self._tell(Happening(now, "board_failed", {"error": str(error)}))
            else:
                self._tell(Happening(now, "board_started", {"pid": self._board.pid}))

    def _watch_board(self, now: Micros) -> None:
        status = None if self._board is None else self._board.exited()
        if status is not None:
            self._tell(Happening(now, "board_exited", {"status": status}))

    def _receive_datagrams(self) -> None:
        for _ in range(DATAGRAMS_A_TURN):
            try:
                datagram = self._udp.recv(DATAGRAM_OCTETS_MAX)
            except (BlockingIOError, ConnectionError):
                return
            self.lander.receive_tc(datagram, self._clock.now())
            self._lander_due = Micros(0)

    def _send(self, datagram: bytes, to: Address) -> None:
        try:
            self._udp.sendto(datagram, to)
        except OSError:
            self._datagrams_lost += 1

    def _read_control(self) -> None:
        octets = os.read(self._stdin, lander_control.LINE_OCTETS_MAX)
        if not octets:
            # The one who gave the orders has gone; a person at a terminal means the end by it. Only ever set, never
            # combined: a signal between reading and writing the flag would be lost.
            if os.isatty(self._stdin):
                self._stopping = True
            self._stdin = -1
            return
        *lines, self._control = (self._control + octets).split(b"\n")
        self._control = self._control[: lander_control.LINE_OCTETS_MAX]
        for line in lines:
            if line.strip():
                self._obey(line.decode(errors="replace"))

    def _obey(self, line: str) -> None:
        now = self._clock.now()
        answer = lander_control.obey(self.lander, line, now)
        if answer.get("do") == "status" and answer["ok"]:
            answer |= {
                "octets_up": self._up.octets_out,
                "octets_down": self._down.octets_in,
                "overruns": self._overruns,
                "datagrams_lost": self._datagrams_lost,
                "lines_lost": self._lines_lost,
                "board_pid": 0 if self._board is None else self._board.pid,
            }
        self._lander_due = Micros(0)
        self._turn(now)
        self._say(answer)
        if answer.get("do") == "quit" and answer["ok"]:
            self._stopping = True

    def _tell(self, happening: Happening) -> None:
        """An event, as a line of data or of words."""
        unix_us = self._tai_at_zero_us + happening.at_us
        unix_us -= (SECONDS_1958_TO_1970 + self.lander.profile.tai_minus_utc_s) * 1_000_000
        seconds, micros = divmod(unix_us, 1_000_000)
        utc = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{micros // 1000:03d}Z"
        if self._json:
            self._say({"event": happening.what, "utc": utc, **happening.values})
        else:
            values = "  ".join(f"{key} {value}" for key, value in happening.values.items())
            self._write(f"{utc}  {happening.what.replace('_', ' ')}  {values}".rstrip())

    def _say(self, data: dict[str, object]) -> None:
        self._write(json.dumps(data))

    def _write(self, text: str) -> None:
        """One line out; a reader that does not read loses it, so that the line to the payload never waits."""
        out = sys.stdout.fileno()
        if not select.select([], [out], [], 0)[1]:
            self._lines_lost += 1
            return
        try:
            os.write(out, f"{text}\n".encode())
        except OSError:
            self._lines_lost += 1


def _device(options: Options, profile: LanderProfile) -> tuple[Device, Path | None]:
    """The line of the command line: a serial port, a network, or a pty with its link."""
    if options.port is not None and options.port.startswith(SCHEME):
        if profile.carrier != "udp":
            raise LineError(f"--port {options.port}: one frame a datagram, and this lander speaks {profile.carrier}")
        return UdpLine(options.port), None
    if options.port is not None:
        if "://" in options.port:
            raise LineError(
                f"--port {options.port}: the emulator alone serves a device, udp:// or a pty; see kratai hil"
            )
        return Port(options.port, profile.baud), None
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    link = Path(options.link).absolute() if options.link else default_link(runtime)
    return PtyLine(link), link


def _control_descriptor() -> int:
    """Where control lines come from; -1 for nowhere: closed, or a terminal that another job owns."""
    try:
        descriptor = sys.stdin.fileno()
        owned = not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return -1
    return descriptor if owned else -1


def _address(option: str, text: str) -> Address:
    """HOST:PORT, :PORT or PORT; the host is loopback unless given."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise UsageError(f"{option} {text}: not HOST:PORT with a port from 0 to 65535")
    try:
        return socket.gethostbyname(host or "127.0.0.1"), int(port)
    except OSError as error:
        raise UsageError(f"{option} {text}: {error.strerror}") from None


def _tc_socket(text: str) -> tuple[socket.socket, Address]:
    """The socket that telecommands come to; telemetry leaves by it too."""
    address = _address("--tc", text)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setblocking(False)
    try:
        udp.bind(address)
    except OSError as error:
        udp.close()
        raise UsageError(f"--tc {text}: UDP port {address[1]} of {address[0]}: {error.strerror}") from None
    return udp, (address[0], int(udp.getsockname()[1]))


def _destination(option: str, text: str) -> Address:
    """Where datagrams go; port 0 is one that is free now, for the ground to bind."""
    host, port = _address(option, text)
    if port == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, 0))
            except OSError as error:
                raise UsageError(f"{option} {text}: {error.strerror}") from None
            port = int(probe.getsockname()[1])
    return host, port


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


def main(options: Options) -> int:
    """Run the emulator; exit status 0, or 2 with one sentence for what cannot be served."""
    try:
        profile = load(options.profile, options.line, options.baud)
        if options.off:
            ops, heater, release = profile.circuits
            profile = profile._replace(circuits=(ops._replace(on=False), heater, release))
        process = LanderProcess(options, profile)
    except (UsageError, ProfileError, LineError, BoardError) as error:
        sys.stderr.write(f"kratai lander: {error}\n")
        return 2
    process.run()
    return 0
