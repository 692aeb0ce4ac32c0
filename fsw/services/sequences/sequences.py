"""ST[21] request sequencing: load, validate, start, step, abort; what is loaded is kept over resets.

A request of a running sequence is released when its delay is over, counted from the release before it, and goes through
the acceptance of any telecommand. A start and each step are on the disk before they release anything; an abort acts at
once and is written down afterwards.
Off nominal: a malformed or contradictory request gets its code and changes nothing. What ran when the power went is
interrupted, told, and starts again only by command, from its beginning. A sequence whose octets or requests are no
longer right does not start (0x15, or the code its request would get); one that comes back damaged is told and gone. A
sequence commands no sequence (0x19): a loop would have no end. A released request that its process refuses is
reported as any other, and the sequence goes on. A request that falls due in a mode that releases nothing ends its
sequence. The lander's clock has no say here: delays run by the board's own.
"""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Listed
from typing import Final

from fsw.ccsds.crc import crc16
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec, sequencing
from fsw.mdb.database import Database
from fsw.mdb.sequencing import SEQUENCES_MAX, SequenceEnd, SequenceState
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome, Turns
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.sequences.sequence_contents import Sequence, gone, invalid, read_contents, read_standing, unsound
from fsw.services.sequences.sequence_states import ACTIVE, SequenceEvent, after
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request
from fsw.store.keep import Change, Table

RELEASES_PER_TURN: Final = 4
KEEP_AGAIN_US: Final = 1_000_000
"""How soon what the store did not take is offered again."""


class Sequences:
    """The sequences of the board."""

    def __init__(self, database: Database, telemetry: TelemetryService, services: Services, board: Board) -> None:
        self._board = board
        self._database = database
        self._telemetry = telemetry
        self._verification = services.verification
        self._events = services.events
        self._parameters = services.parameters
        self._keeper = services.keeper
        self._attention = services.attention
        self.held: dict[int, Sequence] = {}
        """Loaded sequences, by id."""
        self._next = NEVER
        self._released = 0
        self._interrupted = 0
        self._unkept: dict[int, None] = {}
        """Sequences whose row says something else than they do; in the order in which that happened."""
        self._keep_us = Micros(0)
        self._starting: int | None = None
        """The sequence that waits for the store to start or step."""
        self._stopped: list[int] = []
        turns = self._turns = Turns(self._keeper, self._verification, Table.SEQUENCES)
        self._keeper.restores(Table.SEQUENCES, self._restore)
        self._in_turn = turns.guard(
            {
                sequencing.LoadSequence: self._load,
                sequencing.UnloadSequence: self._unload,
                sequencing.ValidateSequence: self._validate,
                sequencing.StartSequence: self._start,
                sequencing.StepSequence: self._step,
                sequencing.AbortSequence: self._abort,
                sequencing.AbortAllSequences: self._abort_all,
                sequencing.ReportSequences: self._report_states,
                sequencing.ReportChecksum: self._report_checksum,
                sequencing.ReportContent: self._report_content,
            }
        )
        self.executions: Mapping[type[object], Execution] = {
            **self._in_turn,
            sequencing.AbortSequence: self._abort_now,
            sequencing.AbortAllSequences: self._abort_all_now,
        }

    # --- after a boot ----------------------------------------------------------------------------------------------

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        for ident, sequence in read_contents(rows).items():
            if sequence is None:
                self._events.report(sequencing.SequenceDamaged(sequence=ident), now)
                self._unkept[ident] = None
            else:
                self.held[ident] = sequence
                self._boot(sequence, read_standing(rows, sequence), now)
        self._measure(now)
        if self._unkept:
            self._wake()

    def _boot(self, sequence: Sequence, standing: tuple[SequenceState, int] | None, now: Micros) -> None:
        """Take over where a sequence stood; where that is not known it is loaded, and wants to be validated."""
        stood, released = standing or (SequenceState.LOADED, 0)
        state = after(SequenceEvent.BOOT, stood)
        assert isinstance(state, SequenceState)
        sequence.state, sequence.released = state, released
        if stood in ACTIVE:
            self._interrupted += 1
            requests = len(sequence.requests)
            event = sequencing.SequenceInterrupted(sequence=sequence.ident, released=released, requests=requests)
            self._events.report(event, now)
        if state is not stood or standing is None:
            self._unkept[sequence.ident] = None

    # --- running ---------------------------------------------------------------------------------------------------

    def step(self, now: Micros) -> Micros:
        """Release what is due, a bounded number; returns when there is more to do."""
        if now < self._next:
            return self._next
        for _ in range(RELEASES_PER_TURN):
            due, ident = min(((s.due, s.ident) for s in self.held.values()), default=(NEVER, 0))
            if due > now:
                break
            if permits(self._board.mode, Permission.SCHEDULE):
                self._release(self.held[ident], now)
            else:
                self._end(self.held[ident], SequenceEvent.ABORT, SequenceEnd.MODE, now)
        following = min((s.due for s in self.held.values()), default=NEVER)
        self._next = min(following, self._keep_rest(now))
        return self._next

    def _release(self, sequence: Sequence, now: Micros) -> None:
        """Let the next request of a sequence go; the one after it has its time from this one's."""
        request = sequence.requests[sequence.released]
        sequence.released += 1
        self._released += 1
        last = sequence.released == len(sequence.requests)
        if last:
            self._end(sequence, SequenceEvent.LAST_RELEASED, SequenceEnd.DONE, now)
        elif sequence.state is SequenceState.RUNNING:
            sequence.due = Micros(sequence.due + sequence.requests[sequence.released].delay * 1_000)
        self._unkept[sequence.ident] = None
        self._parameters.set(sequencing.RELEASED, self._released & 0xFFFF_FFFF, now)
        self._verification.release(request.request, now)

    def _end(self, sequence: Sequence, event: SequenceEvent, end: SequenceEnd, now: Micros) -> None:
        state = after(event, sequence.state)
        assert isinstance(state, SequenceState), "only what is active ends"
        released = sequence.released
        sequence.state, sequence.due, sequence.released = state, NEVER, 0
        self._unkept[sequence.ident] = None
        self._tell_end(sequence.ident, released, end, now)
        self._measure(now)
        self._wake()

    def _tell_end(self, ident: int, released: int, end: SequenceEnd, now: Micros) -> None:
        self._events.report(sequencing.SequenceEnded(sequence=ident, released=released, end=end), now)

    def _keep_rest(self, now: Micros) -> Micros:
        """Write down where sequences stand that nobody waits for; returns when to try again."""
        if not self._unkept:
            return NEVER
        if self._turns.busy:
            return Micros(now + KEEP_AGAIN_US)  # whoever has its turn writes first
        if now < self._keep_us:
            return self._keep_us
        idents, self._unkept = list(self._unkept), {}
        changes: list[Change] = []
        for ident in idents:
            sequence = self.held.get(ident)
            if sequence is not None:
                changes.append(sequence.standing(sequence.state, sequence.released))
            else:
                changes += gone(ident)

        def then(outcome: Outcome, at: Micros) -> None:
            if outcome is not Outcome.KEPT:
                self._keep_later(idents, at)

        if not self._keeper.keep(changes, now, then):
            self._keep_later(idents, now)
            return self._keep_us
        return NEVER

    def _keep_later(self, idents: list[int], now: Micros) -> None:
        self._unkept.update(dict.fromkeys(idents))
        self._keep_us = Micros(now + KEEP_AGAIN_US)
        self._next = min(self._next, self._keep_us)
        self._attention.ring()

    def _wake(self) -> None:
        """There is something to do in our next turn."""
        self._next = Micros(0)
        self._attention.ring()

    def _measure(self, now: Micros) -> None:
        self._parameters.set(sequencing.LOADED, len(self.held), now)
        self._parameters.set(sequencing.RUNNING, self.active, now)
        self._parameters.set(sequencing.INTERRUPTED, min(self._interrupted, 0xFFFF), now)

    @property
    def active(self) -> int:
        """Sequences that run or are being stepped."""
        return sum(sequence.state in ACTIVE for sequence in self.held.values())

    # --- what a request does ---------------------------------------------------------------------------------------

    def _after(self, event: SequenceEvent, ident: int) -> SequenceState | FailureCode:
        sequence = self.held.get(ident)
        return after(event, SequenceState.EMPTY if sequence is None else sequence.state)

    def _settled(self, request: Request, found: SequenceState | FailureCode, now: Micros) -> bool:
        return self._verification.settle(request, found if isinstance(found, FailureCode) else None, now)

    def _commit(
        self,
        request: Request,
        changes: Listed[Change],
        now: Micros,
        apply: Callable[[Micros], None],
        starting: int | None = None,
    ) -> None:
        self._starting = starting
        self._turns.commit(request, changes, now, apply)

    def _load(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.LoadSequence)
        found = self._after(SequenceEvent.LOAD, body.sequence)
        if isinstance(found, SequenceState):
            found = unsound(body.requests) or (FailureCode.CAPACITY if len(self.held) >= SEQUENCES_MAX else found)
        if not self._settled(request, found, now):
            return
        sequence = Sequence(body.sequence, codec.encode(body)[1:], body.requests)
        changes = [sequence.contents(), sequence.standing(sequence.state, 0)]

        def apply(at: Micros) -> None:
            self.held[sequence.ident] = sequence
            self._measure(at)

        self._commit(request, changes, now, apply)

    def _unload(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.UnloadSequence)
        ident = body.sequence
        if not self._settled(request, self._after(SequenceEvent.UNLOAD, ident), now):
            return

        def apply(at: Micros) -> None:
            del self.held[ident]
            self._unkept.pop(ident, None)
            self._measure(at)

        self._commit(request, gone(ident), now, apply)

    def _validate(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.ValidateSequence)
        found = self._after(SequenceEvent.VALIDATE, body.sequence)
        if isinstance(found, SequenceState):
            sequence = self.held[body.sequence]
            wrong = FailureCode.PAYLOAD_CHECKSUM if sequence.crc != body.checksum else invalid(sequence, self._database)
            found = found if wrong is None else wrong
        if not self._settled(request, found, now):
            return
        assert isinstance(found, SequenceState)
        sequence, state = self.held[body.sequence], found

        def apply(at: Micros) -> None:
            del at
            sequence.state, sequence.released = state, 0

        self._commit(request, [sequence.standing(state, 0)], now, apply)

    def _start(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.StartSequence)
        self._begin(request, SequenceEvent.START, body.sequence, now)

    def _step(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.StepSequence)
        self._begin(request, SequenceEvent.STEP, body.sequence, now)

    def _begin(self, request: Request, event: SequenceEvent, ident: int, now: Micros) -> None:
        """Start or step: what is going to be released is on the disk first."""
        found = self._after(event, ident)
        if isinstance(found, SequenceState) and self.held[ident].state not in ACTIVE:
            full = FailureCode.CAPACITY if self.active >= sequencing.RUNNING_MAX else None
            wrong = full or invalid(self.held[ident], self._database)
            found = found if wrong is None else wrong
        if not self._settled(request, found, now):
            return
        assert isinstance(found, SequenceState)
        sequence, state = self.held[ident], found
        released = sequence.released if sequence.state in ACTIVE else 0
        steps = event is SequenceEvent.STEP

        def apply(at: Micros) -> None:
            if self._starting != ident:  # aborted meanwhile: the row says more than is so
                self._unkept[ident] = None
                self._wake()
                return
            self._starting = None
            sequence.state, sequence.released = state, released
            self._measure(at)
            if steps:
                self._release(sequence, at)
            else:
                sequence.due = Micros(at + sequence.requests[released].delay * 1_000)
            self._wake()

        self._commit(request, [sequence.standing(state, released + steps)], now, apply, starting=ident)

    # --- abort: at once, whatever the store does -------------------------------------------------------------------

    def _stop(self, ident: int, now: Micros) -> bool:
        """Stop what runs, or is about to; whether there was something to stop."""
        sequence = self.held.get(ident)
        starting = self._starting == ident and self._turns.busy
        if starting:
            self._starting = None
        active = sequence is not None and sequence.state in ACTIVE
        if sequence is not None and active:
            self._end(sequence, SequenceEvent.ABORT, SequenceEnd.ABORTED, now)
        elif starting:
            self._tell_end(ident, 0, SequenceEnd.ABORTED, now)
        return active or starting

    def _abort_now(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.AbortSequence)
        if self._stop(body.sequence, now):
            self._verification.started(request, now)
            self._verification.completed(request, now)
        else:
            self._in_turn[sequencing.AbortSequence](request, now)  # what it is to stop may still wait for its turn

    def _abort(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.AbortSequence)
        if self._settled(request, self._after(SequenceEvent.ABORT, body.sequence), now):
            self._stop(body.sequence, now)
            self._verification.completed(request, now)

    def _abort_all_now(self, request: Request, now: Micros) -> None:
        self._stopped += [ident for ident in sorted(self.held) if self._stop(ident, now)]
        self._in_turn[sequencing.AbortAllSequences](request, now)

    def _abort_all(self, request: Request, now: Micros) -> None:
        """The rest of it, in its turn: what began while it waited."""
        stopped, self._stopped = self._stopped, []
        stopped += [ident for ident in sorted(self.held) if self._stop(ident, now)]
        self._verification.started(request, now)
        self._say(request, 14, sequencing.AbortedSequences(sequences=tuple(sorted(set(stopped)))), now)
        self._verification.completed(request, now)

    # --- reports ---------------------------------------------------------------------------------------------------

    def _report_states(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        states = tuple(sequencing.SequenceStatus(ident, self.held[ident].state) for ident in sorted(self.held))
        self._say(request, 7, sequencing.SequenceStates(states=states), now)
        self._verification.completed(request, now)

    def _report_checksum(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.ReportChecksum)
        found = self.held.get(body.sequence)
        if self._verification.settle(request, FailureCode.UNKNOWN_ID if found is None else None, now):
            assert found is not None
            report = sequencing.ChecksumReport(sequence=found.ident, checksum=crc16(found.octets))
            self._say(request, 10, report, now)
            self._verification.completed(request, now)

    def _report_content(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, sequencing.ReportContent)
        found = self.held.get(body.sequence)
        if self._verification.settle(request, FailureCode.UNKNOWN_ID if found is None else None, now):
            assert found is not None
            self._say(request, 12, sequencing.ContentReport(sequence=found.ident, requests=found.requests), now)
            self._verification.completed(request, now)

    def _say(self, request: Request, subtype: int, report: object, now: Micros) -> None:
        octets = codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.SEQUENCING, subtype, octets, now, destination=request.source_id)
