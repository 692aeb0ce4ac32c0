"""A change of the board's common state rings the bell of every reader; the same value again rings none."""

from fsw.kernel.clock import Micros
from fsw.mdb.system import Mode
from fsw.services.board import Board, Health


def test_a_change_rings_every_reader_and_silence_is_each_one_s_own() -> None:
    board = Board()
    one, other = board.bell(), board.bell()
    assert (len(one), len(other)) == (0, 0)
    board.mode = Mode.SAFE
    assert (len(one), len(other)) == (1, 1)
    one.silence()
    assert (len(one), len(other)) == (0, 1)
    board.off_at_us = Micros(5)
    assert len(one) == 1


def test_a_value_that_stays_rings_nobody() -> None:
    board = Board()
    bell = board.bell()
    board.mode = Mode.BOOT
    board.health = Health(0)
    board.safe_wanted = None
    assert len(bell) == 0
