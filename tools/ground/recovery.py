"""What an operator does about gaps: has the payload send the packets of their times again, until none is missing.

Sans-IO. A span of time is asked for at once of every packet store (ST[15] retrieval by time range); a store serves one
range at a time, so the next span waits until all have said that they are done, or until nothing has come for a while.
What dies on its way again is asked for again; what was asked for `TRIES_MAX` times in vain is given up.

Off nominal: a request whose fate is not known may be running: it is waited for as if it were; one that is refused
because a store is still busy is sent again.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fsw.ccsds.time_code import TAI_US_MAX, cuc_encode
from fsw.kernel.clock import NEVER, Micros
from tools.ground.gaps import SLACK_US, VC_LIVE, VC_REPLAY, Gap, Gaps, Heard
from tools.ground.records import PacketRecord
from tools.ground.tracking import StageChange, State

COMMAND: Final = "storage.retrieve"
DONE: Final = "system.retrieval_done"
BOOTED: Final = "system.booted"
TRIES_MAX: Final = 8
QUIET_US: Final = 3_000_000
"""Silence on VC 3 after which a retrieval counts as over, done or not."""
JOIN_US: Final = 2_000_000
"""Gaps so near to one another are asked for at once: a request takes as long as the packets between them."""
SPAN_US_MAX: Final = 30_000_000


class Span(NamedTuple):
    """A range of time that is asked for, µs of TAI, both in; and the gaps that lie in it."""

    low_us: int
    high_us: int
    gaps: tuple[Gap, ...]


def heard(record: PacketRecord) -> Heard | None:
    """What gaps are judged by; None for what has no count of ours (time reports) and for what no frame brought."""
    if record.service is None or record.fault or record.vcid not in (VC_LIVE, VC_REPLAY):
        return None
    time = record.time
    tai_us = time.us if time is not None and time.is_set else None
    return Heard(record.vcid, record.apid, record.sequence_count, tai_us, record.name == BOOTED)


def since(gap: Gap) -> int:
    """From when on the packets of a gap are asked for, µs of TAI.

    Where nothing tells when it begins, as behind the first boot that was heard, not at once from the beginning of the
    stores: further back with each try, and all of it with the last.
    """
    if gap.low_us or gap.high_us is None or gap.tries >= TRIES_MAX - 1:
        return gap.low_us
    return max(0, gap.high_us - (SPAN_US_MAX << gap.tries))


def next_span(gaps: Sequence[Gap]) -> Span | None:
    """The oldest gap whose time is known, and those near to it; None when nothing is left to ask for."""
    waiting = sorted(
        (since(gap), gap.high_us, number)
        for number, gap in enumerate(gaps)
        if gap.high_us is not None and gap.tries < TRIES_MAX
    )
    if not waiting:
        return None
    low_us, high_us, _ = waiting[0]
    chosen: list[Gap] = []
    for first_us, last_us, number in waiting:
        joined = first_us <= high_us + JOIN_US and last_us <= low_us + SPAN_US_MAX
        if not joined and chosen:
            break
        high_us = max(high_us, last_us)
        chosen.append(gaps[number])
    return Span(max(0, low_us - SLACK_US), min(high_us + SLACK_US, TAI_US_MAX), tuple(chosen))


class Recovery:
    """Asks for what is missing of `stores`, by number. Told of packets and stages; `ask` gives the next request."""

    def __init__(self, stores: Sequence[int]) -> None:
        self.gaps = Gaps()
        self.asked = 0
        """Requests so far."""
        self._stores = frozenset(stores)
        self._busy: set[int] = set()
        self._ticket: int | None = None
        self.span: Span | None = None
        """What was asked for last, None where nothing was left to ask for."""
        self._due = Micros(0)

    def hear(self, record: PacketRecord) -> None:
        """A packet came."""
        found = heard(record)
        if found is None:
            return
        self.gaps.hear(found)
        if found.vcid == VC_LIVE and record.name == DONE:
            store = record.values.get("store")
            self._busy -= {store} if isinstance(store, int) else set()
        elif found.vcid == VC_LIVE:
            return
        self._due = Micros(record.at + QUIET_US * bool(self._busy))

    def stage(self, change: StageChange) -> None:
        """A word on a request."""
        if change.ticket != self._ticket or not change.verdict:
            return
        self._ticket = None
        failed = change.state in (State.FAILED, State.REJECTED)
        self._due = Micros(change.at + QUIET_US * (failed or bool(self._busy)))
        if change.state in (State.COMPLETED, State.UNKNOWN, State.NO_WORD) and self.span is not None:
            for gap in self.span.gaps:
                gap.tries += 1

    @property
    def due(self) -> Micros:
        """When `ask` may have something; NEVER while a request is under way."""
        return NEVER if self._ticket is not None else self._due

    @property
    def missing(self) -> int:
        """Packets that can be asked for still, or as soon as a time behind them is known."""
        return sum(len(gap) for gap in self.gaps if gap.tries < TRIES_MAX)

    @property
    def given_up(self) -> int:
        """Packets that were asked for in vain: the stores do not have them."""
        return sum(len(gap) for gap in self.gaps if gap.tries >= TRIES_MAX)

    def ask(self, now: Micros) -> dict[str, str] | None:
        """The arguments of the next request, which is to be sent now; None when there is none."""
        if now < self.due:
            return None
        self.span = next_span(list(self.gaps))
        if self.span is None:
            return None
        bounds = ":".join(cuc_encode(tai_us).hex() for tai_us in self.span[:2])
        return {"retrievals": ",".join(f"{store}:{bounds}" for store in sorted(self._stores))}

    def sent(self, ticket: int) -> None:
        """The request has this ticket."""
        self.asked += 1
        self._ticket, self._busy = ticket, set(self._stores)
