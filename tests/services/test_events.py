"""Events: what is told of them on board, whether the ground hears of them or not."""

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.system import StoreRecovered, TimeFlywheel
from fsw.pus.ids import APID_SYSTEM
from tests.services.desk import MISSION, Desk


@pytest.mark.proves("K-MON-001")
def test_listeners_hear_every_occurrence() -> None:
    desk = Desk()
    heard: list[tuple[object, Micros]] = []
    desk.events.listeners += (lambda event, now: heard.append((event, now)),)
    desk.ask(APID_SYSTEM, 5, 6, bytes.fromhex("01 0006"))
    desk.now = Micros(7)
    desk.events.report(StoreRecovered(), desk.now)
    desk.events.report(TimeFlywheel(), desk.now)
    assert [(r.service, r.subtype) for r in desk.take()] == [(5, 2)]
    assert heard == [(StoreRecovered(), 7), (TimeFlywheel(), 7)]


@pytest.mark.proves("K-MON-001")
def test_parameters_remember_when_they_were_written() -> None:
    desk = Desk()
    known = desk.parameters
    first, second = list(MISSION.database.parameters.values())[:2]
    assert known.written == {}
    known.set(first, 3, Micros(5))
    known.set_all({first.pid: 3, second.pid: 4}, Micros(9))
    known.set(second, 4, Micros(10))
    assert known.written == {first.pid: 9, second.pid: 10}
