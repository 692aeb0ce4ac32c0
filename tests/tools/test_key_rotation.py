"""A change of keys against a board's slots written by hand: with losses, cuts and killed sessions at every step."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.mdb.keys import KeyState
from tests.tools.key_board import (
    ACTIVE,
    ALL,
    ANN,
    EMPTY,
    SPENT,
    SPIS,
    STANDBY,
    TRIAL,
    KeyBoard,
    KeyLink,
    key_of,
    ring_of,
    run,
)
from tests.tools.key_search import shown
from tools.ground.key_rotation import Ending, Rotation, lacking
from tools.ground.key_steps import Place, Step, Wish, due
from tools.ground.keyring import Keyring

WORKING = tuple(number for number in ALL if number < 0x300)
NORMAL = Wish(SPIS)


def standing(board: KeyBoard, spi: int) -> list[int]:
    return [board.states[spi + 0x100 * slot] for slot in range(4)]


def new_link(fates: list[str] | None = None) -> KeyLink:
    return KeyLink(KeyBoard(), ring_of(WORKING), fates or [])


@pytest.mark.proves("K-SEC-016", "K-SEC-019")
def test_all_associations_go_on_to_the_next_key_and_the_old_ones_are_erased() -> None:
    link = new_link()
    ending, news = run(link, NORMAL)
    assert ending is Ending.DONE, news
    for spi in SPIS:
        assert standing(link.board, spi) == [EMPTY, ACTIVE, STANDBY, STANDBY]
        assert spi not in link.ring.keys, "the ground's own is gone too"
    assert [link.ring.in_use(spi) for spi in (0x10, 0x11)] == [0x110, 0x111]
    assert link.board.log == [(verb, spi + (0x100 if verb == "activate" else 0)) for spi in SPIS
                              for verb in ("activate", "retire", "erase")]  # fmt: skip
    assert {by for _, _, by in link.sent} == {ANN}, "each step is on record under who asked"
    told = [(each.key, each.text) for each in news[:-1]]
    assert told[:6] == [
        (0x110, Step.ACTIVATE.value), (0x110, Step.USE.value), (0x10, Step.RETIRE.value), (0x10, Step.LEAVE.value),
        (0x10, Step.ERASE.value), (0x10, Step.DESTROY.value),
    ]  # fmt: skip
    words = repr((link.sent, news, [str(record) for record in link.saying.take()])).encode()
    assert shown([key_of(number) for number in ALL], words) == []


@pytest.mark.proves("K-SEC-016")
def test_the_next_change_goes_on_and_the_last_key_but_one_is_the_last() -> None:
    link = new_link()
    for slot in (1, 2):
        assert run(link, NORMAL)[0] is Ending.DONE
        assert [standing(link.board, spi)[slot] for spi in SPIS] == [ACTIVE] * 5
    ending, news = run(link, NORMAL)
    assert ending is Ending.STOPPED
    assert "no key above 0210 is left for SPI 0010; nothing was changed" in news[-1].text


LOSSES = st.sampled_from(["ok"] * 6 + ["up", "down", "cut", "busy", "kill"])


def safe(link: KeyLink) -> Callable[[], None]:
    """Held after every command: neither end is ever left without a key that both have."""

    def check() -> None:
        for spi in SPIS:
            common = [n for n in link.board.working(spi) if n in link.ring.keys and n not in link.ring.retired]
            assert common, f"SPI {spi:04x}: {standing(link.board, spi)}"
        for spi in (0x10, 0x11):
            number = link.sender(spi)
            assert link.board.states[number] in (TRIAL, ACTIVE), "what the ground commands under is taken"
        assert link.board.tm_key() in link.ring.protection.taking, "what the payload sends under is taken"

    return check


@pytest.mark.proves("K-SEC-016")
@given(fates=st.lists(LOSSES, max_size=120))
def test_whatever_is_lost_nobody_is_locked_out_and_it_ends_where_it_was_meant_to(fates: list[str]) -> None:
    link = new_link(fates)
    link.watch = safe(link)
    endings = (run(link, NORMAL)[0] for _ in range(len(fates) + 1))
    assert Ending.DONE in endings
    for spi in SPIS:
        assert standing(link.board, spi) == [EMPTY, ACTIVE, STANDBY, STANDBY], "no slot is used up by an interruption"
    link.watch()


@pytest.mark.proves("K-SEC-016")
@pytest.mark.parametrize("fate", ["up", "down", "cut", "busy", "kill"])
def test_each_command_in_turn_lost_or_cut(fate: str) -> None:
    plain = new_link()
    run(plain, NORMAL)
    for at in range(len(plain.sent) + 2):
        link = new_link(["ok"] * at + [fate])
        link.watch = safe(link)
        ending, news = run(link, NORMAL)
        if ending is None:
            ending, news = run(link, NORMAL)
        assert ending is Ending.DONE, (at, news[-1])
        assert [standing(link.board, spi) for spi in SPIS] == [[EMPTY, ACTIVE, STANDBY, STANDBY]] * 5


@pytest.mark.proves("K-SEC-016")
def test_a_new_key_that_is_not_taken_gives_way_to_the_old_one() -> None:
    """The board says that it took the key in use, and does not take what comes under it: the ground goes back."""
    link = new_link()
    takes = link.board.takes
    link.board.takes = lambda number, octets: number != 0x110 and takes(number, octets)  # type: ignore[method-assign]
    ending, news = run(link, NORMAL)
    assert ending is Ending.STOPPED
    assert "does not answer" in news[-1].text
    assert link.sender(0x10) == 0x10
    assert standing(link.board, 0x10) == [ACTIVE, TRIAL, STANDBY, STANDBY]


@pytest.mark.proves("K-SEC-016")
def test_a_key_that_is_not_the_same_at_both_ends_is_passed_over() -> None:
    link = new_link()
    for spi in SPIS:
        link.board.keys[spi + 0x100] = b"another key of 32 octets ......"[:32].ljust(32, bytes((spi,)))
    ending, _ = run(link, NORMAL)
    assert ending is Ending.DONE
    assert [standing(link.board, spi) for spi in SPIS] == [[EMPTY, EMPTY, ACTIVE, STANDBY]] * 5


def test_one_association_alone_and_the_others_come_up_to_it() -> None:
    link = new_link()
    assert run(link, Wish((0x20,), keep_old=True))[0] is Ending.DONE
    assert standing(link.board, 0x20) == [SPENT, ACTIVE, STANDBY, STANDBY]
    assert 0x20 in link.ring.retired
    assert run(link, NORMAL)[0] is Ending.DONE
    assert [standing(link.board, spi)[:3] for spi in SPIS] == [[EMPTY, ACTIVE, STANDBY]] * 5


@pytest.mark.proves("K-SEC-017")
@pytest.mark.parametrize("lost", [(0x10,), (0x20,), (0x10, 0x11, 0x20, 0x21, 0x23)])
def test_recovery_keys_bring_commanding_and_telemetry_back(lost: tuple[int, ...]) -> None:
    """The ground's working keys are lost: gone, or worth nothing; those of the safe are brought in."""
    board = KeyBoard()
    held = {n: (1 if n & 0xFF in lost else 0) for n in ALL if n < 0x300}
    keys = {n: ring_of([n], seed).keys[n] for n, seed in held.items()} | ring_of(n for n in ALL if n >= 0x300).keys
    link = KeyLink(board, Keyring(keys))
    if 0x10 in lost:
        assert run(link, NORMAL)[0] is Ending.STOPPED
    ending, news = run(link, Wish(SPIS, recovery=True))
    assert ending is Ending.DONE, news
    assert [standing(board, spi) for spi in SPIS] == [[EMPTY, EMPTY, EMPTY, ACTIVE]] * 5
    assert [link.sender(spi) for spi in (0x10, 0x11)] == [0x310, 0x311]
    ending, news = run(link, NORMAL)
    assert "the recovery keys are at work, and no key is above them" in news[-1].text


@pytest.mark.proves("K-SEC-017")
@given(fates=st.lists(LOSSES, max_size=100))
def test_a_recovery_comes_through_whatever_is_lost(fates: list[str]) -> None:
    link = KeyLink(KeyBoard(), Keyring(ring_of(n for n in ALL if n >= 0x300).keys), fates)
    endings = (run(link, Wish(SPIS, recovery=True))[0] for _ in range(len(fates) + 1))
    assert Ending.DONE in endings
    assert [standing(link.board, spi) for spi in SPIS] == [[EMPTY, EMPTY, EMPTY, ACTIVE]] * 5


def test_a_recovery_wants_its_keys_at_hand_and_the_right_ones() -> None:
    ring = ring_of(WORKING)
    assert lacking(NORMAL, ring) == ""
    assert "recovery key 0310 is not at hand" in lacking(Wish(SPIS, recovery=True), ring)
    assert lacking(Wish(()), ring) == "no association is named"
    link = KeyLink(KeyBoard(), Keyring(ring.keys | ring_of((n for n in ALL if n >= 0x300), seed=4).keys))
    ending, _ = run(link, Wish(SPIS, recovery=True))
    assert ending is Ending.STOPPED
    assert link.sender(0x10) == 0x10, "commands leave under the old key again"
    assert [standing(link.board, spi) for spi in SPIS] == [[ACTIVE, STANDBY, STANDBY, STANDBY]] * 5


@pytest.mark.proves("K-SEC-016")
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("system.verify_key", 5, "refuses (0x5)"),
        ("system.activate_key", 0x19, "refuses (0x19)"),
        ("system.deactivate_key", 0x19, "these work: 0010, 0110"),
        ("system.activate_key", 0x1A, "0x1a"),
    ],
)
def test_a_refusal_stops_it_and_says_what_works(command: str, code: int, said: str) -> None:
    link = new_link()
    link.watch = safe(link)
    link.board.refusing[command] = code
    ending, news = run(link, NORMAL)
    assert ending is Ending.STOPPED
    assert said in news[-1].text.lower().replace("timeout", "0x1a")
    link.board.refusing.clear()
    assert run(link, NORMAL)[0] is Ending.DONE
    assert [standing(link.board, spi) for spi in SPIS] == [[EMPTY, ACTIVE, STANDBY, STANDBY]] * 5


@pytest.mark.parametrize("why", ["phase", "operators", "stays"])
def test_what_cannot_be_erased_now_stays_spent_and_the_others_go_on(why: str) -> None:
    link = new_link()
    if why == "phase":
        link.board.refusing["system.execute"] = 0x14
    elif why == "operators":
        link.board.operators = 2
    else:
        link.board.erasing = False
    ending, news = run(link, NORMAL)
    assert ending is Ending.PARTLY
    assert news[-1].text.count("is not erased") == 5
    assert [standing(link.board, spi) for spi in SPIS] == [[SPENT, ACTIVE, STANDBY, STANDBY]] * 5
    link.board.refusing.clear()
    link.board.operators, link.board.erasing = 1, True
    assert run(link, NORMAL)[0] is Ending.DONE, "and the next one finishes it"
    assert [standing(link.board, spi) for spi in SPIS] == [[EMPTY, ACTIVE, STANDBY, STANDBY]] * 5


def test_it_waits_for_the_link_and_stops_when_it_is_told_to() -> None:
    link = new_link()
    link.dark = 400
    rotation = Rotation(NORMAL, link.ring, lambda: bytes(16), ANN, 3)
    for _ in range(3):
        rotation.step(link, link.now)  # type: ignore[arg-type]
    assert link.sent == []
    rotation.stop("its operator left", link.now, link)  # type: ignore[arg-type]
    assert rotation.ending is Ending.STOPPED
    assert "its operator left" in rotation.take_news()[-1].text
    rotation.step(link, link.now)  # type: ignore[arg-type]
    assert link.sent == []


def test_nothing_of_an_old_key_goes_before_the_new_one_has_proved_itself() -> None:
    """The table itself, over every state of four slots: beside one that is unknown nothing but the question is due."""
    for number in range(5**4):
        states = {0x10 + 0x100 * slot: KeyState(number // 5**slot % 5) for slot in range(4)}
        for target in (0x110, 0x210, 0x310):
            for in_use in (0x10, target):
                place = Place(target, states, in_use, heard=True, held=set(states), left={0x10})
                step = due(place)
                if step is not None and step[0] in (Step.RETIRE, Step.LEAVE, Step.ERASE, Step.DESTROY):
                    assert states[target] not in (TRIAL, STANDBY)
                    assert in_use == target
                    assert step[1] < target
                del states[0x210]
                assert due(place) == (Step.ASK, 0x210)
                states[0x210] = KeyState(number // 25 % 5)
