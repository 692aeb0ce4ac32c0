"""The instruments' tasks on a desk, with devices written by hand; the host's gate around one."""

import struct
from collections.abc import Mapping
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.system import Mode
from fsw.payload.modes import Running
from fsw.payload.task import InstrumentHost
from fsw.services.board import Board
from fsw.services.instrument import InstrumentTask
from fsw.services.process import Process
from fsw.services.verification import Request
from tests.services.desk import MISSION, Desk, words
from tests.system.by_hand import Report, telecommand

DOSIMETER, ENVIRONMENT = (entry.module for entry in MISSION.instruments)
DOSIMETER_APID, ENVIRONMENT_APID = 0x031, 0x032
ABSENT_U32 = 0xFFFF_FFFF
SECOND_US = 1_000_000


class Counter:
    def __init__(self) -> None:
        self.count: int | None = 0

    def pulses(self) -> int | None:
        return self.count


class Shown(NamedTuple):
    temperature_cdegc: int | None
    pressure_pa: int | None
    humidity_permille: int | None


class Thermometer:
    def __init__(self) -> None:
        self.shown: tuple[int | None, int | None, int | None] = Shown(2_000, 0, None)

    def read(self) -> object:
        return ENVIRONMENT.Reading(*self.shown)


def serve(desk: Desk, task: InstrumentTask, apid: int, function: int, data: bytes = b"") -> list[Report]:
    request = desk.request(apid, 8, 1, struct.pack(">H", function) + data)
    task.executions[type(request.body)](request, desk.now)
    return desk.take()


def dose(reports: list[Report]) -> tuple[int, int, int, int]:
    """Dose, rate, pulses, readings of the one report among these."""
    (found,) = [r for r in reports if r.service == 3]
    values: tuple[int, int, int, int] = struct.unpack(">IIII", found.data[2:])
    return values


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_dose_adds_up_over_wraps_of_the_counter(gained: list[int], start: int) -> None:
    desk, counter = Desk(), Counter()
    counter.count = start
    task: InstrumentTask = DOSIMETER.Task(desk.services, counter)
    assert dose(serve(desk, task, DOSIMETER_APID, 4))[:2] == (0, ABSENT_U32)
    total_ngy = 0
    for readings, gain in enumerate(gained, start=2):
        desk.now = Micros(desk.now + SECOND_US)
        counter.count = (counter.count + gain) % 2**32
        total_ngy += gain * 25
        expected = (min(total_ngy, 2**32 - 2), min(gain * 25 * 3_600, 2**32 - 1), counter.count, readings)
        assert dose(serve(desk, task, DOSIMETER_APID, 4)) == expected


def test_a_preset_dose_counts_on() -> None:
    desk, counter = Desk(), Counter()
    task: InstrumentTask = DOSIMETER.Task(desk.services, counter)
    serve(desk, task, DOSIMETER_APID, 4)
    assert words(serve(desk, task, DOSIMETER_APID, 5, struct.pack(">I", 1_000))) == [(3, 0), (7, 0)]
    counter.count = 4
    assert dose(serve(desk, task, DOSIMETER_APID, 4))[0] == 1_100


def test_a_counter_that_comes_and_goes_leaves_the_dose_and_starts_anew() -> None:
    desk, counter = Desk(), Counter()
    task: InstrumentTask = DOSIMETER.Task(desk.services, counter)
    serve(desk, task, DOSIMETER_APID, 2, struct.pack(">H", 1_000))
    task.step(desk.now)
    counter.count = 40
    desk.now = Micros(SECOND_US)
    task.step(desk.now)
    desk.take()
    counter.count = None
    desk.now = Micros(2 * SECOND_US)
    task.step(desk.now)
    assert dose(desk.take()) == (1_000, ABSENT_U32, ABSENT_U32, 2)
    assert words(serve(desk, task, DOSIMETER_APID, 2, struct.pack(">H", 1_000))) == [(4, 0x14)]
    assert words(serve(desk, task, DOSIMETER_APID, 4)) == [(4, 0x14)]
    counter.count = 7  # a new counter from zero: nothing may be added
    desk.now = Micros(3 * SECOND_US)
    task.step(desk.now)
    assert dose(desk.take())[0] == 1_000


@pytest.mark.parametrize(
    ("module", "apid", "device"),
    [(DOSIMETER, DOSIMETER_APID, Counter()), (ENVIRONMENT, ENVIRONMENT_APID, Thermometer())],
)
def test_measuring_is_periodic_until_stopped_or_halted(module: object, apid: int, device: object) -> None:
    desk = Desk()
    build = getattr(module, "Task")  # noqa: B009
    task: InstrumentTask = build(desk.services, device)
    assert task.step(desk.now) == NEVER
    for stop in (lambda: serve(desk, task, apid, 3), lambda: task.halt(desk.now)):
        serve(desk, task, apid, 2, struct.pack(">H", 500))
        for _ in range(3):
            due = task.step(desk.now)
            assert len(desk.take()) == 1
            assert due == desk.now + 500_000
            desk.now = due
        stop()
        assert task.step(desk.now) == NEVER
        desk.take()


@pytest.mark.parametrize(
    ("shown", "octets"),
    [
        ((2_150, 101_325, 456), struct.pack(">hIHI", 2_150, 101_325, 456, 1)),
        ((-2_500, 0, None), struct.pack(">hIHI", -2_500, 0, 0xFFFF, 1)),
        ((None, None, 5), struct.pack(">hIHI", -0x8000, ABSENT_U32, 5, 1)),
    ],
)
def test_a_reading_flies_as_it_is_and_what_is_missing_as_absent(
    shown: tuple[int | None, int | None, int | None], octets: bytes
) -> None:
    desk, device = Desk(), Thermometer()
    device.shown = shown
    task: InstrumentTask = ENVIRONMENT.Task(desk.services, device)
    (found,) = [r for r in serve(desk, task, ENVIRONMENT_APID, 4) if r.service == 3]
    assert found.data == b"\0\x32" + octets
    assert found.destination == 7


@pytest.mark.proves("K-FLY-005")
def test_without_any_reading_the_commands_are_refused() -> None:
    desk, device = Desk(), Thermometer()
    device.shown = (None, None, None)
    task: InstrumentTask = ENVIRONMENT.Task(desk.services, device)
    assert words(serve(desk, task, ENVIRONMENT_APID, 2, struct.pack(">H", 1_000))) == [(4, 0x14)]
    assert words(serve(desk, task, ENVIRONMENT_APID, 4)) == [(4, 0x14)]


# --- the host


class Written:
    """A task written by hand: it notes what it is told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.steps = 0
        self.halts = 0
        self.executions: Mapping[type[object], object] = {DOSIMETER.Stop: self._stop}

    def step(self, now: Micros) -> Micros:
        self.steps += 1
        return NEVER

    def halt(self, now: Micros) -> None:
        self.halts += 1

    def _stop(self, request: Request, now: Micros) -> None:
        self.desk.verification.started(request, now)
        self.desk.verification.completed(request, now)


def test_the_gate_opens_and_closes_and_halts_once() -> None:
    desk, board = Desk(), Board()
    task = Written(desk)
    host = InstrumentHost(board, desk.verification, 3, lambda: task)  # type: ignore[arg-type, return-value]
    host.process = Process(
        DOSIMETER_APID, desk.verification, desk.telemetry, host.executions, reset=lambda: None, reachable=lambda _: True
    )
    stop = telecommand(DOSIMETER_APID, 8, 1, b"\0\3", ack=0b1111)
    # (load on, mode, what the command meets, steps so far, halts so far)
    story = [
        (False, Mode.NOMINAL, 4, 0, 0),
        (True, Mode.BOOT, 4, 0, 0),
        (True, Mode.SAFE, 4, 0, 0),
        (True, Mode.NOMINAL, 7, 1, 0),
        (True, Mode.NOMINAL, 7, 2, 0),
        (True, Mode.SAFE, 4, 2, 1),
        (True, Mode.NOMINAL, 7, 3, 1),
        (False, Mode.NOMINAL, 4, 3, 2),
        (False, Mode.SAFE, 4, 3, 2),
    ]
    for load_on, mode, last, steps, halts in story:
        board.loads_on = 0xFFFF_FFFF if load_on else 0xFFFF_FFF7
        board.mode = mode
        desk.verification.receive(stop, desk.now)
        host.step(desk.now)
        assert words(desk.take())[-1][0] == last
        assert (task.steps, task.halts) == (steps, halts)
        assert (host.state is Running.READY) == (last == 7)


def test_the_task_is_built_anew_after_a_fault() -> None:
    desk = Desk()
    built: list[Written] = []

    def build() -> InstrumentTask:
        built.append(Written(desk))
        return built[-1]  # type: ignore[return-value]

    host = InstrumentHost(Board(), desk.verification, 0, build)
    host.restart()
    assert len(built) == 2
