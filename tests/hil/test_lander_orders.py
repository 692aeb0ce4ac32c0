"""Orders as tables: what they are read as, what is wrong with one, and that every one is obeyed."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hil.lander.lander_orders
from hil.lander.lander_orders import VERBS, Choice, Order, OrderError, Whole, obey, parse
from tests.hil.bench import Bench

# Typed apart from the code: verbs that a scenario or a control line may use, and their keys.
EXPECTED = """
on circuit
off circuit
cut circuit
notice circuit action seconds reason limit_mw
reset_trip circuit
load circuit ma permille ms
supply bus_mv
heater mode
policy power heater cycle longer_notice
mode phase seconds quiet
safe seconds reason
authorise step opens_s closes_s nonce
time step_ms jitter_us drift_ppb loss_permille late_ms quality leap tai_minus_utc_s
heartbeat jitter_permille
silence seconds
reboot seconds
link bps permille one_way_ms
pass in_s for_s
blackout in_s for_s
queue overflow octets
credit vc octets
around deck_cdegc altitude_m flags
status
quit
"""


def test_the_orders_are_those_meant() -> None:
    rows = [line.split() for line in EXPECTED.strip().splitlines()]
    assert {verb: list(keys) for verb, keys in VERBS.items()} == {row[0]: row[1:] for row in rows}


def test_every_order_stands_in_the_manual() -> None:
    manual = (Path(hil.lander.lander_orders.__file__).parent / "LANDER.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in manual.splitlines() if line.startswith("| `")]
    named = {verb: keys.replace("`", "").split() for verbs, keys in rows for verb in verbs.replace("`", "").split()}
    assert {verb: named.get(verb) for verb in VERBS} == {verb: list(keys) for verb, keys in VERBS.items()}


@pytest.mark.parametrize(
    ("table", "order"),
    [
        ({"do": "cut", "circuit": 2}, Order("cut", {"circuit": "release"})),
        ({"do": "mode", "phase": "DESCENT", "quiet": 3}, Order("mode", {"phase": "descent", "quiet": 3})),
        ({"do": "notice", "reason": 3}, Order("notice", {"reason": "emergency"})),
        ({"do": "credit", "vc": 2, "octets": 0}, Order("credit", {"vc": "vc3", "octets": 0})),
        ({"do": "time", "step_ms": -5, "quality": "invalid"}, Order("time", {"step_ms": -5, "quality": "invalid"})),
    ],
)
def test_numbers_and_names_are_read_as_names(table: dict[str, object], order: Order) -> None:
    assert parse(table) == order


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, '"do" is None; one of: on, off,'),
        ({"do": "rebot"}, "\"do\" is 'rebot'; did you mean 'reboot'?"),
        ({"do": "pass", "for": 3}, "unknown key 'for'; did you mean 'for_s'?"),
        ({"do": "status", "x": 3}, "unknown key 'x'; it takes none"),
        ({"do": "reboot", "seconds": 0}, "seconds is 0, must be a whole number from 1 to 86400"),
        ({"do": "time", "late_ms": 1.5}, "late_ms is 1.5, must be a whole number"),
        ({"do": "queue", "overflow": "oldes"}, "overflow is 'oldes'; 0 to 2 or did you mean 'oldest'?"),
        ({"do": "heater", "mode": True}, "mode is True; 0 to 3 or one of: order,"),
    ],
)
def test_what_is_no_order_is_one_sentence(table: dict[str, object], sentence: str) -> None:
    with pytest.raises(OrderError) as caught:
        parse(table)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def values(key: Whole | Choice) -> st.SearchStrategy[int | str]:
    return st.sampled_from(list(key.names)) if isinstance(key, Choice) else st.integers(key.low, key.high)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, object]:
    verb = draw(st.sampled_from(list(VERBS)))
    keys = draw(st.lists(st.sampled_from(list(VERBS[verb])), unique=True)) if VERBS[verb] else []
    return {"do": verb, **{key: draw(values(VERBS[verb][key])) for key in keys}}


@given(given_orders=st.lists(st.tuples(orders(), st.integers(0, 2_000)), max_size=12))
@settings(deadline=None, max_examples=60)
def test_any_orders_in_any_order_are_obeyed_and_leave_a_lander_that_goes_on(
    given_orders: list[tuple[dict[str, object], int]],
) -> None:
    bench = Bench()
    bench.skip(0.3)
    for table, wait_ms in given_orders:
        obey(bench.lander, parse(table), bench.clock.now())
        bench.skip(wait_ms / 1000)
    assert bench.lander.status(bench.clock.now())["phase"]
    bench.lander.step(bench.clock.now())
    assert bench.look() > bench.clock.now()
