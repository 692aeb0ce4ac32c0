"""One last word for each request, whatever its process does; misuse is an assertion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.mailbox import Mailbox
from fsw.pus.ids import FailureCode
from fsw.services.verification import Progress, Request
from tests.services.desk import Desk, words
from tests.system.by_hand import cuc, telecommand

SAYINGS = {"start": 3, "refuse": 4, "step": 5, "complete": 7, "fail": 8}
LEGAL = {  # after what was said, what may be said: by hand
    "": {"start", "refuse"},
    "start": {"step", "complete", "fail"},
    "step": {"step", "complete", "fail"},
    "refuse": set[str](),
    "complete": set[str](),
    "fail": set[str](),
}


def say(desk: Desk, request: Request, word: str) -> None:
    verification = desk.verification
    match word:
        case "start":
            verification.started(request, desk.now)
        case "refuse":
            verification.refused(request, FailureCode.WRONG_STATE, desk.now)
        case "step":
            verification.stepped(request, 1, desk.now)
        case "complete":
            verification.completed(request, desk.now)
        case _:
            verification.failed(request, FailureCode.INTERNAL, desk.now)


@pytest.mark.proves("K-VER-002")
@given(st.lists(st.sampled_from(list(SAYINGS)), max_size=6), st.integers(0, 15))
def test_only_legal_words_are_said_and_only_those_that_were_asked_for(said: list[str], ack: int) -> None:
    desk = Desk()
    request = desk.request(0x020, 17, 1, ack=ack)
    flags = {"start": 2, "step": 4, "complete": 8, "refuse": 0, "fail": 0}
    before = ""
    expected = []
    for word in said:
        if word not in LEGAL[before]:
            with pytest.raises(AssertionError):
                say(desk, request, word)
            continue
        say(desk, request, word)
        before = word
        if not flags[word] or ack & flags[word]:
            expected.append(SAYINGS[word])
    assert [r.subtype for r in desk.take()] == expected
    assert sum(subtype in (4, 7, 8) for subtype in expected) <= 1


@pytest.mark.proves("K-VER-002")
@pytest.mark.parametrize(
    ("said", "last"),
    [([], (4, 0x1B)), (["start"], (8, 0x1B)), (["start", "complete"], (7, 0)), (["refuse"], (4, 0x14))],
)
def test_an_abandoned_request_ends_once(said: list[str], last: tuple[int, int]) -> None:
    desk = Desk()
    request = desk.request(0x020, 17, 1)
    for word in said:
        say(desk, request, word)
    desk.verification.abandoned(request, desk.now)
    assert words(desk.take())[-1] == last
    assert request.progress is Progress.ENDED


def test_counters_add_up_and_are_reset() -> None:
    desk = Desk()
    verification = desk.verification
    verification.serve(0x020, Mailbox("test", 1))
    good = telecommand(0x020, 17, 1)
    for octets in (
        good,
        good,
        good[:-1] + b"\0",
        telecommand(0x021, 17, 1),
        b"\0\0",
        telecommand(0x020, 8, 1, b"\0\x63"),
    ):
        verification.receive(octets, desk.now)
    # Accepted: the first ping, and the unknown function (refused at start). Rejected: full, checksum, no such process.
    assert (verification.accepted, verification.rejected, verification.dropped) == (2, 3, 1)
    assert words(desk.take()) == [(1, 0), (2, 8), (2, 2), (10, 0), (1, 0), (4, 0x10)]
    assert verification.counted(0x020) == (2, 2)
    verification.reset_counters(0x020)
    assert verification.counted(0x020) == (0, 0)
    assert (verification.accepted, verification.rejected) == (2, 3)
    verification.serve(0x022, Mailbox("comms", 1))
    verification.reset_counters(0x022)
    assert (verification.accepted, verification.rejected, verification.dropped, verification.failures) == (0, 0, 0, 0)


def test_two_processes_cannot_have_one_apid() -> None:
    desk = Desk()
    desk.verification.serve(0x020, Mailbox("test", 1))
    with pytest.raises(AssertionError):
        desk.verification.serve(0x020, Mailbox("test", 1))


@pytest.mark.parametrize(("late_us", "said"), [(-1_000_000, (1, 0)), (0, (1, 0)), (1_000_000, (2, 0x1C))])
def test_an_expiry_counts_the_very_moment_as_in_time(late_us: int, said: tuple[int, int]) -> None:
    desk = Desk()
    desk.verification.serve(0x020, Mailbox("test", 4))
    tai_us = 2_145_916_837_000_000
    desk.time.announce(tai_us, 2, desk.now)
    desk.time.tone(desk.now)
    inner = telecommand(0x020, 17, 1)
    desk.verification.receive(telecommand(0x020, 130, 1, cuc(tai_us - late_us) + inner, ack=0), desk.now)
    assert words(desk.take()) == [said]
