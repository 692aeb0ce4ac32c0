"""Invariants against a simulated board whose flight software is broken on purpose, and against one that is not."""

import struct
from pathlib import Path

import pytest

from fsw.ccsds import farm1
from fsw.ccsds.farm1 import Cell, Event, Outcome
from fsw.kernel.clock import NEVER, Micros
from fsw.pus.st01 import Stage
from fsw.services.verification import Request
from hil.observer import breaches
from tests.hil.by_hand import SCID, crc
from tests.hil.judged import Judged, broken
from tests.system.by_hand import ACK_ALL, cltu, function, telecommand
from tests.system.test_power import REDUCE, notice

GRACE_S = 61
SWITCH = 2
POWER, SYSTEM = 0x021, 0x020


def ping(count: int, apid: int = SYSTEM, ack: int = ACK_ALL) -> bytes:
    return telecommand(apid, 17, 1, count=count, ack=ack)


def ad(n_s: int, data: bytes) -> bytes:
    octets = struct.pack(">HHB", SCID, len(data) + 6, n_s) + data
    return cltu(octets + struct.pack(">H", crc(octets)))


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    judged = Judged(tmp_path)
    judged.bench.beats = True
    judged.run(2)
    return judged


def send_ad(judged: Judged, n_s: int, data: bytes) -> None:
    octets = ad(n_s, data)
    judged.observers.tell("uplinked", octets, judged.now)
    judged.bench.up(octets)
    judged.run(0.5)


def replace(owner: object, name: str, by: object) -> None:
    setattr(owner, name, by)


def test_a_board_that_is_well_breaks_nothing(judged: Judged) -> None:
    for n in range(4):
        send_ad(judged, n, ping(n))
    send_ad(judged, 3, ping(3))  # once more, as FOP-1 would
    judged.bench.send(ping(20), ping(20), ping(21, 0x077), ping(22)[:-1] + b"\x00", ping(23, ack=0))
    judged.run(1)
    wrapped = telecommand(SYSTEM, 130, 1, b"\x1e" + b"\xff" * 6 + ping(40), count=41)
    judged.bench.send(wrapped, function(POWER, SWITCH, b"\x00\x00", count=30), ping(24)[:11])
    judged.bench.send(telecommand(SYSTEM, 3, 5, b"\x01\x01", count=42))
    judged.run(GRACE_S)
    judged.cut()
    judged.run(2)
    judged.bench.up(ad(0, ping(50))[:30] + ad(0, ping(51)))
    judged.run(GRACE_S)
    assert judged.finish() == []
    assert judged.bench.reports


@pytest.mark.proves("K-BENCH-011")
def test_a_verification_that_completes_twice_is_caught(judged: Judged) -> None:
    verification = judged.bench.app.verification
    completed = verification.completed

    def twice(request: Request, now: Micros) -> None:
        completed(request, now)
        verification._emit(request.apid, Stage.COMPLETED, request.request_id, request.source_id, now)

    replace(verification, "completed", twice)
    send_ad(judged, 0, ping(1))
    found = judged.finish()
    assert broken(found) == {"one-last-word": 1, "ad-once": 1}
    assert "0x020/1 has 2 last words" in found[0].text


@pytest.mark.proves("K-BENCH-011")
def test_a_request_that_never_ends_is_caught_and_a_cut_excuses_it(judged: Judged) -> None:
    app = judged.bench.app
    replace(app.verification, "completed", lambda request, now: None)
    judged.bench.send(ping(1))
    judged.run(GRACE_S)
    assert broken(judged.finish()) == {"one-last-word": 1}
    judged.bench.send(ping(2))
    judged.run(1)
    judged.cut()
    judged.run(GRACE_S)
    found = judged.finish()
    assert broken(found) == {"one-last-word": 1}
    assert [one.text for one in found if not one.breach] == ["0x020/2 was interrupted"]


@pytest.mark.proves("K-BENCH-012", "K-BENCH-013")
def test_a_farm_that_takes_a_frame_twice_is_caught(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = Cell(Outcome.ACCEPT)
    monkeypatch.setitem(farm1.TABLE, Event.E4, (accept, accept, accept))
    send_ad(judged, 0, ping(1))
    assert judged.finish() == []
    send_ad(judged, 0, ping(1))
    assert broken(judged.finish()) == {"ad-once": 1, "nothing-unaccepted": 1}


@pytest.mark.proves("K-BENCH-013")
def test_a_command_that_no_frame_brought_is_caught(judged: Judged) -> None:
    judged.bench.app.verification.receive(ping(77), judged.now)
    judged.run(1)
    found = broken(judged.finish())
    assert found.pop("nothing-unaccepted") >= 2  # it ran, and each report on it
    assert found == {}


@pytest.mark.proves("K-BENCH-013")
def test_a_farm_that_takes_what_lies_ahead_is_caught(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = Cell(Outcome.ACCEPT)
    monkeypatch.setitem(farm1.TABLE, Event.E3, (accept, accept, accept))
    send_ad(judged, 4, ping(1))
    assert set(broken(judged.finish())) == {"nothing-unaccepted"}


@pytest.mark.proves("K-BENCH-014")
def test_counts_that_are_used_twice_are_caught(judged: Judged) -> None:
    counter = judged.bench.app.telemetry._counter
    judged.bench.send(ping(1))
    judged.run(1)
    again = counter._next[SYSTEM] - 3
    counter._next[SYSTEM] = counter._second[SYSTEM] = again
    counter._inverse[SYSTEM] = ~again
    judged.bench.send(ping(2))
    judged.run(1)
    assert set(broken(judged.finish())) == {"gaps-announced"}


@pytest.mark.proves("K-BENCH-015")
def test_a_watchdog_stroked_whatever_happens_is_caught(judged: Judged) -> None:
    app = judged.bench.app
    judged.run(3)
    app.scheduler.stats["power"].due = NEVER
    replace(app.scheduler.stats["power"], "step", lambda now: NEVER)
    judged.run(5)
    assert judged.finish() == []
    replace(app.supervisor, "fresh", lambda now: True)
    judged.run(5)
    assert broken(judged.finish()) == {"watchdog-honest": 1}


@pytest.mark.proves("K-BENCH-016")
def test_loads_that_stay_on_beyond_the_allocation_are_caught(judged: Judged) -> None:
    replace(judged.bench.app.power, "_shed", lambda load, reason, now: None)
    notice(judged.bench, REDUCE, limit_mw=1_500)
    judged.run(3)
    assert broken(judged.finish()) == {"power-within": 1}


@pytest.mark.proves("K-BENCH-018")
def test_a_queue_beyond_its_limit_is_caught(judged: Judged) -> None:
    process = judged.bench.app.power.process
    assert process is not None
    process.mailbox._items.extend([None] * 40)  # type: ignore[list-item]
    replace(process, "run", lambda now: None)
    judged.run(2)
    assert breaches(judged.finish())["limits-kept"] == 1
