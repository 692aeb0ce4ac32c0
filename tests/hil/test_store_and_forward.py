"""The lander's queue to the ground against a plain model: priorities, three ways to overflow; credit (0x019)."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, Micros
from hil.lander import lander_orders
from hil.lander.lander_profile import OVERFLOWS, Overflow
from hil.lander.profiles import Pass, load
from hil.lander.relay import StoreAndForward
from tests.hil.bench import Bench


class Model:
    """The same, as a list that is searched; octets are single, so room is a number of datagrams."""

    def __init__(self, room: int, overflow: str, priorities: tuple[int, ...]) -> None:
        self.room, self.overflow, self.priorities = room, overflow, priorities
        self.waiting: list[tuple[int, int, bytes]] = []  # rank, number, datagram
        self.number = self.dropped = 0

    def put(self, datagram: bytes, vcid: int) -> None:
        rank = self.priorities.index(vcid) if vcid in self.priorities else len(self.priorities)
        self.number += 1
        if len(self.waiting) == self.room:
            self.dropped += 1
            if self.overflow == "newest":
                return
        self.waiting.append((rank, self.number, datagram))
        if len(self.waiting) > self.room:
            worst = max(rank for rank, _, _ in self.waiting)
            among = [one for one in self.waiting if self.overflow == "oldest" or one[0] == worst]
            self.waiting.remove(min(among, key=lambda one: one[1]))

    def take(self) -> bytes:
        first = min(self.waiting)
        self.waiting.remove(first)
        return first[2]


actions = st.lists(st.sampled_from([0, 1, 3, 5]) | st.none(), max_size=60)


@pytest.mark.proves("K-LANDER-006")
@given(actions=actions, overflow=st.sampled_from(OVERFLOWS), priorities=st.permutations([0, 3, 1]).map(tuple))
@settings(deadline=None)
def test_whatever_comes_and_goes(actions: list[int | None], overflow: Overflow, priorities: tuple[int, ...]) -> None:
    """None takes one out, a number puts one of that channel in."""
    queue, model = StoreAndForward(5, 80, overflow, priorities), Model(5, overflow, priorities)
    now = Micros(0)
    for count, vcid in enumerate(actions):
        now = Micros(now + 200_000)  # at 80 bit/s an octet takes 100 ms: each look finds the radio free for one
        if vcid is not None:
            queue.put(bytes([count]), vcid)
            model.put(bytes([count]), vcid)
        elif model.waiting:
            assert queue.take(now) == [model.take()]
        else:
            assert queue.take(now) == []
        assert len(queue) == queue.octets == len(model.waiting)
        assert queue.dropped == model.dropped
        assert (queue.next_due(True) < NEVER) is bool(model.waiting)


def test_idle_goes_last_and_nothing_out_of_a_pass() -> None:
    queue = StoreAndForward(100, 0, "oldest", (3, 0))
    queue.put_idle(b"idle")
    for vcid, datagram in ((0, b"live"), (1, b"file"), (3, b"old")):
        queue.put(datagram, vcid)
    assert queue.next_due(False) == NEVER
    assert queue.take(Micros(0)) == [b"old", b"live", b"file", b"idle"]


CLOSED = (Pass(10**12, 10**12 + 1),)


def tell(bench: Bench, **order: object) -> None:
    table = {"do" if key == "verb" else key: value for key, value in order.items()}
    lander_orders.obey(bench.lander, lander_orders.parse(table), bench.clock.now())


@pytest.mark.proves("K-LANDER-006")
@pytest.mark.parametrize(("overflow", "kept"), [("oldest", [3, 4, 5]), ("newest", [0, 1, 2]), ("priority", [0, 4, 5])])
def test_which_frames_are_dropped_by_policy(overflow: str, kept: list[int]) -> None:
    bench = Bench(load("generic")._replace(passes=CLOSED))
    bench.lander.ground.telemetry = StoreAndForward(3 * 446, 0, "oldest", (0, 3, 1))
    tell(bench, verb="queue", overflow=overflow)
    frames = [bench.frame(0 if n == 0 else 1, bytes([n]) * 20) for n in range(6)]
    tell(bench, verb="pass", for_s=60)
    bench.skip(1)
    assert [frames.index(frame) for _, frame in bench.tm if frame in frames] == kept
    dropped = [struct.unpack(">BIIH", octets[6:-2])[2] for _, octets in bench.reports if octets[1] == 0x12]
    assert dropped[-1] == 3
    tell(bench, verb="queue", octets=8_000)
    assert bench.lander.ground.telemetry.octets_max == 8_000


def credits_of(bench: Bench) -> list[tuple[int, int, int]]:
    """Second, channel and octets of every 0x019."""
    return [(one.end_us // 1_000_000, *struct.unpack(">BI", one.body)) for one in bench.payload.of(0x019)]


NO_END = 0xFFFF_FFFF


@pytest.mark.proves("K-LANDER-011")
def test_a_credit_by_order_is_said_once_a_second_until_it_ends() -> None:
    bench = Bench()
    bench.skip(2.5)
    tell(bench, verb="credit", vc="vc1", octets=5_000)
    bench.skip(3)
    tell(bench, verb="credit", vc=1)
    bench.skip(3)
    said = credits_of(bench)
    assert 3 <= len(said) - 1 <= 4
    assert {one[1:] for one in said[:-1]} == {(1, 5_000)}
    assert {b[0] - a[0] for a, b in pairwise(said[:-1])} == {1}
    assert said[-1][1:] == (1, NO_END)


@pytest.mark.proves("K-LANDER-011")
def test_on_a_slow_line_every_ten_seconds_and_on_change() -> None:
    bench = Bench(load("generic", line="slow"))
    bench.skip(5)
    tell(bench, verb="credit", vc="vc0", octets=100)
    bench.skip(11)
    tell(bench, verb="credit", vc="vc0", octets=200)
    bench.skip(1)
    assert [one[1:] for one in credits_of(bench)] == [(0, 100), (0, 100), (0, 200)]


@pytest.mark.proves("K-LANDER-011")
def test_a_queue_that_fills_holds_the_payload_back_until_there_is_room() -> None:
    profile = load("generic")
    down = profile.downlink._replace(queue_octets=10 * 446, credit_permille=300, priorities=(0, 3, 1), bps=8_000)
    bench = Bench(profile._replace(downlink=down, passes=CLOSED))
    bench.skip(2)
    for n in range(7):
        bench.frame(0, bytes([n]) * 20)
    bench.skip(2)
    assert credits_of(bench) == [], "three tenths are free: not less"
    bench.frame(0, b"x" * 20)
    bench.skip(2.5)
    said = credits_of(bench)
    assert [one[1:] for one in said[:3]] == [(0, 0), (1, 0), (3, 0)], "out of a pass the radio drains nothing"
    assert len(said) in (6, 9)
    tell(bench, verb="pass", for_s=600)
    bench.skip(2)
    assert credits_of(bench)[-3:-2][0][1:] in ((0, 1_000), (0, NO_END)), "8 kbit/s drain 1000 octets a second"
    bench.skip(10)
    assert [one[1:] for one in credits_of(bench)[-3:]] == [(0, NO_END), (1, NO_END), (3, NO_END)]
    count = len(credits_of(bench))
    bench.skip(5)
    assert len(credits_of(bench)) == count
    assert bench.lander.credits.in_force == {}
    assert not bench.lander.credits.short
