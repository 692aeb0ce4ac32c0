"""The power switch against a second transcription of its table, and its times."""

import pytest

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.power import NoticeAction
from hil.lander.power_switch import TABLE, Event, PowerSwitch, Supply

# Typed apart from the code: what each state becomes, row by row.
#            event      off  on      warned   cycling
EXPECTED = """
switch_on    on   on      on       on
cut          off  off     off      off
notice       off  warned  warned   cycling
end          off  on      off      cycling
end_cycle    off  on      cycling  cycling
back         off  on      warned   on
"""
STATES = ("off", "on", "warned", "cycling")


def test_table_is_the_one_meant() -> None:
    rows = [line.split() for line in EXPECTED.strip().splitlines()]
    assert {row[0] for row in rows} == {event.value for event in Event}
    for name, *cells in rows:
        for state, cell in zip(STATES, cells, strict=True):
            assert TABLE[Event(name)][Supply(state)] is Supply(cell), (name, state)


def switch(on: bool = True) -> PowerSwitch:
    return PowerSwitch(on, ready_settle_us=250, cycle_off_us=2_000)


def test_off_comes_at_its_time_regardless() -> None:
    one = switch()
    one.notice(NoticeAction.OFF, Micros(5_000), 0)
    assert one.state is Supply.WARNED
    assert one.powered
    assert one.next_due() == 5_000
    assert not one.step(Micros(4_999))
    assert one.step(Micros(5_000))
    assert not one.powered
    assert one.next_due() == NEVER


def test_ready_shortens_and_never_lengthens() -> None:
    one = switch()
    assert not one.ready(Micros(0)), "nothing announced: nothing to shorten"
    one.notice(NoticeAction.OFF, Micros(5_000), 0)
    assert one.ready(Micros(1_000))
    assert one.next_due() == 1_250
    assert one.ready(Micros(1_200))
    assert one.next_due() == 1_250
    assert one.step(Micros(1_250))
    assert not one.powered


def test_a_cycle_comes_back_by_itself() -> None:
    one = switch()
    one.notice(NoticeAction.CYCLE, Micros(1_000), 0)
    assert one.step(Micros(1_000))
    assert one.state.value == "cycling"
    assert not one.powered
    one.notice(NoticeAction.OFF, Micros(9_999), 0)
    assert one.next_due() == 3_000, "a notice in the dark changes nothing"
    assert one.step(Micros(3_000))
    assert one.state.value == "on"


def test_on_may_be_announced_and_reduce_changes_only_the_limit() -> None:
    one = switch(on=False)
    one.notice(NoticeAction.ON, Micros(1_000), 0)
    assert not one.powered
    one.step(Micros(1_000))
    assert one.powered
    one.notice(NoticeAction.REDUCE, Micros(2_000), 1_500)
    assert not one.ready(Micros(1_500))
    assert one.limit_mw == 0
    one.step(Micros(2_000))
    assert (one.powered, one.limit_mw) == (True, 1_500)


@pytest.mark.parametrize("action", list(NoticeAction))
def test_cut_and_on_forget_what_was_announced(action: NoticeAction) -> None:
    for do in (PowerSwitch.cut, PowerSwitch.switch_on):
        one = switch()
        one.notice(action, Micros(1_000), 0)
        do(one)
        assert one.next_due() == NEVER
        assert one.powered is (do is PowerSwitch.switch_on)


def test_a_later_notice_takes_the_place_of_an_earlier_one() -> None:
    one = switch()
    one.notice(NoticeAction.OFF, Micros(1_000), 0)
    one.notice(NoticeAction.REDUCE, Micros(2_000), 700)
    one.step(Micros(2_000))
    assert (one.powered, one.limit_mw) == (True, 700)
