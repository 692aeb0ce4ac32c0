"""Parts of a large packet: the receiver's table against a second transcription; any loss ends a transaction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.pus.st13 import ABORTS, JOINING, Act, Joiner, Joining, Part, Piece, Seen, split

# Typed from ECSS-E-ST-70-41C 6.13.4 and the fact sheet: "abort on gap, duplicate, unknown first part or overflow".
TRANSCRIBED = """
a first part                                 unknown: begin              open: abort: order
the next part                                unknown: abort: unknown     open: take
the last part                                unknown: abort: unknown     open: join
a part out of order, or of another length    unknown: abort: unknown     open: abort: order
a part that does not fit any more            unknown: abort: overflow    open: abort: overflow
no part for too long                         unknown: nothing            open: abort: timeout
"""


@pytest.mark.proves("K-MEM-005")
def test_the_table_cell_by_cell() -> None:
    rows = [line for line in TRANSCRIBED.splitlines() if line]
    assert len(rows) == len(JOINING) == len(Seen)
    for line in rows:
        seen, _, rest = line.partition(" unknown: ")
        unknown, _, opened = rest.partition(" open: ")
        row = JOINING[Seen(seen.strip())]
        assert row == {Joining.UNKNOWN: Act(unknown.strip()), Joining.OPEN: Act(opened.strip())}


PACKETS = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.binary(min_size=size + 1, max_size=400)))


@pytest.mark.proves("K-MEM-005")
@given(PACKETS)
def test_what_is_split_is_joined(case: tuple[int, bytes]) -> None:
    size, packet = case
    joiner = Joiner(1, len(packet))
    acts = [joiner.take(7, part) for part in split(packet, size)]
    assert acts == [Act.BEGIN, *[Act.TAKE] * (len(acts) - 2), Act.JOIN]
    assert joiner.joined == packet
    assert len(joiner) == 0


@pytest.mark.proves("K-MEM-005")
@given(PACKETS, st.data())
def test_a_loss_a_double_or_a_swap_gives_no_packet(case: tuple[int, bytes], data: st.DataObject) -> None:
    size, packet = case
    parts = list(split(packet, size))
    n = data.draw(st.integers(0, len(parts) - 1))
    change = data.draw(st.sampled_from(("lose", "double", "swap")))
    if change == "lose":
        sent = parts[:n] + parts[n + 1 :]
    elif change == "double":
        sent = parts[: n + 1] + parts[n:]
    else:
        m = data.draw(st.integers(0, len(parts) - 1).filter(lambda m: m != n))
        sent = list(parts)
        sent[n], sent[m] = sent[m], sent[n]
    joiner = Joiner(1, len(packet))
    acts = [joiner.take(7, part) for part in sent]
    lost_last = change == "lose" and n == len(parts) - 1
    doubled_last = change == "double" and n == len(parts) - 1
    assert (Act.JOIN in acts) == doubled_last
    assert bool(ABORTS & set(acts)) != lost_last
    if lost_last:
        assert joiner.silence(7) is Act.ABORT_TIMEOUT


def test_limits() -> None:
    joiner = Joiner(2, 10)
    first = Part(Piece.FIRST, 1, b"12345")
    assert [joiner.take(n, first) for n in (1, 2, 3)] == [Act.BEGIN, Act.BEGIN, Act.ABORT_OVERFLOW]
    assert joiner.take(1, Part(Piece.NEXT, 2, b"67890")) is Act.TAKE
    assert joiner.take(1, Part(Piece.LAST, 3, b"1")) is Act.ABORT_OVERFLOW
    assert joiner.take(1, Part(Piece.LAST, 3, b"1")) is Act.ABORT_UNKNOWN
    assert joiner.take(2, Part(Piece.LAST, 2, b"678901")) is Act.ABORT_ORDER
    assert joiner.take(3, Part(Piece.FIRST, 1, b"x" * 11)) is Act.ABORT_OVERFLOW
    assert joiner.take(3, Part(Piece.FIRST, 1, b"")) is Act.ABORT_UNKNOWN
    assert joiner.take(3, Part(Piece.FIRST, 2, b"1")) is Act.ABORT_UNKNOWN
    assert joiner.silence(3) is Act.NOTHING
    assert len(joiner) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Piece), st.integers(0, 5), st.binary(max_size=6))))
def test_any_parts_keep_within_limits(sent: list[tuple[int, Piece, int, bytes]]) -> None:
    joiner = Joiner(2, 12)
    for transaction, piece, number, octets in sent:
        if joiner.take(transaction, Part(piece, number, octets)) is Act.JOIN:
            assert len(joiner.joined) <= 12
        assert len(joiner) <= 2
