"""ST[20] beyond report and set: parameter definitions (6, 7), and values laid aside, validated, then committed.

A set of parameters that belong together is staged in as many requests as it takes (128), validated as a whole (129,
answered by 130 with its CRC-16), and committed by that checksum (131): in force all at once, when the store has
them all in one transaction. Discarded by 132, and by a reset.
Off nominal: an unknown id, a read-only parameter or a value out of range refuses a request whole, and what was laid
aside stays as it was; a commit with another checksum than the validated one is refused with 0x15, one that is not
validated with 0x14; a commit that the store does not confirm leaves all laid aside, to be tried again.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from fsw.ccsds.crc import crc16
from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.database import Database
from fsw.mdb.fields import F32, I8, I16, I32, U8, U16, U32
from fsw.mdb.model import Parameter
from fsw.mdb.standard_services import (
    PARAMETERS_MAX,
    CommitStaged,
    DescribeParameters,
    DiscardStaged,
    ParameterDefinition,
    ParameterDefinitions,
    StagedReport,
    StageParameters,
    ValidateStaged,
    ValueKind,
)
from fsw.mdb.values import ParameterValue
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification


@unique
class Staged(Enum):
    """States of what is laid aside."""

    EMPTY = "nothing is laid aside"
    LOADED = "values, not validated as they stand"
    VALIDATED = "values, and the ground has their checksum"
    COMMITTING = "on the way to the disk"


@unique
class Act(Enum):
    """What happens to it."""

    STAGE = "128"
    VALIDATE = "129"
    COMMIT = "131"
    DISCARD = "132"
    KEPT = "the store has it"
    UNKEPT = "the store has not, or nobody knows"


_EMPTY, _LOADED, _VALIDATED, _COMMITTING = Staged
# fmt: off
TABLE: Final[Mapping[Act, Mapping[Staged, Staged | None]]] = {
    # None: refused
    Act.STAGE:    {_EMPTY: _LOADED, _LOADED: _LOADED,    _VALIDATED: _LOADED,     _COMMITTING: None},
    Act.VALIDATE: {_EMPTY: None,    _LOADED: _VALIDATED, _VALIDATED: _VALIDATED,  _COMMITTING: None},
    Act.COMMIT:   {_EMPTY: None,    _LOADED: None,       _VALIDATED: _COMMITTING, _COMMITTING: None},
    Act.DISCARD:  {_EMPTY: _EMPTY,  _LOADED: _EMPTY,     _VALIDATED: _EMPTY,      _COMMITTING: None},
    Act.KEPT:     {_EMPTY: None,    _LOADED: None,       _VALIDATED: None,        _COMMITTING: _EMPTY},
    Act.UNKEPT:   {_EMPTY: None,    _LOADED: None,       _VALIDATED: None,        _COMMITTING: _VALIDATED},
}
# fmt: on
assert set(TABLE) == set(Act)
assert all(set(row) == set(Staged) for row in TABLE.values())
_KINDS: Final = {
    U8: ValueKind.U8, U16: ValueKind.U16, U32: ValueKind.U32, I8: ValueKind.I8, I16: ValueKind.I16,
    I32: ValueKind.I32, F32: ValueKind.F32,
}  # fmt: skip


class Staging:
    """What is laid aside, and the parameters' definitions."""

    def __init__(
        self, database: Database, telemetry: TelemetryService, verification: Verification, parameters: Parameters
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._verification = verification
        self._parameters = parameters
        self.state = Staged.EMPTY
        self._values: dict[int, ParameterValue] = {}
        self.executions: Mapping[type[object], Execution] = {
            DescribeParameters: self._describe,
            StageParameters: self._stage,
            ValidateStaged: self._validate,
            CommitStaged: self._commit,
            DiscardStaged: self._discard,
        }

    def _refuses(self, act: Act) -> FailureCode | None:
        if TABLE[act][self.state] is not None:
            return None
        return FailureCode.BUSY if self.state is Staged.COMMITTING else FailureCode.WRONG_STATE

    def _enter(self, act: Act) -> None:
        after = TABLE[act][self.state]
        assert after is not None, f"{act.name} is refused while {self.state.value}"
        self.state = after
        if after is Staged.EMPTY:
            self._values = {}

    def _list(self) -> tuple[ParameterValue, ...]:
        return tuple(value for _, value in sorted(self._values.items()))

    def _checksum(self) -> int:
        """CRC-16 of the list as (20,3) would carry it, its count left out."""
        return crc16(self._database.encode_values((value.parameter, value.raw) for value in self._list())[1:])

    def _stage(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, StageParameters)
        code = self._refuses(Act.STAGE)
        values = self._parameters.readable(codec.encode(body))
        if code is None and isinstance(values, FailureCode):
            code = values
        if code is None and not isinstance(values, FailureCode):
            together = self._values | {value.parameter.pid: value for value in values}
            code = FailureCode.CAPACITY if len(together) > PARAMETERS_MAX else None
            if code is None:
                self._enter(Act.STAGE)
                self._values = together
        if self._verification.settle(request, code, now):
            self._verification.completed(request, now)

    def _validate(self, request: Request, now: Micros) -> None:
        if self._verification.settle(request, self._refuses(Act.VALIDATE), now):
            self._enter(Act.VALIDATE)
            report = StagedReport(count=len(self._values), checksum=self._checksum())
            self._answer(request, 130, report, now)

    def _commit(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, CommitStaged)
        code = self._refuses(Act.COMMIT)
        if code is None and body.checksum != self._checksum():
            code = FailureCode.PAYLOAD_CHECKSUM
        if self._verification.settle(request, code, now):
            self._enter(Act.COMMIT)
            self._parameters.commit(
                request, self._list(), now, lambda kept: self._enter(Act.KEPT if kept else Act.UNKEPT)
            )

    def _discard(self, request: Request, now: Micros) -> None:
        if self._verification.settle(request, self._refuses(Act.DISCARD), now):
            self._enter(Act.DISCARD)
            self._verification.completed(request, now)

    def _describe(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DescribeParameters)
        known = self._database.parameters
        code = None if all(pid in known for pid in body.parameters) else FailureCode.UNKNOWN_ID
        if self._verification.settle(request, code, now):
            definitions = tuple(_definition(known[pid]) for pid in body.parameters)
            self._answer(request, 7, ParameterDefinitions(definitions=definitions), now)

    def _answer(self, request: Request, subtype: int, report: object, now: Micros) -> None:
        octets = codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.PARAMETERS, subtype, octets, now, destination=request.source_id)
        self._verification.completed(request, now)


def _definition(parameter: Parameter) -> ParameterDefinition:
    return ParameterDefinition(
        parameter=parameter.pid,
        kind=_KINDS[parameter.value_type],
        writable=parameter.writable,
        guarded=parameter.guarded,
    )
