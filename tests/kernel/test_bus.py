"""The port against a model: whatever the wire does, each request ends once, in time, and as what happened to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fsw.kernel.bus import (
    BACKOFF_US,
    BACKOFF_US_MAX,
    ID_OCTETS,
    MESSAGE_OCTETS_MAX,
    Answer,
    InlineWire,
    Port,
    Status,
)
from fsw.kernel.clock import NEVER, ManualClock, Micros

DEADLINE_US = 1_000_000
SILENCE_US = 600_000
CAPACITY = 4


class Bench:
    """A wire whose other end the test plays: requests pile up in `inbox`, answers are put into `outbox`."""

    def __init__(self) -> None:
        self.inbox: list[bytes] = []
        self.outbox: list[bytes] = []
        self.dead = False
        self.full = False
        self.restarts = 0

    def send(self, message: bytes) -> bool:
        if self.dead or self.full:
            return False
        self.inbox.append(message)
        return True

    def receive(self) -> bytes | None:
        return self.outbox.pop(0) if self.outbox else None

    def restart(self) -> None:
        self.inbox.clear()
        self.outbox.clear()
        self.dead = False
        self.restarts += 1

    def alive(self) -> bool:
        return not self.dead

    def answer(self) -> int:
        """Answer the oldest request, with its octets reversed; returns its id."""
        message = self.inbox.pop(0)
        self.outbox.append(message[:ID_OCTETS] + message[ID_OCTETS:][::-1])
        return int.from_bytes(message[:ID_OCTETS], "big")


def port_on(wire: Bench) -> Port:
    return Port("store", wire, capacity=CAPACITY, deadline_us=DEADLINE_US, silence_us=SILENCE_US)


class PortModel(RuleBasedStateMachine):
    """Requests, answers, junk, stalls, deaths in any order."""

    @initialize()
    def make(self) -> None:
        self.wire = Bench()
        self.port = port_on(self.wire)
        self.now = Micros(0)
        self.asked: dict[int, tuple[bytes, Micros]] = {}
        self.answers: dict[int, Answer] = {}
        self.refused = 0

    @rule(octets=st.binary(max_size=6))
    def ask(self, octets: bytes) -> None:
        request_id = self.port.ask(octets, self.now)
        if request_id is None:
            self.refused += 1
            return
        assert request_id not in self.asked
        self.asked[request_id] = (octets, Micros(self.now + DEADLINE_US))

    @rule()
    def serve(self) -> None:
        if self.wire.inbox and not self.wire.dead:
            self.wire.answer()

    @rule(junk=st.binary(max_size=8))
    def talk_nonsense(self, junk: bytes) -> None:
        # An id that was never given: nothing waits for it.
        self.wire.outbox.append(b"\xff" + junk)

    @rule(full=st.booleans())
    def fill(self, full: bool) -> None:
        self.wire.full = full

    @rule()
    def die(self) -> None:
        self.wire.dead = True

    @rule(us=st.integers(1, 700_000))
    def wait(self, us: int) -> None:
        self.now = Micros(self.now + us)

    @rule()
    def poll(self) -> None:
        for answer in self.port.poll(self.now):
            assert answer.request_id in self.asked, "an answer to nothing"
            assert answer.request_id not in self.answers, "answered twice"
            self.answers[answer.request_id] = answer
        for request_id, (octets, deadline) in self.asked.items():
            ended = self.answers.get(request_id)
            if ended is None:
                assert self.now < deadline, "an answer is overdue"
            elif ended.status is Status.OK:
                assert ended.octets == octets[::-1]
            else:
                assert ended.octets == b""

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "port"):
            return
        port = self.port
        ended = [answer.status for answer in self.answers.values()]
        assert port.asked == len(self.asked)
        assert port.refused == self.refused
        assert port.restarts == self.wire.restarts
        assert len(port) == len(self.asked) - len(ended)
        assert len(port) <= 2 * CAPACITY
        assert len(self.wire.inbox) <= CAPACITY
        assert port.answered >= ended.count(Status.OK)
        assert port.timeouts >= ended.count(Status.TIMEOUT)
        assert port.lost >= ended.count(Status.LOST)
        assert port.answered + port.timeouts + port.lost <= port.asked

    def teardown(self) -> None:
        if not hasattr(self, "port"):
            return
        self.now = Micros(self.now + DEADLINE_US)
        self.poll()
        assert len(self.port) == 0
        assert self.answers.keys() == self.asked.keys()


TestPortModel = pytest.mark.proves("K-KERN-004", "K-KERN-005")(PortModel.TestCase)


def test_an_answer_comes_back_with_its_request() -> None:
    wire = Bench()
    port = port_on(wire)
    first, second = port.ask(b"one", Micros(0)), port.ask(b"two", Micros(0))
    assert wire.inbox == [b"\0\0\0\1one", b"\0\0\0\2two"]
    assert len(port) == 2
    wire.answer()
    assert port.poll(Micros(1)) == [Answer(1, Status.OK, b"eno")]
    assert (first, second) == (1, 2)
    assert len(port) == 1
    assert port.poll(Micros(2)) == []


@pytest.mark.proves("K-KERN-005")
def test_a_full_port_refuses_and_counts() -> None:
    wire = Bench()
    port = port_on(wire)
    assert [port.ask(b"", Micros(0)) for _ in range(CAPACITY + 2)] == [1, 2, 3, 4, None, None]
    assert port.refused == 2
    wire.answer()
    # An answer that nobody has polled still takes its room.
    assert port.ask(b"", Micros(0)) is None
    port.poll(Micros(0))
    assert port.ask(b"", Micros(0)) == 5


@pytest.mark.proves("K-KERN-004")
def test_an_answer_after_its_deadline_is_late() -> None:
    wire = Bench()
    port = port_on(wire)
    port.ask(b"slow", Micros(0), deadline_us=100)
    assert port.next_deadline() == 100
    assert port.poll(Micros(99)) == []
    assert port.poll(Micros(100)) == [Answer(1, Status.TIMEOUT, b"")]
    wire.answer()
    assert port.poll(Micros(101)) == []
    assert (port.late, port.timeouts, port.answered, port.restarts) == (1, 1, 0, 0)


@pytest.mark.proves("K-KERN-004")
def test_a_silent_server_is_replaced_and_what_it_held_is_lost() -> None:
    wire = Bench()
    port = port_on(wire)
    port.ask(b"a", Micros(0))
    wire.full = True
    port.ask(b"b", Micros(0))
    assert port.next_deadline() == SILENCE_US
    assert port.poll(Micros(SILENCE_US - 1)) == []
    wire.full = False
    assert port.poll(Micros(SILENCE_US)) == [Answer(1, Status.LOST, b"")]
    assert wire.restarts == 1
    # What had not been sent goes to the new server.
    assert wire.inbox == [b"\0\0\0\2b"]
    wire.answer()
    assert port.poll(Micros(SILENCE_US + 1)) == [Answer(2, Status.OK, b"b")]
    assert port.next_deadline() == NEVER


def test_an_answer_is_a_sign_of_life() -> None:
    wire = Bench()
    port = port_on(wire)
    for octets in (b"a", b"b"):
        port.ask(octets, Micros(0), deadline_us=10 * DEADLINE_US)
    wire.answer()
    port.poll(Micros(SILENCE_US - 1))
    assert port.next_deadline() == 2 * SILENCE_US - 1
    assert port.poll(Micros(2 * SILENCE_US - 2)) == []
    assert port.poll(Micros(2 * SILENCE_US - 1)) == [Answer(2, Status.LOST, b"")]


def test_a_request_that_never_left_times_out() -> None:
    wire = Bench()
    wire.full = True
    port = port_on(wire)
    port.ask(b"a", Micros(0))
    assert port.poll(Micros(DEADLINE_US)) == [Answer(1, Status.TIMEOUT, b"")]
    wire.full = False
    port.poll(Micros(DEADLINE_US + 1))
    assert wire.inbox == []
    assert wire.restarts == 0


@pytest.mark.proves("K-KERN-004")
def test_a_server_that_keeps_dying_is_started_ever_more_seldom() -> None:
    wire = Bench()
    port = port_on(wire)
    now = Micros(0)
    waits = []
    for _ in range(10):
        wire.dead = True
        before = port.restarts
        start = now
        port.poll(now)
        while port.restarts == before:
            now = port.next_deadline()
            port.poll(now)
        waits.append(now - start)
    expected, backoff = [0], BACKOFF_US
    for _ in range(9):
        expected.append(backoff)
        backoff = min(2 * backoff, BACKOFF_US_MAX)
    assert waits == expected
    # One answer, and it is trusted again.
    port.ask(b"", now)
    wire.answer()
    port.poll(now)
    wire.dead = True
    port.poll(now)
    assert port.next_deadline() - now == BACKOFF_US_MAX
    port.poll(port.next_deadline())
    wire.dead = True
    port.poll(now)
    assert port.next_deadline() - now == BACKOFF_US_MAX + BACKOFF_US


def test_nothing_is_sent_to_a_server_given_up() -> None:
    wire = Bench()
    port = port_on(wire)
    wire.dead = True
    port.poll(Micros(0))
    wire.dead = True
    port.poll(Micros(1))
    wire.dead = False
    port.ask(b"later", Micros(2))
    port.poll(Micros(3))
    assert wire.inbox == []
    port.poll(Micros(BACKOFF_US))
    assert wire.inbox == [b"\0\0\0\1later"]


def test_a_flood_from_the_server_is_taken_in_bounded_bites() -> None:
    wire = Bench()
    port = port_on(wire)
    wire.outbox = [b"junk!"] * 100
    port.poll(Micros(0))
    assert len(wire.outbox) == 100 - 2 * CAPACITY
    assert port.late == 2 * CAPACITY


def test_a_message_too_short_for_an_id_answers_nothing() -> None:
    wire = Bench()
    port = port_on(wire)
    port.ask(b"a", Micros(0))
    wire.outbox = [b"\1", b"", b"\0\0\1"]
    assert port.poll(Micros(0)) == []
    assert port.late == 3


def test_request_ids_wrap_behind_32_bits_and_leave_out_zero() -> None:
    wire = Bench()
    port = port_on(wire)
    port._next_id = 0xFFFF_FFFF
    assert [port.ask(b"", Micros(0)), port.ask(b"", Micros(0))] == [0xFFFF_FFFF, 1]


def test_by_default_a_server_may_be_silent_as_long_as_a_request_may_take() -> None:
    wire = Bench()
    port = Port("store", wire, capacity=1, deadline_us=5)
    port.ask(b"", Micros(0), deadline_us=100)
    assert port.next_deadline() == 5


@pytest.mark.parametrize(("capacity", "deadline_us", "silence_us"), [(0, 1, None), (1, 0, None), (1, 1, 0)])
def test_a_port_without_limits_is_an_assertion(capacity: int, deadline_us: int, silence_us: int | None) -> None:
    with pytest.raises(AssertionError):
        Port("store", Bench(), capacity=capacity, deadline_us=deadline_us, silence_us=silence_us)


def test_a_request_too_long_for_a_message_is_an_assertion() -> None:
    port = port_on(Bench())
    assert port.ask(bytes(MESSAGE_OCTETS_MAX - ID_OCTETS), Micros(0)) == 1
    with pytest.raises(AssertionError):
        port.ask(bytes(MESSAGE_OCTETS_MAX - ID_OCTETS + 1), Micros(0))


class Disk:
    """A server that counts what it has been asked to keep; the list outlives the server, as a disk does."""

    def __init__(self, kept: list[bytes]) -> None:
        self.kept = kept

    def serve(self, request: bytes) -> bytes:
        self.kept.append(request)
        return b"kept " + request


@given(st.lists(st.tuples(st.binary(max_size=4), st.integers(0, 3_000)), max_size=8), st.integers(0, 5_000))
def test_inline_answers_come_in_order_when_they_are_due(messages: list[tuple[bytes, int]], latency_us: int) -> None:
    clock = ManualClock()
    kept: list[bytes] = []
    wire = InlineWire(lambda: Disk(kept), clock, latency_us)
    due = []
    for octets, gap_us in messages:
        clock.advance(gap_us)
        assert wire.send(bytes(ID_OCTETS) + octets)
        due.append(clock.now() + latency_us)
    answers = 0
    clock.advance(0)
    for end in [*due, due[-1] + 1 if due else 0]:
        clock.advance(max(0, end - clock.now()))
        while (message := wire.receive()) is not None:
            assert message == bytes(ID_OCTETS) + b"kept " + messages[answers][0]
            answers += 1
        assert answers == len(kept) == sum(t <= clock.now() for t in due)


def test_a_power_cut_before_the_answer_is_due_loses_the_request() -> None:
    clock = ManualClock()
    kept: list[bytes] = []
    wire = InlineWire(lambda: Disk(kept), clock, 1_000)
    wire.send(bytes(4) + b"a")
    clock.advance(500)
    wire.send(bytes(4) + b"b")
    clock.advance(500)
    assert wire.receive() == bytes(4) + b"kept a"
    wire.restart()
    clock.advance(10_000)
    assert wire.receive() is None
    assert kept == [b"a"]


def test_a_killed_inline_server_is_dead_until_restarted() -> None:
    clock = ManualClock()
    wire = InlineWire(lambda: Disk([]), clock, 0)
    port = Port("disk", wire, capacity=2, deadline_us=1_000_000)
    port.ask(b"a", Micros(0))
    wire.kill()
    assert not wire.alive()
    assert not wire.send(b"....x")
    assert wire.receive() is None
    assert port.poll(Micros(0)) == [Answer(1, Status.LOST, b"")]
    assert wire.alive()
    port.ask(b"b", Micros(0))
    assert port.poll(Micros(0)) == [Answer(2, Status.OK, b"kept b")]


def test_an_inline_wire_is_bounded_and_causal() -> None:
    wire = InlineWire(lambda: Disk([]), ManualClock(), 1, capacity=2)
    assert [wire.send(b"....") for _ in range(3)] == [True, True, False]
    with pytest.raises(AssertionError):
        InlineWire(lambda: Disk([]), ManualClock(), -1)
