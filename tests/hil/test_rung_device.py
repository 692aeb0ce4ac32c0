"""The rung `device`: a board behind a port that may vanish; what cannot be done to it is said, and is no pass."""

import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from serial.rfc2217 import PortManager, Serial

from fsw.mdb.mission import load as load_mission
from hil.lander import lander_orders
from hil.plan import scenario
from hil.plan.player import Outcome, StepResult
from hil.rungs.device_end import DeviceEnd
from hil.rungs.power_command import PowerCommand, PowerError
from hil.rungs.pty_line import LineError, PtyLine
from hil.rungs.real_clock import RealClock
from hil.rungs.real_time import RealTime
from hil.rungs.serial_port import Port
from tests.hil.wire import DEADLINE_S, Wire

PLAN = """
title = "A board on a wire"
until = "3 min"

[[leg]]
name = "power"
[[leg.step]]
name = "cut"
order = { do = "cut", circuit = "ops" }

[[leg]]
name = "warning"
[[leg.step]]
name = "notice"
order = { do = "notice", action = "cycle", seconds = 5 }

[[leg]]
name = "heat"
[[leg.step]]
name = "warm"
surroundings = { "environment.offset_cdegc" = 4000 }

[[leg]]
name = "talk"
[[leg.step]]
name = "link"
expect = "link ready"
within = "60 s"
[[leg.step]]
name = "before"
send = "ping"
[[leg.step]]
name = "after"
send = "ping"
within = "60 s"
"""


@pytest.mark.process
@pytest.mark.proves("K-BENCH-020", "K-BENCH-021")
def test_a_cable_that_is_pulled_and_put_back_is_survived_and_told(tmp_path: Path) -> None:
    (tmp_path / "wire.toml").write_text(PLAN)
    mission = load_mission()
    plan = scenario.load(str(tmp_path / "wire.toml"), mission)
    wire = Wire(tmp_path / "flight")
    clock = RealClock()
    end = DeviceEnd(wire.url, plan.profile)
    try:
        run = RealTime(plan, mission, 1, end, clock)

        def tell(step: StepResult) -> None:
            if step.step == "before":
                wire.pull()

        run.run(plan.until_us, tell)
        result = run.result()
    finally:
        end.close()
        wire.close()
    assert {step.step: step.outcome for step in result.steps} == {
        "cut": Outcome.NOT_EXERCISED,
        "notice": Outcome.NOT_EXERCISED,
        "warm": Outcome.NOT_EXERCISED,
        "link": Outcome.HELD,
        "before": Outcome.HELD,
        "after": Outcome.HELD,
    }
    notes = [finding.text for finding in result.findings if finding.rule == "rung"]
    gone, back = notes
    assert gone.startswith(f"{wire.url} is gone: ")
    assert back.startswith(f"{wire.url} is back after ")
    assert result.counters["port.losses"] == 1
    assert result.ok, result.findings


@pytest.mark.proves("K-BENCH-022")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is empty"),
        ("/dev/ttyNONE", "No such file or directory"),
        ("/dev/null", "is no terminal"),
        ("socket://", "needs HOST:PORT"),
        ("socket://here", "needs HOST:PORT"),
        ("socket://here:99999", "needs HOST:PORT"),
        ("rfc2218://here:1", "did you mean rfc2217://?"),
        ("loop://", "is no way to a board"),
    ],
)
def test_a_port_that_cannot_be_is_a_sentence(url: str, said: str) -> None:
    with pytest.raises(LineError, match=f"^--port {url}: .*") as refusal:
        Port(url, 9600)
    assert said in str(refusal.value)


@pytest.mark.proves("K-BENCH-022")
def test_a_port_is_held_by_one_program_alone() -> None:
    line = PtyLine()
    first = Port(line.path, 9600)
    with pytest.raises(LineError, match="another program has it open"):
        Port(line.path, 9600)
    first.close()
    Port(line.path, 9600).close()
    line.close()


def until_readable(port: Port) -> None:
    assert select.select([port], [], [], DEADLINE_S)[0]


@pytest.mark.proves("K-BENCH-020")
def test_a_terminal_that_hangs_up_takes_and_gives_nothing_until_it_is_there_again(tmp_path: Path) -> None:
    device = tmp_path / "board"
    line = PtyLine(device)
    port = Port(str(device), 9600)
    assert port.write(b"to the board") == 12
    assert select.select([line], [], [], DEADLINE_S)[0]
    assert line.read(100) == b"to the board"
    line.write(b"from the board")
    until_readable(port)
    assert port.read(100) == b"from the board"
    assert port.read(100) == b""
    line.close()
    until_readable(port)
    assert (port.read(100), port.is_open, port.fileno()) == (b"", False, -1)
    assert (port.write(b"lost"), port.read(10)) == (0, b"")
    assert not port.reopen()
    assert port.fault == "No such file or directory"
    line = PtyLine(device)
    assert port.reopen()
    line.write(b"again")
    until_readable(port)
    assert port.read(100) == b"again"
    port.close()
    line.close()


class Echo:
    """What stands behind a terminal server's port: it gives back what it is given."""

    cts = dsr = ri = cd = True

    def __init__(self) -> None:
        self.port = "echo"
        self.baudrate, self.bytesize, self.parity, self.stopbits = 0, 8, "N", 1
        self.rtscts = self.xonxoff = self.rts = self.dtr = self.break_condition = False

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


class Telnet:
    """One client of a terminal server, with the lock that pyserial's server side wants."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, octets: bytes) -> None:
        self._client.sendall(octets)


def terminal_server(listener: socket.socket, board: Echo) -> None:
    client, _ = listener.accept()
    manager = PortManager(cast("Serial", board), cast("Serial", Telnet(client)))
    while octets := client.recv(4096):
        data = b"".join(manager.filter(octets))
        if data == b"hang up":
            break
        client.sendall(b"".join(manager.escape(data)))
    client.close()


def ask(came: Callable[[], bool]) -> None:
    """Ask again and again, as the bench does: pyserial reads a terminal server in a thread, there is no descriptor."""
    deadline = time.monotonic() + DEADLINE_S
    while not came():
        assert time.monotonic() < deadline


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")
@pytest.mark.proves("K-BENCH-020")
def test_a_terminal_server_sets_the_baud_and_carries_every_octet() -> None:
    board = Echo()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=terminal_server, args=(listener, board))
        thread.start()
        port = Port(f"rfc2217://127.0.0.1:{listener.getsockname()[1]}", 57_600)
        assert board.baudrate == 57_600
        assert port.fileno() == -1
        octets = bytes(range(256))
        assert port.write(octets) == 256
        got = b""

        def read() -> bool:
            nonlocal got
            got += port.read(256)
            return len(got) >= 256

        def gone() -> bool:
            return port.read(256) == b"" and not port.is_open

        ask(read)
        assert got == octets
        port.write(b"hang up")
        ask(gone)
        thread.join(DEADLINE_S)


def test_the_supply_is_off_before_and_follows_the_switch(tmp_path: Path) -> None:
    log = tmp_path / "relay"
    relay = tmp_path / "relay.py"
    relay.write_text(f"import sys; open({str(log)!r}, 'a').write(sys.argv[-1] + ' ')")
    line = PtyLine()
    mission = load_mission()
    plan = scenario.load("first-contact", mission)
    end = DeviceEnd(line.path, plan.profile, PowerCommand(f"{sys.executable} {relay}"))
    clock = RealClock()
    run = RealTime(plan, mission, 1, end, clock)
    assert log.read_text() == "off "
    run.bench.step(clock.now())
    assert log.read_text() == "off on "
    run.bench.order(lander_orders.parse({"do": "cut"}), clock.now())
    run.bench.step(clock.now())
    assert log.read_text() == "off on off "
    assert end.notes == []
    relay.write_text("raise SystemExit('the relay is stuck')")
    run.bench.order(lander_orders.parse({"do": "on"}), clock.now())
    run.bench.step(clock.now())
    assert [(note.breach, note.text.partition(": ")[2]) for note in end.notes] == [
        (True, "exit status 1: the relay is stuck")
    ]
    end.close()
    line.close()


@pytest.mark.proves("K-BENCH-022")
@pytest.mark.parametrize(
    ("command", "said"),
    [("", "is empty"), ("'", "No closing quotation"), ("/nowhere/relay", "No such file"), ("false", "exit status 1")],
)
def test_a_supply_that_cannot_be_switched_is_a_sentence(command: str, said: str) -> None:
    with pytest.raises(PowerError, match=said):
        PowerCommand(command).switch(True)
