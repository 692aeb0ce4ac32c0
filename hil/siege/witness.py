"""The outside view of a siege: what the ground truly sent, what came to the payload, what ran, what each end believed.

An observer of the bench. It judges no frame by a key: what is authentic it knows from the mouth of who has sent it.

Off nominal: in the first `EARLY_US` of a life the receiver may not have its marks back; what comes then is counted as a
whole, not by reason.
"""

from collections import Counter, OrderedDict
from typing import Final

from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.reception import FrameReceived, Rejected, TmFrameReceived
from fsw.kernel.clock import Micros
from fsw.mdb.database import Database
from fsw.pus import tc
from fsw.pus.ids import Refusal
from hil.board.probe import Counted
from hil.observer import Finding
from hil.rules.overhearing import Said
from hil.siege.book import CARRIED_OUT, LANDER, TAKEN, Book, Ledger
from hil.siege.ground_book import GroundBook
from tools.ground.records import CommandRecord, EventRecord, PacketRecord
from tools.ground.tracking import StageChange, State

EARLY_US: Final = 50_000
SILENCE_US: Final = 500_000
"""Behind which a receiver gives an unfinished CLTU up."""
KEPT_MAX: Final = 8192
_PROTECTED: Final = (0, 1, 3)
_OF_PACKETS: Final = ("packet_too_long", "encapsulation_packet_invalid")
"""Counters of packets in frames that were taken."""
_UNCOUNTED: Final = (TAKEN, CARRIED_OUT, LANDER)


class Witness:
    """Sees a run. `breaches` are sentences; `word` is the newest verdict on each request of the ground's."""

    RECORDS: Final = (CommandRecord, StageChange, PacketRecord, EventRecord)

    def __init__(self, database: Database, scid: int, tm_frame_octets: int) -> None:
        self.breaches: list[str] = []
        self.stages: dict[int, State] = {}
        self.ran: Counter[bytes] = Counter()
        self.counts: Counter[str] = Counter()
        """What was expected to be refused, over all lives."""
        self.lives = 0
        self._database = database
        self._scid, self._octets = scid, tm_frame_octets
        self._ordered: OrderedDict[bytes, bytes] = OrderedDict()  # the ground's telecommands by request id
        self._said: OrderedDict[bytes, None] = OrderedDict()
        self._ledger, self._emissions = Ledger(), Ledger()
        self.ground = GroundBook(self._emissions, scid, tm_frame_octets)
        self._emitted = CltuCadu(scid, tm_frame_octets)
        self._born(Micros(0))

    def _born(self, now: Micros) -> None:
        self.lives += 1
        self._born_us = self._heard_us = now
        self._early = 0
        self._line = CltuCadu(self._scid, self._octets)
        self._rejected: Counter[str] = Counter()
        self._frames = 0
        self._ledger.begin()
        self.book = Book(self._ledger)

    # --- hooks of the bench -----------------------------------------------------------------------------------------

    def power(self, on: bool, now: Micros) -> None:
        """A life begins."""
        if on:
            self._born(now)

    def uplinked(self, datagram: bytes, now: Micros) -> None:
        """A datagram has left the ground, by its own hand."""
        for event in CltuCadu(self._scid, self._octets).feed_up(datagram):
            if isinstance(event, FrameReceived) and not event.frame.control:
                self._ledger.send(event.frame.vcid, event.frame.data)

    def reached(self, octets: bytes, now: Micros) -> None:
        """Octets have come to the payload."""
        self.expire(now)
        self._heard_us = now
        self._hear(self._line.feed_up(octets), now)

    def expire(self, now: Micros) -> None:
        """The line may have been silent."""
        if self._line.unfinished and now - self._heard_us >= SILENCE_US:
            self._hear(self._line.expire(), now)

    def emitted(self, octets: bytes, now: Micros) -> None:
        """Octets have left the payload."""
        for event in self._emitted.feed_down(octets):
            if isinstance(event, TmFrameReceived) and event.frame.vcid in _PROTECTED:
                self._emissions.send(event.frame.vcid, event.frame.data)

    def said(self, said: Said, now: Micros) -> None:
        """The payload has emitted a packet."""
        self._said[said.octets] = None
        if len(self._said) > KEPT_MAX:
            self._said.popitem(last=False)

    def delivered(self, datagram: bytes, now: Micros) -> None:
        """A datagram has come to the ground."""
        self.ground.take(datagram)

    def executing(self, request_id: bytes, body: object) -> None:
        """The payload begins to execute a request: one that the ground has sent, as it was sent, and once."""
        packet = self._ordered.get(request_id)
        self.ran[request_id] += 1
        if packet is None:
            self.breaches.append(f"{request_id.hex()} {type(body).__name__} was executed, and the ground never sent it")
        elif self._body(packet) != body:
            self.breaches.append(f"{request_id.hex()} was executed as {body}, and was not sent so")
        elif self.ran[request_id] > 1:
            self.breaches.append(f"{request_id.hex()} {type(body).__name__} was executed {self.ran[request_id]} times")

    def record(self, record: object, now: Micros) -> None:
        """What the ground says."""
        match record:
            case CommandRecord():
                self._ordered[record.request_id] = record.packet
                self.ran.pop(record.request_id, None)  # counts come round
                if len(self._ordered) > KEPT_MAX:
                    self._ordered.popitem(last=False)
            case StageChange():
                self.stages[record.ticket] = record.state
                if record.state is State.COMPLETED and not self.ran[record.request_id]:
                    self.breaches.append(f"the ground believes that {record.request_id.hex()} was executed")
            case PacketRecord() if record.raw not in self._said:
                self.breaches.append(f"the ground believes {record.name or record.raw[:12].hex()} on VC {record.vcid}")
            case _:
                pass

    def finish(self, now: Micros) -> list[Finding]:
        """Its sentences are read elsewhere."""
        return []

    # --- judgement --------------------------------------------------------------------------------------------------

    def differs(self, found: Counted, now: Micros) -> str:
        """What the payload has counted in this life otherwise than it had to; empty when nothing."""
        self.expire(now)
        counts = Counter({word: number for word, number in self.book.counts.items() if word not in _UNCOUNTED})
        counts += self._rejected
        counts[TAKEN] = self.book.counts[TAKEN]
        seen = Counter({word: number for word, number in found.refused.items() if word not in _OF_PACKETS})
        seen[TAKEN] = found.authentic
        off = {word: seen[word] - counts[word] for word in sorted({*counts, *seen}) if seen[word] != counts[word]}
        wrong = [f"{word} {seen[word]} instead of {counts[word]}" for word in off]
        if min(off.values(), default=0) >= 0 and sum(off.values()) == self._early:
            wrong = []
        if found.frames_good != self._frames:
            wrong.append(f"frames {found.frames_good} instead of {self._frames}")
        if found.octets_skipped != self._line.up_octets_skipped:
            wrong.append(f"octets skipped {found.octets_skipped} instead of {self._line.up_octets_skipped}")
        return ", ".join(wrong)

    def ground_differs(self, good: int, bad: int) -> str:
        """The same of the ground."""
        expected = self.ground.counts["good"], self.ground.counts.total() - self.ground.counts["good"]
        return "" if (good, bad) == expected else f"the ground counts {(good, bad)} frames good and bad, not {expected}"

    def expected(self) -> Counter[str]:
        """All that was to be refused up to now, at the payload in this life and at the ground."""
        at_ground = Counter({word: number for word, number in self.ground.counts.items() if word != "good"})
        at_board = Counter({word: number for word, number in self.book.counts.items() if word not in _UNCOUNTED})
        return at_board + self._rejected + at_ground + Counter(octets_skipped=self._line.up_octets_skipped)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _hear(self, events: list[FrameReceived | Rejected], now: Micros) -> None:
        for event in events:
            if isinstance(event, Rejected):
                self._rejected[event.reason.value] += 1
                continue
            self._frames += 1
            frame = event.frame
            if now - self._born_us < EARLY_US and frame.vcid < 2 and not frame.control:
                self._early += 1
            else:
                self.book.take(frame)

    def _body(self, packet: bytes) -> object:
        command = tc.decode(packet)
        assert not isinstance(command, Refusal), "the ground sends what can be read"
        if command.service == 130:
            return self._body(command.data[7:])
        call = self._database.decode_command(command.apid, command.service, command.subtype, command.data)
        return getattr(call, "body", call)
