"""The outbox against a plain list: order while all fits, priority when behind, the oldest lost when a class is full.

Housekeeping alone may be held, and leaves by credit where there is one.
"""

from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.lander import Request, RequestKind
from fsw.services.lander_outbox import PACKETS_MAX, LanderOutbox
from fsw.services.outbox import Outbox, Priority

FRAME_OCTETS = 300
ROOM = {"VERIFICATION": 512, "EVENT": 256, "TIME": 16, "HOUSEKEEPING": 256}


class Waiting(NamedTuple):
    priority: Priority
    at: Micros
    packet: bytes


class AgainstAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(FRAME_OCTETS)
        self.list: list[Waiting] = []
        self.held = False
        self.credit: int | None = None
        self.now = Micros(0)
        self.number = 0
        self.dropped = 0

    def free(self) -> list[Waiting]:
        """What may leave: of housekeeping nothing while it is held, and by credit no more than that, in its order."""
        left = 0 if self.held else 1 << 40 if self.credit is None else self.credit
        free = []
        for waiting in self.list:
            if waiting.priority is Priority.HOUSEKEEPING:
                left = left - len(waiting.packet) if len(waiting.packet) <= left else -1
                if left < 0:
                    continue
            free.append(waiting)
        return free

    @rule(priority=st.sampled_from(Priority), octets=st.integers(7, 120), times=st.sampled_from([1, 1, 1, 20]))
    def put(self, priority: Priority, octets: int, times: int) -> None:
        for _ in range(times):
            self.now = Micros(self.now + 1)
            self.number += 1
            packet = self.number.to_bytes(7, "big") + bytes(octets - 7)
            same = [w for w in self.list if w.priority is priority]
            kept = len(same) < ROOM[priority.name]
            if not kept:
                self.list.remove(same[0])
                self.dropped += 1
            self.list.append(Waiting(priority, self.now, packet))
            assert self.outbox.put(priority, packet, self.now) is kept

    @rule(held=st.booleans())
    def hold(self, held: bool) -> None:
        self.held = held
        self.outbox.hold(held)

    @rule(credit=st.none() | st.integers(0, 400))
    def lend(self, credit: int | None) -> None:
        self.credit = credit
        self.outbox.credit = credit

    @precondition(lambda self: self.free())
    @rule()
    def take(self) -> None:
        behind = sum(len(w.packet) for w in self.list) > FRAME_OCTETS
        expected = min(self.free(), key=lambda w: w.priority) if behind else self.free()[0]
        assert self.outbox.take() == expected.packet
        if self.credit is not None and expected.priority is Priority.HOUSEKEEPING:
            self.credit -= len(expected.packet)
        self.list.remove(expected)

    @invariant()
    def agrees(self) -> None:
        assert len(self.outbox) == len(self.list)
        assert self.outbox.dropped == self.dropped
        assert self.outbox.credit == self.credit
        assert self.outbox.pending_octets() == sum(len(w.packet) for w in self.free())
        assert self.outbox.oldest_us() == min((w.at for w in self.free()), default=NEVER)


AgainstAList.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None, derandomize=True)
TestOutbox = AgainstAList.TestCase


def test_flush_is_set_by_what_may_not_wait() -> None:
    outbox = Outbox(FRAME_OCTETS)
    outbox.put(Priority.EVENT, bytes(7), Micros(0))
    assert not outbox.flush
    outbox.put(Priority.EVENT, bytes(7), Micros(0), flush=True)
    outbox.put(Priority.EVENT, bytes(7), Micros(0))
    assert outbox.flush
    assert outbox.depth_max == 3


def test_the_landers_queue_is_bounded_and_drops_its_oldest() -> None:
    outbox = LanderOutbox()
    assert outbox.oldest_us() == NEVER
    for n in range(PACKETS_MAX + 3):
        outbox.post(Request(kind=RequestKind.HEATER, value=n), Micros(n), flush=n == 1)
    assert (len(outbox), outbox.dropped, outbox.flush) == (PACKETS_MAX, 3, True)
    assert outbox.oldest_us() == 3
    # Header 6, kind 1, value 4, CRC 2; counts go on over what was dropped.
    assert outbox.pending_octets() == PACKETS_MAX * 13
    first = outbox.take()
    assert first[:7] == bytes.fromhex("0117 c003 0006 01")
    assert int.from_bytes(first[7:11], "big") == 3
    assert outbox.pending_octets() == (PACKETS_MAX - 1) * 13
