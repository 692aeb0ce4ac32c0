"""A board that ran before the rules came to watch it, or while they were deaf: what it goes on with is no breach."""

from pathlib import Path

import pytest

from hil.observer import Observers
from tests.hil.judged import Judged, broken, observers
from tests.hil.test_invariants_sim import ad, ping

SECONDS = 5


def watched_from_midway(folder: Path, *, told: bool) -> dict[str, int]:
    """Rules broken, as somebody finds who comes when three commands have been accepted; `told` that he comes late."""
    judged = Judged(folder)
    judged.bench.beats = True
    judged.run(2)
    for n in range(3):
        judged.bench.up(ad(n, ping(n)))
        judged.run(0.5)
    judged.observers = late = observers()
    judged._watch()
    if told:
        late.tell("torn", judged.now)
    send(judged, late, 3)
    judged.run(SECONDS)
    return broken(judged.finish())


def send(judged: Judged, rules: Observers, n: int) -> None:
    octets = ad(n, ping(n))
    rules.tell("uplinked", octets, judged.now)
    judged.bench.up(octets)
    judged.run(0.5)


@pytest.mark.proves("K-BENCH-020")
def test_rules_that_come_late_and_know_it_find_nothing_wrong(tmp_path: Path) -> None:
    assert watched_from_midway(tmp_path, told=True) == {}


def test_rules_that_come_late_and_do_not_know_it_judge_wrongly(tmp_path: Path) -> None:
    assert "nothing-unaccepted" in watched_from_midway(tmp_path, told=False)


@pytest.mark.proves("K-BENCH-020")
def test_what_is_lost_while_the_line_is_torn_is_no_gap_of_the_payloads(tmp_path: Path) -> None:
    judged = Judged(tmp_path)
    judged.bench.beats = True
    judged.run(2)
    rules, line = judged.observers, judged.bench.board.line
    heard = line.on_write
    line.on_write = None
    judged.run(SECONDS)
    rules.tell("torn", judged.now)
    line.on_write = heard
    send(judged, rules, 0)
    judged.run(SECONDS)
    assert broken(judged.finish()) == {}
