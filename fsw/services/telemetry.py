"""Emission of PUS telemetry: numbers, stamps and queues a report; the one place where sequence counts are spent.

A packet is numbered when it is emitted, so that whatever is lost behind this point shows as a gap on the ground.

Off nominal: beyond `MESSAGE_TYPES_MAX` kinds of report a new one is numbered 0; a full outbox drops its oldest, which
the sequence counts announce.
"""

from collections.abc import Callable
from typing import Final

from fsw.ccsds.space_packet import SequenceCounter
from fsw.kernel.clock import Micros
from fsw.pus.tm import encode_time_report, encode_tm
from fsw.services.outbox import Outbox, Priority
from fsw.services.timebase import Timebase

MESSAGE_TYPES_MAX: Final = 256
"""Message type counters kept, one a (service, subtype, destination); beyond it a new destination shares counter 0."""

HandOver = Callable[[int, int, int, bytes, bytes, Micros], bool]
"""Takes APID, service, subtype, body, packet and time of every report; whether it also goes down live."""
_PRIORITY: Final = {1: Priority.VERIFICATION, 5: Priority.EVENT, 9: Priority.TIME, 17: Priority.VERIFICATION}


class TelemetryService:
    """Reports of all processes of the board (ECSS-E-ST-70-41C 7.4.3)."""

    __slots__ = ("_counter", "_messages", "_outbox", "_time", "hand_over")

    def __init__(self, outbox: Outbox, time: Timebase) -> None:
        self._outbox = outbox
        self._time = time
        self._counter = SequenceCounter()
        self._messages: dict[tuple[int, int, int, int], int] = {}
        self.hand_over: HandOver | None = None
        """Given by who stores and forwards; asked before anything is queued (architecture, Durability)."""

    def emit(
        self,
        apid: int,
        service: int,
        subtype: int,
        body: bytes,
        now: Micros,
        *,
        destination: int = 0,
        flush: bool = False,
    ) -> None:
        """Queue one report for the ground; `destination` is the source id of the request it answers, 0 unsolicited."""
        key = (apid, service, subtype, destination)
        message = self._messages.get(key, 0)
        if key in self._messages or len(self._messages) < MESSAGE_TYPES_MAX:
            self._messages[key] = (message + 1) & 0xFFFF
        packet = encode_tm(
            apid,
            self._counter.take(apid),
            int(self._time.status),
            service,
            subtype,
            message,
            destination,
            self._time.stamp(now),
            body,
        )
        if self.hand_over is None or self.hand_over(apid, service, subtype, body, packet, now):
            self._outbox.put(_PRIORITY.get(service, Priority.HOUSEKEEPING), packet, now, flush=flush)

    def whole(
        self, apid: int, service: int, subtype: int, body: bytes, now: Micros, *, number: int, destination: int
    ) -> bytes:
        """A report that goes down in parts (ST[13]): it spends no counts of its own, `number` stands in their place."""
        status, stamp = int(self._time.status), self._time.stamp(now)
        return encode_tm(apid, number & 0x3FFF, status, service, subtype, number & 0xFFFF, destination, stamp, body)

    def mend(self) -> list[int]:
        """The APIDs whose sequence count had a flipped bit since last asked; it is right again."""
        return self._counter.mend()

    def time_report(self, exponent: int, at_us: Micros, now: Micros) -> None:
        """Queue an ST[09] report that says what time it was at `at_us` (APID 0, no secondary header)."""
        packet = encode_time_report(self._counter.take(0), exponent, self._time.stamp(at_us), int(self._time.status))
        self._outbox.put(Priority.TIME, packet, now)
