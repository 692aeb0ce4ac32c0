"""ST[13] large packet transfer: reports longer than a packet go down in parts, large telecommands come up in parts.

Down: parts leave as fast as the outbox empties, so that a dump never drops what else waits. Up: the joined packet goes
through acceptance as if it had come alone on VC 0; each part is a request of its own.
Off nominal: a part that is missing, doubled, strange or too much ends its transaction with (13,16) and its own refusal;
so does a minute without a part, and a whole that is no telecommand. What is lost downwards is dumped again on request.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb import large_packets as mdb
from fsw.mdb.large_packets import AbortReason, UplinkFirst, UplinkLast, UplinkNext
from fsw.pus import st13, tc
from fsw.pus.ids import APID_SYSTEM, FailureCode, Refusal, Service
from fsw.pus.st13 import Act, Part, Piece
from fsw.services.outbox import Outbox
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification

PART_OCTETS: Final = 900
"""A part of ours; each packet of it fits two frames of the default line."""
AHEAD_OCTETS: Final = 4_000
"""Parts are added while less than this waits in the outbox."""
LOOK_US: Final = 50_000
"""How often the outbox is looked at while a report is on its way."""
DOWNLINKS_MAX: Final = 4
UPLINKS_MAX: Final = 2
UPLINK_OCTETS_MAX: Final = 8_192
UPLINK_TIMEOUT_US: Final = 60_000_000
TRANSACTION_MAX: Final = 0xFFFF
assert PART_OCTETS <= mdb.PART_OCTETS_MAX
assert tc.PACKET_OCTETS_MAX <= UPLINK_OCTETS_MAX

REFUSED: Final[Mapping[Act, tuple[FailureCode, AbortReason]]] = {
    Act.ABORT_UNKNOWN: (FailureCode.UNKNOWN_ID, AbortReason.UNKNOWN),
    Act.ABORT_ORDER: (FailureCode.WRONG_STATE, AbortReason.ORDER),
    Act.ABORT_OVERFLOW: (FailureCode.CAPACITY, AbortReason.OVERFLOW),
}
Done = Callable[[bool, Micros], None]
"""Told once: whether the last part has gone to the outbox."""


class _Downlink(NamedTuple):
    """A report on its way."""

    transaction: int
    destination: int
    parts: Iterator[Part]
    done: Done


class LargePackets:
    """Both directions, for the whole board. `step` is its turn in the slot of `system`."""

    def __init__(
        self,
        telemetry: TelemetryService,
        verification: Verification,
        parameters: Parameters,
        outbox: Outbox,
        attention: Bell,
    ) -> None:
        self._telemetry = telemetry
        self._verification = verification
        self._parameters = parameters
        self._outbox = outbox
        self._attention = attention
        self._transaction = 0
        self._down: deque[_Downlink] = deque()
        self._joiner = st13.Joiner(UPLINKS_MAX, UPLINK_OCTETS_MAX)
        self._silent_at: dict[int, Micros] = {}
        self._next = NEVER
        self._counts = {mdb.SENT.pid: 0, mdb.RECEIVED.pid: 0, mdb.ABORTED.pid: 0}
        self.executions: Mapping[type[object], Execution] = {
            UplinkFirst: self._take,
            UplinkNext: self._take,
            UplinkLast: self._take,
        }

    def step(self, now: Micros) -> Micros:
        """Send parts, and end receptions that fell silent; returns when there is more to do."""
        if now < self._next:
            return self._next
        for transaction in [t for t, at in self._silent_at.items() if at <= now]:
            self._joiner.silence(transaction)
            self._abort(transaction, AbortReason.TIMEOUT, now)
        while self._down and self._outbox.octets < AHEAD_OCTETS:
            self._send(now)
        self._next = min(self._silent_at.values(), default=NEVER)
        if self._down:
            self._next = min(self._next, Micros(now + LOOK_US))
        return self._next

    # --- down ------------------------------------------------------------------------------------------------------

    @property
    def room(self) -> bool:
        """Whether one more report can be sent."""
        return len(self._down) < DOWNLINKS_MAX

    def send(self, subtype_of: tuple[int, int], body: bytes, destination: int, now: Micros, done: Done) -> None:
        """Send the report of this service and subtype, longer than a packet, from `system`, when there is `room`."""
        assert self.room, "the caller asks first"
        self._transaction = self._transaction % TRANSACTION_MAX + 1
        packet = self._telemetry.whole(
            APID_SYSTEM, *subtype_of, body, now, number=self._transaction, destination=destination
        )
        self._down.append(_Downlink(self._transaction, destination, st13.split(packet, PART_OCTETS), done))
        self._next = now
        self._attention.ring()

    def abort(self, now: Micros) -> None:
        """End all reports that are on their way."""
        while self._down:
            downlink = self._down.popleft()
            self._count(mdb.ABORTED.pid, now)
            downlink.done(False, now)

    def _send(self, now: Micros) -> None:
        """The next part of the report that is first."""
        transaction, destination, parts, done = self._down[0]
        part = next(parts)
        body = transaction.to_bytes(2, "big") + part.number.to_bytes(2, "big") + part.octets
        self._telemetry.emit(APID_SYSTEM, Service.LARGE_PACKETS, part.piece, body, now, destination=destination)
        if part.piece is Piece.LAST:
            self._down.popleft()
            self._count(mdb.SENT.pid, now)
            done(True, now)

    # --- up --------------------------------------------------------------------------------------------------------

    def _take(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, UplinkFirst | UplinkNext | UplinkLast)
        transaction = body.transaction
        act = self._joiner.take(transaction, Part(Piece(request.subtype - st13.UPLINK), body.part, body.octets))
        refused = REFUSED.get(act)
        if refused is not None:
            self._verification.refused(request, refused[0], now)
            self._abort(transaction, refused[1], now)
            return
        self._verification.started(request, now)
        if act is not Act.JOIN:
            self._silent_at[transaction] = Micros(now + UPLINK_TIMEOUT_US)
            self._next = min(self._next, self._silent_at[transaction])
            self._verification.completed(request, now)
            return
        if _is_foreign(self._joiner.joined):
            self._verification.failed(request, FailureCode.PAYLOAD_CHECKSUM, now)
            self._abort(transaction, AbortReason.CONTENT, now)
            return
        del self._silent_at[transaction]
        self._count(mdb.RECEIVED.pid, now)
        self._verification.completed(request, now)
        self._verification.release(self._joiner.joined, now)

    def _abort(self, transaction: int, reason: AbortReason, now: Micros) -> None:
        self._silent_at.pop(transaction, None)
        self._count(mdb.ABORTED.pid, now)
        report = codec.encode(mdb.UplinkAborted(transaction=transaction, reason=reason))
        self._telemetry.emit(APID_SYSTEM, Service.LARGE_PACKETS, 16, report, now)

    def _count(self, pid: int, now: Micros) -> None:
        self._counts[pid] += 1
        self._parameters.set_all({pid: self._counts[pid]}, now)


def _is_foreign(packet: bytes) -> bool:
    """Whether joined octets are no telecommand, or one that would be joined again."""
    header = tc.inspect(packet)
    return (
        isinstance(header, Refusal)
        or not header.length_ok
        or not tc.checksum_ok(packet)
        or header.service == Service.LARGE_PACKETS
    )
