"""A stranger moves FARM-1 or forges control words on a protected link: no command runs twice, and others run."""

from collections.abc import Iterator

import pytest

from hil.attacker.command_attacks import set_v_r
from hil.attacker.forging import AD, BC, BYPASS, tc_frame, tm_frame, unit
from hil.siege.siege import Siege
from hil.written.fault import make
from tools.ground.tracking import State

S = 1_000_000


@pytest.fixture
def siege() -> Iterator[Siege]:
    made = Siege(4)
    made.let_pass(3 * S)
    yield made
    assert made.witness.breaches == []
    made.run.close()


def up(siege: Siege, flags: int, n_s: int, data: bytes) -> None:
    siege.uplink(unit(tc_frame(flags, 0, n_s, data)), siege.now)


def words(siege: Siege, word: int) -> None:
    siege.downlink(tm_frame(7, (0, 0), 0x7FE, b"\x55" * 434, 0x0100_0000 | word), siege.now)


def ran(siege: Siege) -> bool:
    """The ground's newest command has run, and the ground has not heard of it."""
    siege.let_pass(S // 1000)
    command = siege.attacker.tap.commands[-1]
    siege.let_pass(S, lambda: siege.witness.book.v_r == (command.n_s + 1) % 256)
    return siege.witness.book.v_r == (command.n_s + 1) % 256


@pytest.mark.proves("K-SEC-023")
def test_a_receiver_that_is_moved_back_gets_nothing_again(siege: Siege) -> None:
    first = siege.send()
    assert ran(siege)
    n_s = siege.attacker.tap.commands[-1].n_s
    up(siege, BC, 0, set_v_r(n_s))
    siege.let_pass(S // 100)
    siege.send()
    siege.let_pass(2 * S)
    siege.command()
    assert siege.witness.stages[first] is State.COMPLETED
    assert set(siege.witness.ran.values()) == {1}


@pytest.mark.proves("K-SEC-023")
def test_a_discarded_frame_may_not_act_as_another(siege: Siege) -> None:
    n_s = siege.attacker.tap.v_r
    up(siege, BC, 0, set_v_r(n_s - 3))
    siege.send()
    siege.let_pass(S // 20)
    held = siege.attacker.tap.commands[-1]
    assert siege.witness.book.counts["farm_ahead"] == 1
    up(siege, BYPASS, 0, held.data)
    siege.let_pass(S // 20)
    assert siege.witness.book.counts["sdls_other_service"] == 1
    siege.command()
    assert set(siege.witness.ran.values()) == {1}


@pytest.mark.proves("K-SEC-023")
def test_what_is_sent_again_unheard_runs_once_whatever_is_made_of_it(siege: Siege) -> None:
    assert not siege.bench.fault(make("silence", siege.now, 6 * S, direction="down"), siege.now)
    siege.send()
    siege.let_pass(S // 1000)
    sent = siege.attacker.tap.commands[-1]
    siege.let_pass(5 * S, lambda: siege.attacker.tap.commands[-1] != sent)
    again = siege.attacker.tap.commands[-1]
    assert (again.n_s, again.data == sent.data) == (sent.n_s, False)
    up(siege, BYPASS, again.n_s, again.data)
    up(siege, AD, again.n_s + 1, again.data)
    siege.let_pass(S // 10)
    assert siege.witness.book.counts["sdls_other_service"] == siege.witness.book.counts["sdls_taken_before"] == 1
    siege.let_pass(6 * S)
    siege.command()
    assert set(siege.witness.ran.values()) == {1}


@pytest.mark.proves("K-SEC-021", "K-SEC-023")
def test_false_control_words_make_nothing_run_twice(siege: Siege) -> None:
    siege.send()
    siege.let_pass(S // 1000)
    sent = siege.attacker.tap.commands[-1].n_s
    words(siege, 0x0800 | sent)
    siege.let_pass(S // 50)
    assert siege.attacker.tap.commands[-1].n_s == sent
    assert len([tc for tc in siege.attacker.tap.commands if tc.n_s == sent]) == 1
    siege.command()


@pytest.mark.proves("K-SEC-021")
@pytest.mark.parametrize("word", [0x2000 | 39, 0x2800 | 200, 0x1000 | 7, 0x0800, 0, 0x3E27], ids=hex)
def test_no_false_word_keeps_the_ground_from_commanding(siege: Siege, word: int) -> None:
    words(siege, word)
    words(siege, word ^ 0x2000)
    began = siege.now
    assert siege.command() - began <= 10 * S


@pytest.mark.proves("K-SEC-021")
def test_a_receiver_that_is_locked_while_it_is_set_is_unlocked_soon(siege: Siege) -> None:
    up(siege, BC, 0, set_v_r(siege.attacker.tap.v_r - 50))
    siege.let_pass(2 * S, lambda: siege.attacker.tap.directives[-1].data != b"\x82\0\1")
    siege.let_pass(S // 2)
    up(siege, AD, siege.attacker.tap.v_r + 100, b"far ahead")
    began = siege.now
    assert siege.command() - began <= 10 * S
