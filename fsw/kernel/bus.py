"""Bus ports: how a task talks to what can block, without ever waiting for it (architecture, rule 4).

A message either way is a request id (u32, big-endian) and octets. The `Port` owns ids, deadlines, restart of a server
that died or fell silent; a `Wire` only carries. Behind the wire may be a child process, an object inline, a board.
"""

from collections import deque
from collections.abc import Callable, Sized
from enum import Enum, unique
from typing import Final, NamedTuple, Protocol

from fsw.kernel.clock import NEVER, Clock, Micros

ID_OCTETS: Final = 4
MESSAGE_OCTETS_MAX: Final = 65_536
"""Longest message on a wire, request id included."""
BACKOFF_US: Final = 100_000
BACKOFF_US_MAX: Final = 10_000_000
"""A server that keeps dying is started anew at most this seldom; the wait doubles from `BACKOFF_US`."""


class Wire(Protocol):
    """Carries whole messages to and from one server; never blocks."""

    def send(self, message: bytes) -> bool:
        """Hand over a message; False when the wire takes none now."""
        ...

    def receive(self) -> bytes | None:
        """The next message from the server; None when there is none now."""
        ...

    def restart(self) -> None:
        """Kill the server, drop what was under way, and start a new one."""
        ...

    def alive(self) -> bool:
        """Whether the server still runs."""
        ...


class Server(Protocol):
    """What sits at the other end: answers one request at a time and may take as long as it must."""

    def serve(self, request: bytes) -> bytes:
        """The answer to `request`; never raises for what is in the request."""
        ...


@unique
class Status(Enum):
    """How a request ended. After anything but OK its outcome is unknown."""

    OK = 0
    TIMEOUT = 1
    LOST = 2


class Answer(NamedTuple):
    """The one answer to a request; `octets` is empty unless the status is OK."""

    request_id: int
    status: Status
    octets: bytes


class Port:
    """One task's end of a wire: at most `capacity` requests, each answered once, in time or by TIMEOUT or LOST.

    `len(port)` is the number of answers yet to be polled, so a port may wake a slot. A request not answered within its
    deadline ends as TIMEOUT. A server that died, or that was silent for `silence_us` with work in hand, is killed and
    started anew, at once and then ever more seldom; what it held is LOST, what had not been sent goes to the new one.
    Counters: `asked`, `answered`, `timeouts`, `lost`, `refused` (no room), `late` (nobody waits for it), `restarts`.
    """

    def __init__(
        self, name: str, wire: Wire, *, capacity: int, deadline_us: int, silence_us: int | None = None
    ) -> None:
        assert capacity > 0, "a port holds at least one request"
        assert deadline_us > 0, "a request has a deadline"
        self.name = name
        self.capacity = capacity
        self._wire = wire
        self._deadline_us = deadline_us
        self._silence_us = deadline_us if silence_us is None else silence_us
        assert self._silence_us > 0, "silence takes time"
        self.asked = self.answered = self.timeouts = self.lost = self.refused = self.late = self.restarts = 0
        self._next_id = 1
        self._deadlines: dict[int, Micros] = {}
        """Requests that nobody has answered yet, by id."""
        self._unsent: deque[tuple[int, bytes]] = deque()
        self._inside: set[int] = set()
        """Requests that the server has in hand; one may have timed out and still be there."""
        self._ready: list[Answer] = []
        self._heard = Micros(0)
        """When the server last showed life, or got work while it had none."""
        self._condemned = False
        self._restart_us = Micros(0)
        self._backoff_us = BACKOFF_US

    def __len__(self) -> int:
        return len(self._deadlines) + len(self._ready)

    @property
    def waiting(self) -> tuple[Sized, Sized]:
        """What `len` counts, for `Slot.wakes`: the same objects for good, looked at without a call of ours."""
        return self._deadlines, self._ready

    def ask(self, octets: bytes, now: Micros, deadline_us: int | None = None) -> int | None:
        """Send a request; returns its id, or None, counted, when the port is full. Nothing waits."""
        assert len(octets) <= MESSAGE_OCTETS_MAX - ID_OCTETS, "a request fits into one message"
        if len(self._unsent) + len(self._inside) + len(self._ready) >= self.capacity:
            self.refused += 1
            return None
        request_id = self._next_id
        self._next_id = request_id % 0xFFFF_FFFF + 1
        self._deadlines[request_id] = Micros(now + (self._deadline_us if deadline_us is None else deadline_us))
        self._unsent.append((request_id, request_id.to_bytes(ID_OCTETS, "big") + octets))
        self.asked += 1
        self._flush(now)
        return request_id

    def poll(self, now: Micros) -> list[Answer]:
        """Everything that ended since the last call, each request once; also tends the server."""
        self._collect(now)
        self._expire(now)
        self._tend(now)
        self._flush(now)
        answers = self._ready.copy()
        self._ready.clear()
        return answers

    def next_deadline(self) -> Micros:
        """When `poll` next has something to do although nothing arrives; NEVER when nothing is outstanding."""
        if not (self._inside or self._deadlines or self._condemned):
            return NEVER
        times = [*self._deadlines.values()]
        if self._inside:
            times.append(Micros(self._heard + self._silence_us))
        if self._condemned:
            times.append(self._restart_us)
        return min(times, default=NEVER)

    def _collect(self, now: Micros) -> None:
        """Take what arrived, at most as much as was ever in hand."""
        for _ in range(2 * self.capacity):
            message = self._wire.receive()
            if message is None:
                return
            request_id = int.from_bytes(message[:ID_OCTETS], "big")
            if len(message) < ID_OCTETS or request_id not in self._inside:
                self.late += 1
                continue
            self._inside.remove(request_id)
            self._heard = now
            self._backoff_us = BACKOFF_US
            if self._deadlines.pop(request_id, None) is None:
                self.late += 1
                continue
            self.answered += 1
            self._ready.append(Answer(request_id, Status.OK, message[ID_OCTETS:]))

    def _expire(self, now: Micros) -> None:
        expired = [request_id for request_id, deadline in self._deadlines.items() if deadline <= now]
        for request_id in expired:
            del self._deadlines[request_id]
            self.timeouts += 1
            self._ready.append(Answer(request_id, Status.TIMEOUT, b""))
        if expired:
            self._unsent = deque(unsent for unsent in self._unsent if unsent[0] in self._deadlines)

    def _tend(self, now: Micros) -> None:
        """Give up a server that is dead or silent, and start a new one as soon as the backoff allows."""
        silent = bool(self._inside) and now - self._heard >= self._silence_us
        if not self._condemned and not silent and self._wire.alive():
            return
        self._condemned = True
        for request_id in sorted(self._inside):
            if self._deadlines.pop(request_id, None) is not None:
                self.lost += 1
                self._ready.append(Answer(request_id, Status.LOST, b""))
        self._inside.clear()
        if now < self._restart_us:
            return
        self._wire.restart()
        self.restarts += 1
        self._condemned = False
        self._restart_us = Micros(now + self._backoff_us)
        self._backoff_us = min(2 * self._backoff_us, BACKOFF_US_MAX)

    def _flush(self, now: Micros) -> None:
        """Send what waits, as far as the wire takes it."""
        while self._unsent and not self._condemned:
            request_id, message = self._unsent[0]
            if not self._wire.send(message):
                return
            self._unsent.popleft()
            if not self._inside:
                self._heard = now
            self._inside.add(request_id)


class InlineWire:
    """A server as an object in this process, for the manual clock: each message is served when its answer falls due.

    What was not due is lost with this object, as by a power cut. `latency_us` may be changed at any time, also for what
    is under way (a stalled disk is a long one, and answers when the stall ends); `kill` lets the server die. At most
    `capacity` messages are under way.
    """

    def __init__(
        self, server_factory: Callable[[], Server], clock: Clock, latency_us: int, capacity: int = 1024
    ) -> None:
        assert latency_us >= 0, "an answer does not come before its request"
        self.latency_us = latency_us
        self._factory = server_factory
        self._clock = clock
        self._capacity = capacity
        self._server: Server | None = server_factory()
        self._under_way: deque[tuple[Micros, bytes]] = deque()

    def send(self, message: bytes) -> bool:
        """Hand over a message; False when the server is dead or too much is under way."""
        if self._server is None or len(self._under_way) >= self._capacity:
            return False
        self._under_way.append((self._clock.now(), message))
        return True

    def receive(self) -> bytes | None:
        """The next answer that is due, served now; answers keep the order of their requests."""
        if self._server is None or not self._under_way or self._under_way[0][0] + self.latency_us > self._clock.now():
            return None
        message = self._under_way.popleft()[1]
        return message[:ID_OCTETS] + self._server.serve(message[ID_OCTETS:])

    def restart(self) -> None:
        """A new server; what was under way is lost."""
        self._under_way.clear()
        self._server = self._factory()

    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._server is not None

    def kill(self) -> None:
        """The server dies, and with it what was under way."""
        self._under_way.clear()
        self._server = None
