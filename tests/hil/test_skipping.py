"""Idle time is skipped in every simulation: a storm of faults must come out octet for octet as if it were not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load
from hil.plan import scenario
from hil.rungs.virtual import Virtual

MISSION = load()
STORM = scenario.load("storm", MISSION)
STORM_S = 300


def digest(seed: int, *, skips_idle: bool) -> tuple[str, int]:
    """What a board sends in the first minutes of a storm, and how many base ticks it has run in its last life."""
    virtual = Virtual(STORM, MISSION, seed, observers=lambda *_: [], skips_idle=skips_idle)
    try:
        virtual.advance(Micros(STORM_S * 1_000_000))
        app = virtual.board.app
        return virtual.end.digest(), 0 if app is None else app.scheduler.ticks
    finally:
        virtual.close()


@pytest.mark.proves("K-KERN-001")
@settings(max_examples=4, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_storm_is_the_same_octets_with_every_idle_tick_and_with_none(seed: int) -> None:
    every, skipped = digest(seed, skips_idle=False), digest(seed, skips_idle=True)
    assert every[0] == skipped[0]
    assert skipped[1] <= every[1]
