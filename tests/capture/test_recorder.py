"""The recorder and its taps: flight sees what is there, waits for nothing, and a recording that ends says so."""

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fsw.capture import recorder as recording
from fsw.capture.encoding import OCTETS_MAX
from fsw.capture.format import CHECKPOINT_US, SHAPES_MAX
from fsw.capture.header import Header
from fsw.capture.reader import Calls, Checkpoint, Damage, End, Gap, Life, Tick
from fsw.capture.recorder import BACKLOG_OCTETS_MAX, PIECE_OCTETS, Recorder
from fsw.config import LINES
from fsw.hal.ports import BoardReadings, LineState
from fsw.kernel.clock import NEVER, TICK_US, ManualClock, Micros
from hil.board.world import MemoryLine
from tests.capture import by_hand
from tests.hil.recorded import Flight, records, replay, sha256

HEADER = Header("rabbit", LINES["default"], "cltu-cadu", bytes(32), "kratai 0.1.0", "3.11.0", "crcmod")


class Slow:
    """A sink that takes nothing while it is full."""

    def __init__(self) -> None:
        self.full = False
        self.octets = bytearray()
        self.offered = 0

    def take(self, octets: bytes) -> bool:
        self.offered += 1
        assert 0 < len(octets) <= PIECE_OCTETS
        if self.full:
            return False
        self.octets += octets
        return True


class Rig:
    """A recorder on a clock; `tick` is one base tick in which `ask` is done."""

    def __init__(self, chunk_us: int = 0) -> None:
        self.sink = Slow()
        self.clock = ManualClock()
        self.recorder = Recorder(self.sink.take, HEADER, self.clock, chunk_us=chunk_us)

    def tick(self, ask: Callable[[], object] = lambda: None, us: int = TICK_US) -> None:
        planned = self.clock.now()
        self.recorder.begin(planned)
        ask()
        self.recorder.end(planned)
        self.clock.advance(us)

    def plain(self) -> list[by_hand.Plain]:
        return by_hand.lives(bytes(self.sink.octets))[0]


# --- the sink ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("K-REPLAY-007")
def test_a_sink_that_is_full_for_a_while_loses_nothing() -> None:
    rig = Rig()
    rig.recorder.booted()
    for n in range(100):
        rig.sink.full = 20 < n < 80
        rig.tick()
    rig.recorder.finish("orderly")
    assert [record[0] for record in rig.plain()].count("tick") == 100
    assert rig.recorder.rest == b""


@pytest.mark.proves("K-REPLAY-007")
def test_a_sink_that_stays_full_ends_the_recording_with_a_named_gap() -> None:
    rig = Rig()
    line = rig.recorder.line(Chatty(bytes(8_000)))
    rig.recorder.booted()
    rig.tick(line.read)
    rig.sink.full = True
    for _ in range(400):
        rig.tick(line.read)
        assert len(rig.recorder.rest) < BACKLOG_OCTETS_MAX + 20_000, "what waits is bounded"
    assert rig.recorder.ended == "the capture's file took no more octets"
    lost = rig.recorder.ticks_lost
    assert lost > 200
    rig.sink.full = False
    rig.tick(line.read)
    rig.recorder.finish("orderly")
    kinds = [record[0] for record in rig.plain()]
    assert kinds[-1] == "gap"
    assert kinds.count("tick") == 401 - lost
    assert rig.plain()[-1] == ("gap", "the capture's file took no more octets")


@pytest.mark.proves("K-REPLAY-007")
def test_flight_flies_on_when_its_recording_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BACKLOG_OCTETS_MAX", 2_000)
    monkeypatch.setattr(recording, "CHUNK_OCTETS", 500)
    flight = Flight(tmp_path)
    flight.bench.run(3)
    flight.bench.app.recorder._sink = lambda octets: False  # type: ignore[union-attr]
    flight.bench.run(60)
    app = flight.bench.app
    assert app.recorder is not None
    assert app.recorder.ended
    before = len(flight.down[0])
    flight.bench.run(10)
    assert len(flight.down[0]) > before + 4_000
    rest = app.recorder.rest
    _, outcome = replay(bytes(flight.capture) + rest)
    life = outcome.lives[0]
    assert life.ended.startswith("the recording ends here: ")
    assert life.divergence is None
    assert life.at_us > 3_000_000
    assert life.digest == sha256(bytes(flight.down[0][: life.octets]))
    flight.bench.board.cut()


def test_more_in_one_tick_than_a_record_takes_ends_the_recording() -> None:
    rig = Rig()
    line = rig.recorder.line(Chatty(bytes(OCTETS_MAX // 2)))
    rig.recorder.booted()
    rig.tick(line.read)
    rig.tick(lambda: [line.read() for _ in range(3)])
    rig.tick(line.read)
    assert rig.recorder.ended == "more was asked in one tick than a capture takes"
    assert rig.recorder.ticks_lost == 2
    assert [record[0] for record in rig.plain()] == ["life", "boot", "tick", "gap"]
    rig.recorder.stop(0)
    rig.recorder.injected("hang", ("power",))
    rig.recorder.finish("orderly")
    assert rig.plain()[-1][0] == "gap"


def test_too_much_at_boot_ends_the_recording() -> None:
    rig = Rig()
    line = rig.recorder.line(Chatty(bytes(OCTETS_MAX)))
    line.read()
    rig.recorder.booted()
    rig.tick()
    assert [record[0] for record in rig.plain()] == ["life", "gap"]


def test_a_chunk_waits_until_it_is_old_or_long() -> None:
    rig = Rig(chunk_us=50_000)
    rig.recorder.booted()
    offered = []
    for _ in range(11):
        before = rig.sink.offered
        rig.tick()
        offered.append(rig.sink.offered - before)
    assert offered == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    slow = Rig(chunk_us=NEVER)
    line = slow.recorder.line(Chatty(bytes(1_000)))
    slow.recorder.booted()
    slow.tick(line.read)
    sizes = []
    for _ in range(40):
        before = len(slow.sink.octets)
        slow.tick(line.read)
        sizes.append(len(slow.sink.octets) - before)
    assert [size > 0 for size in sizes].count(True) == 2


def test_shapes_are_kept_up_to_a_limit_and_read_beyond_it() -> None:
    rig = Rig()
    rig.recorder.booted()

    def ask(n: int) -> None:
        for bit in range(13):
            rig.recorder.clock.now() if n >> bit & 1 else rig.recorder.clock.stopwatch_ns()

    for n in [*range(SHAPES_MAX + 50), SHAPES_MAX + 49, 3]:
        rig.tick(lambda n=n: ask(n))  # type: ignore[misc]
    rig.recorder.finish("orderly")
    ticks = [record for record in records(bytes(rig.sink.octets)) if isinstance(record, Tick)]
    assert len({tick.calls.shape for tick in ticks}) == SHAPES_MAX + 50
    assert (ticks[-1].calls, ticks[-2].calls) == (ticks[3].calls, ticks[-3].calls)


# --- the life ------------------------------------------------------------------------------------------------------


def test_times_between_ticks_are_not_flight_s() -> None:
    """A bench looks at the board's clock between two ticks: nothing of it is in the recording."""
    rig = Rig()
    rig.recorder.booted()
    rig.tick(rig.recorder.clock.now)
    rig.recorder.clock.now()
    rig.recorder.clock.stopwatch_ns()
    rig.tick(rig.recorder.clock.now)
    ticks = [record for record in rig.plain() if record[0] == "tick"]
    assert ticks == [("tick", 1, b"\x01", b""), ("tick", 1, b"\x01", b"")]


def test_the_world_is_asked_in_ticks_only() -> None:
    rig = Rig()
    line = rig.recorder.line(Chatty(b""))
    rig.recorder.booted()
    line.poll(Micros(0))
    with pytest.raises(AssertionError, match="the world is asked in ticks"):
        rig.tick()


def test_checkpoints_and_end_tell_what_the_line_took() -> None:
    rig = Rig()
    line = rig.recorder.line(Chatty(b"", takes=3))
    rig.recorder.booted()
    rig.tick(lambda: line.write(b"abcdef"))
    rig.tick(us=CHECKPOINT_US * 5)
    rig.tick(lambda: line.write(b"ghi"))
    rig.recorder.finish("orderly")
    found = records(bytes(rig.sink.octets))
    checks = [record for record in found if isinstance(record, Checkpoint)]
    assert checks == [Checkpoint(6, bytes.fromhex(sha256(b"abcghi"))[:8])], "one, however long it was quiet"
    assert found[-1] == End("orderly", 6, bytes.fromhex(sha256(b"abcghi")))
    assert rig.recorder.digest == sha256(b"abcghi")
    assert not any(isinstance(record, Gap | Damage) for record in found)
    assert isinstance(found[0], Life)


# --- the taps ------------------------------------------------------------------------------------------------------


class Chatty:
    """A line that always has the same to say, and takes so many octets of a write."""

    def __init__(self, said: bytes, takes: int = 1 << 30) -> None:
        self.said = said
        self.takes = takes
        self.state, self.opens, self.faults, self.fault = LineState.CLOSED, 0, 0, ""

    def __len__(self) -> int:
        return len(self.said)

    def read(self) -> bytes:
        return self.said

    def write(self, octets: bytes) -> int:
        return min(self.takes, len(octets))

    def poll(self, now: Micros) -> LineState:
        return self.state


def test_flight_sees_through_the_taps_what_is_there() -> None:
    clock = ManualClock()
    rig = Recorder(lambda octets: True, HEADER, clock, chunk_us=0)
    real = MemoryLine(clock, 115_200)
    line = rig.line(real)
    assert line.poll(Micros(0)) is LineState.OPEN
    assert (line.state, line.opens, line.faults, line.fault) == (LineState.OPEN, 1, 0, "")
    assert len(line) == 0
    real.up.put(b"hello", Micros(0))
    clock.advance(1_000_000)
    assert (len(line), line.read(), line.read()) == (1, b"hello", b"")
    assert line.write(b"answer") == 6
    real.plugged = False
    assert line.poll(clock.now()) is LineState.CLOSED
    assert (line.faults, line.fault) == (1, "SIMULATED cable is out")
    assert (rig.clock.now(), rig.clock.stopwatch_ns()) == (1_000_000, 1_000_000_000)
    readings = BoardReadings(1, None, 3, 4, 5, 1 << 70)

    class Sensors:
        def read(self) -> BoardReadings:
            return readings

    class Files:
        def sysfs(self, path: str) -> str | None:
            return {"there": "12"}.get(path)

    sensors, opener = rig.sensors(Sensors()), rig.opener(Files())
    assert [sensors.read(), sensors.read()] == [readings] * 2
    assert [opener.sysfs(path) for path in ("there", "nowhere", "there")] == ["12", None, "12"]
    rig.booted()
    assert rig.octets == 6


def test_a_wire_is_recorded_as_it_was_used() -> None:
    rig = Rig()
    server = Server()
    wire = rig.recorder.wire("store", server)
    rig.recorder.booted()
    server.answers = [b"yes", None]
    server.lives = False

    def use() -> None:
        assert wire.send(b"ask")
        assert (wire.receive(), wire.receive(), wire.alive()) == (b"yes", None, False)
        wire.restart()
        assert not wire.alive()

    rig.tick(use)
    tick = next(record for record in records(bytes(rig.sink.octets)) if isinstance(record, Tick))
    crc = zlib.crc32(b"ask").to_bytes(4, "big")
    assert tick.calls == Calls(bytes((0x90, 0x91, 0x11, 0x92, 0x13, 0x12)), crc + b"\x01" + b"\x03yes" + b"\x00")
    assert server.restarts == 1


class Server:
    """A wire's other end."""

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []
        self.lives = True
        self.restarts = 0

    def send(self, message: bytes) -> bool:
        return True

    def receive(self) -> bytes | None:
        return self.answers.pop(0)

    def alive(self) -> bool:
        return self.lives

    def restart(self) -> None:
        self.restarts += 1
