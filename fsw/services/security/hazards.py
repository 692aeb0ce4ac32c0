"""Hazardous commands: arm, then execute within 60 s of our clock, in a phase and by as many as the mission says.

A bare hazardous command is refused with 0x19 by `Verification`, also one that comes out of the schedule, a sequence, a
response or a large packet; nothing that is stored on board can arm or execute either: 0x19. What is executed runs as if
it had just come alone: its reports, its last word and its fate are its own.
Arm, first failure wins: a packet whose checksum fails 0x15, else the code that it would have had by itself (0x03, 0x04,
0x05, 0x10; an APID that nobody has 0x10); one that is not hazardous 0x13; a phase or mode that does not allow it 0x14;
armed already 0x11; eight are armed 0x12; no source of numbers 0x1B. Execute and disarm: a number of no arm 0x10; the
rest is the table's (arming.py): too late 0x1C, spent or disarmed 0x14, not now 0x14, the same operator
where two must 0x07, replay marks in memory alone 0x1A; the last three leave it armed.
Off nominal: arms are held in memory alone and end with the life; a phase that the lander does not tell is not known.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb import autonomy, codec
from fsw.mdb import hazards as mdb
from fsw.mdb.database import CallRefused, Database
from fsw.mdb.mission_hazards import Rule
from fsw.mdb.model import Parameter
from fsw.pus import tc
from fsw.pus.ids import APID_SYSTEM, FailureCode, Refusal, Service
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.permissions import serves
from fsw.services.process import Execution
from fsw.services.security.arming import ROWS_MAX, Arming, ArmingEvent, Row, Rows
from fsw.services.security.nonces import NONCE_MAX, Nonces
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Origin, Request

PUS_VERSION: Final = 2
_COUNTED: Final[Mapping[FailureCode, Parameter]] = {
    FailureCode.UNKNOWN_ID: mdb.UNKNOWN,
    FailureCode.EXPIRED: mdb.LATE,
    FailureCode.SOURCE: mdb.ALONE,
}


class Hazards:
    """The arms of this life; `step` is its turn in the slot of `system`. `rules`: by body class, all hazardous ones.

    `unmarked`: whether the link's replay marks live in memory only (architecture, Durability).
    """

    def __init__(
        self,
        database: Database,
        rules: Mapping[type[object], Rule],
        telemetry: TelemetryService,
        services: Services,
        board: Board,
        nonces: Nonces,
        unmarked: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._rules = rules
        self._telemetry = telemetry
        self._services = services
        self._verification = services.verification
        self._board = board
        self._nonces = nonces
        self._unmarked = unmarked
        self._rows = Rows()
        self._counts = dict.fromkeys((mdb.ARMS, mdb.EXECUTED, mdb.OVER, mdb.OTHERWISE, mdb.WRONG_TIME), 0)
        self._counts |= dict.fromkeys(_COUNTED.values(), 0)
        self._bare = 0
        self.executions: Mapping[type[object], Execution] = {
            mdb.Arm: self._arm,
            mdb.Execute: self._execute,
            mdb.Disarm: self._disarm,
        }

    def step(self, now: Micros) -> Micros:
        """Tell of arms whose time is over; returns when that of the next one is."""
        if self._bare != self._verification.bare:
            self._bare = self._verification.bare
            self._services.parameters.set(mdb.BARE, min(self._bare, 0xFFFF), now)
        if now > self._rows.due_us:
            self._expire(now)
        return Micros(self._rows.due_us + 1)

    def _expire(self, now: Micros) -> None:
        for row in self._rows.expire(now):
            self._count(mdb.OVER, now)
            self._services.events.report(mdb.HazardDropped(request_id=row.request_id, disarmed=0), now)

    # --- arming ----------------------------------------------------------------------------------------------------

    def _arm(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.Arm)
        self._expire(now)
        armed = self._judged(request, body.packet, now)
        if isinstance(armed, FailureCode):
            self._refuse(request, armed, mdb.WRONG_TIME if armed is FailureCode.WRONG_STATE else mdb.OTHERWISE, now)
            return
        self._verification.started(request, now)
        self._rows.add(armed)
        self._count(mdb.ARMS, now)
        self._tell(armed, request, now)
        self._services.events.report(mdb.HazardArmed(request_id=armed.request_id, source=armed.source_id), now)
        self._verification.completed(request, now)

    def _judged(self, request: Request, packet: bytes, now: Micros) -> Row | FailureCode:
        """What is armed by this packet, or why it cannot be."""
        if request.origin is Origin.STORED:
            return FailureCode.PROTECTED
        header = tc.inspect(packet)
        if isinstance(header, Refusal) or not header.length_ok or header.pus_version != PUS_VERSION:
            return FailureCode.DATA
        if not tc.checksum_ok(packet):
            return FailureCode.PAYLOAD_CHECKSUM
        if header.apid not in self._database.processes:
            return FailureCode.UNKNOWN_ID
        inner = tc.telecommand(packet, header)
        call = self._database.decode_command(inner.apid, inner.service, inner.subtype, inner.data)
        if isinstance(call, CallRefused):
            return call.code
        rule = self._rules.get(call.entry.body)
        if rule is None:
            return FailureCode.OUT_OF_RANGE
        if not self._may(call.entry.body, rule):
            return FailureCode.WRONG_STATE
        refusal = self._rows.refusal(packet)
        if refusal is not None:
            return refusal
        nonce = self._number()
        if nonce is None:
            return FailureCode.INTERNAL
        return Row(nonce, bytes(packet), inner.request_id, call.entry.body, rule, request.source_id, now)

    def _number(self) -> int | None:
        """One that no arm has that is remembered; None where there is no source of them."""
        for _ in range(ROWS_MAX + 1):
            nonce = self._nonces()
            if nonce is None:
                return None
            assert 0 <= nonce <= NONCE_MAX
            if self._rows.find(nonce) is None:
                return nonce
        return None

    def _tell(self, row: Row, request: Request, now: Micros) -> None:
        header = tc.inspect(row.packet)
        assert isinstance(header, tc.TcHeader)
        function = int.from_bytes(row.packet[11:13], "big") if header.service == Service.FUNCTIONS else 0
        told = mdb.Armed(
            nonce=row.nonce,
            request_id=row.request_id,
            service=header.service,
            subtype=header.subtype,
            function=function,
            checksum=int.from_bytes(row.packet[-2:], "big"),
            source=row.source_id,
            operators=row.rule.operators,
            phases=row.rule.mask,
            within_s=mdb.WITHIN_S,
        )
        octets = codec.encode(told)
        self._telemetry.emit(
            APID_SYSTEM, Service.FUNCTIONS, mdb.ARMED_SUBTYPE, octets, now, destination=request.source_id
        )  # fmt: skip

    def _may(self, body: type[object], rule: Rule) -> bool:
        """Whether phase and mode allow it now."""
        phase = self._services.parameters.values[autonomy.PHASE.pid] if self._board.lander_alive else None
        return phase in rule.phases and serves(self._board.mode, body)

    # --- executing -------------------------------------------------------------------------------------------------

    def _execute(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.Execute)
        row = self._row(request, body.nonce, now)
        if row is None:
            return
        if not self._may(row.body, row.rule):
            event = ArmingEvent.EXECUTE_WRONG_TIME
        elif row.rule.operators > 1 and request.source_id == row.source_id:
            event = ArmingEvent.EXECUTE_ALONE
        elif self._unmarked():
            event = ArmingEvent.EXECUTE_UNMARKED
        else:
            event = ArmingEvent.EXECUTE
        if not self._settles(request, row, event, now):
            return
        self._count(mdb.EXECUTED, now)
        executed = mdb.HazardExecuted(
            request_id=row.request_id, armed_by=row.source_id, executed_by=request.source_id
        )  # fmt: skip
        self._services.events.report(executed, now)
        self._verification.completed(request, now)
        self._verification.release(row.packet, now, Origin.ARMED)

    def _disarm(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.Disarm)
        row = self._row(request, body.nonce, now)
        if row is None or not self._settles(request, row, ArmingEvent.DISARM, now):
            return
        self._services.parameters.set(mdb.ARMED_NOW, self._rows.armed, now)
        self._services.events.report(mdb.HazardDropped(request_id=row.request_id, disarmed=1), now)
        self._verification.completed(request, now)

    def _row(self, request: Request, nonce: int, now: Micros) -> Row | None:
        """The arm of this number; None when the request has been refused."""
        self._expire(now)
        if request.origin is Origin.STORED:
            self._refuse(request, FailureCode.PROTECTED, mdb.OTHERWISE, now)
            return None
        row = self._rows.find(nonce)
        if row is None:
            self._refuse(request, FailureCode.UNKNOWN_ID, mdb.UNKNOWN, now)
        return row

    def _settles(self, request: Request, row: Row, event: ArmingEvent, now: Micros) -> bool:
        """Let the event happen: the request starts, or is refused by the table."""
        wrong_time = event is ArmingEvent.EXECUTE_WRONG_TIME and row.state is Arming.ARMED
        code = self._rows.happens(row, event)
        if code is None:
            self._verification.started(request, now)
            return True
        counter = mdb.WRONG_TIME if wrong_time else _COUNTED.get(code, mdb.OTHERWISE)
        self._refuse(request, code, counter, now)
        return False

    # --- counting --------------------------------------------------------------------------------------------------

    def _refuse(self, request: Request, code: FailureCode, counter: Parameter, now: Micros) -> None:
        self._verification.refused(request, code, now)
        self._count(counter, now)

    def _count(self, counter: Parameter, now: Micros) -> None:
        parameters = self._services.parameters
        self._counts[counter] += 1
        parameters.set(counter, min(self._counts[counter], 0xFFFF), now)
        parameters.set(mdb.ARMED_NOW, self._rows.armed, now)
