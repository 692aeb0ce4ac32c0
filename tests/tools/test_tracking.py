"""The life of a request, against the contract's sentences on verification typed here a second time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, Micros
from fsw.pus.st01 import Stage, Verification
from tools.ground.tracking import TRACKED_MAX, VERDICTS, State, Tracker, Word

ID = bytes.fromhex("1820c000")

# What is heard in this order, and where the request stands then: from the contract, section 3, not from the table.
LIVES = {
    "sent": "sent",
    "sent received": "received",
    "sent received accepted": "accepted",
    "sent accepted received": "accepted",
    "sent received accepted started": "started",
    "sent received accepted started progress": "started",
    "sent received accepted started completed": "completed",
    "sent completed": "completed",
    "sent completed accepted": "completed",
    "sent completed failed": "completed",
    "sent rejected": "rejected",
    "sent rejected accepted completed": "rejected",
    "sent accepted failed": "failed",
    "sent accepted failed completed": "failed",
    "sent interrupted": "unknown: interrupted",
    "sent received accepted interrupted": "unknown: interrupted",
    "sent completed interrupted": "completed",
    "sent rejected interrupted": "rejected",
    "sent interrupted accepted": "unknown: interrupted",
    "sent interrupted completed": "completed",
    "sent interrupted failed": "failed",
    "sent timeout": "no word in time",
    "sent timeout accepted": "accepted",
    "sent timeout completed": "completed",
    "sent timeout interrupted": "no word in time",
    "timeout": "not sent",
    "interrupted": "not sent",
    "timeout sent": "not sent",
    "accepted": "queued",
    "completed": "queued",
    "timeout completed": "not sent",
    "sent interrupted absent": "never arrived",
    "sent timeout absent": "never arrived",
    "sent accepted absent": "accepted",
    "sent completed absent": "completed",
    "sent interrupted absent completed": "completed",
    "sent interrupted absent accepted": "accepted",
    "sent interrupted cut": "cut short by a reset",
    "sent timeout cut timeout": "cut short by a reset",
    "sent interrupted absent cut": "cut short by a reset",
    "sent interrupted cut started": "cut short by a reset",
    "sent interrupted cut failed": "failed",
    "sent started cut": "started",
    "carried": "waits on board",
    "carried interrupted timeout absent": "waits on board",
    "carried accepted": "accepted",
    "carried accepted started completed": "completed",
    "carried rejected": "rejected",
    "carried cut": "cut short by a reset",
    "carried accepted interrupted absent": "never arrived",
    "interrupted carried": "not sent",
    "sent carried": "sent",
    "timeout absent": "not sent",
    "timeout cut": "not sent",
}


@pytest.mark.parametrize("heard", LIVES)
def test_where_a_request_stands(heard: str) -> None:
    tracker = Tracker(1000)
    assert tracker.open(1, "ping", ID, Micros(500))
    for word in heard.split():
        tracker.hear(1, Word(word), Micros(10))
    assert tracker.state(1) is State(LIVES[heard])


@pytest.mark.parametrize(
    ("stage", "code", "failed_at", "state"),
    [
        (Stage.ACCEPTANCE_FAILED, 0x05, "acceptance", State.REJECTED),
        (Stage.ROUTING_FAILED, 0x00, "routing", State.REJECTED),
        (Stage.START_FAILED, 0x14, "start", State.FAILED),
        (Stage.PROGRESS_FAILED, 0x13, "progress", State.FAILED),
        (Stage.COMPLETION_FAILED, 0x1A, "completion", State.FAILED),
        (Stage.COMPLETION_FAILED, 0xBEEF, "completion", State.FAILED),
    ],
)
def test_a_failure_carries_its_code(stage: Stage, code: int, failed_at: str, state: State) -> None:
    tracker = Tracker(1000)
    tracker.open(1, "ping", ID, Micros(500))
    tracker.hear(1, Word.SENT, Micros(1))
    change = tracker.report(Verification(stage, ID, None, code, b""), Micros(2))
    assert change is not None
    assert (change.state, change.code, change.failed_at) == (state, code, failed_at)
    assert f"{code:02X}" in change.text
    assert change.verdict


def test_each_word_begins_the_silence_anew() -> None:
    tracker = Tracker(1000)
    tracker.open(1, "ping", ID, Micros(500))
    assert tracker.next_due() == 500
    tracker.hear(1, Word.SENT, Micros(100))
    assert tracker.next_due() == 1100
    tracker.hear(1, Word.ACCEPTED, Micros(900))
    assert tracker.expire(Micros(1899)) == []
    (change,) = tracker.expire(Micros(1900))
    assert change.state is State.NO_WORD
    assert tracker.next_due() == NEVER


def test_progress_is_said_each_time() -> None:
    tracker = Tracker(1000)
    tracker.open(1, "ping", ID, Micros(500))
    tracker.hear(1, Word.SENT, Micros(1))
    steps = [tracker.report(Verification(Stage.PROGRESS, ID, n, None, b""), Micros(2)) for n in (1, 2)]
    assert [change.step for change in steps if change] == [1, 2]


def test_strangers_are_counted() -> None:
    tracker = Tracker(1000)
    assert tracker.report(Verification(Stage.COMPLETED, ID, None, None, b""), Micros(0)) is None
    assert tracker.strangers == 1


def test_undecided_requests_are_never_forgotten() -> None:
    tracker = Tracker(1000)
    for ticket in range(TRACKED_MAX):
        assert tracker.open(ticket, "ping", ticket.to_bytes(4, "big"), Micros(500))
    assert not tracker.open(TRACKED_MAX, "ping", ID, Micros(500))
    tracker.hear(7, Word.TIMEOUT, Micros(1))
    assert tracker.open(TRACKED_MAX, "ping", ID, Micros(500))
    assert tracker.state(7) is None


@given(st.lists(st.sampled_from(list(Word)), max_size=12))
def test_a_final_verdict_is_final(words: list[Word]) -> None:
    tracker = Tracker(1000)
    tracker.open(1, "ping", ID, Micros(500))
    final: State | None = None
    for word in words:
        change = tracker.hear(1, word, Micros(1))
        state = tracker.state(1)
        if final is not None:
            assert change is None
            assert state is final
        elif state in (State.COMPLETED, State.REJECTED, State.FAILED):
            final = state
        assert state in VERDICTS or tracker.next_due() < NEVER
