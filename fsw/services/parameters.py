"""Live values of parameters, their limits, and ST[20]: report and set them.

A value set by the ground is committed to the store before the request completes (architecture, durability). A guarded
one is kept with its complement behind it; one that its complement contradicts gives way to its initial value.
Off nominal: an unknown id, a read-only parameter or a value out of range refuses the request whole; a store that does
not answer in time fails it with 0x1A, which means "outcome unknown, read it back".
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.database import Database
from fsw.mdb.model import Parameter
from fsw.mdb.standard_services import ReportParameters, SetParameters
from fsw.mdb.system import LimitBack, LimitCrossed, LimitState, ParameterCorrupted
from fsw.mdb.values import ParameterValue, Raw, decode_value, encode_value, write_failure
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.events import Events
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification

Commit = Callable[[Mapping[int, bytes], Micros], int | None]
_CROSSED = (LimitState.LOW, LimitState.HIGH)


class Parameters:
    """The pool that every task writes its own parameters into and housekeeping reads."""

    def __init__(
        self,
        database: Database,
        telemetry: TelemetryService,
        verification: Verification,
        events: Events,
        commit: Commit,
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._verification = verification
        self._events = events
        self._commit = commit
        self._limited = {
            pid: LimitState.UNCHECKED
            for pid, parameter in database.parameters.items()
            if parameter.limit_low is not None or parameter.limit_high is not None
        }
        self._pending: dict[int, _Commit] = {}
        self.values: dict[int, Raw] = {
            pid: None if parameter.absent is not None else parameter.initial
            for pid, parameter in database.parameters.items()
        }
        self._complements = {
            pid: _complement(parameter, parameter.initial)
            for pid, parameter in database.parameters.items()
            if parameter.guarded
        }
        self._copies: dict[int, tuple[Raw, Raw]] = {
            pid: (self.values[pid], _inverse(self.values[pid]))
            for pid, parameter in database.parameters.items()
            if parameter.writable and not parameter.guarded
        }
        """Those that stay as they are for long are held three times; the third with every bit the other way round."""
        self._mended: list[int] = []
        self.written: dict[int, Micros] = {}
        """When each was last written in this life, by parameter id; nothing stands for one that never was."""
        self.crossed = 0
        """How many parameters are outside their limits now."""
        self.executions: Mapping[type[object], Execution] = {ReportParameters: self._report, SetParameters: self._set}

    def set(self, parameter: Parameter, raw: Raw, now: Micros) -> None:
        """Write a value, None for absent, and report when it leaves its limits or comes back."""
        self.values[parameter.pid] = raw
        self.written[parameter.pid] = now
        if parameter.pid in self._copies:
            self._copies[parameter.pid] = (raw, _inverse(raw))
        if parameter.pid in self._limited:
            self._check(parameter.pid, raw, now)

    def set_all(self, values: Mapping[int, Raw], now: Micros) -> None:
        """Write many values by parameter id at once, with the same limit checks."""
        self.values.update(values)
        self.written.update(dict.fromkeys(values, now))
        assert self._copies.keys().isdisjoint(values), "who writes many writes what is measured"
        for pid in self._limited:
            if pid in values:
                self._check(pid, values[pid], now)

    def _check(self, pid: int, raw: Raw, now: Micros) -> None:
        before, state = self._limited[pid], self._database.limits(pid, raw)
        if state is before:
            return
        self._limited[pid] = state
        value = max(-0x8000_0000, min(0x7FFF_FFFF, int(raw))) if raw is not None else 0
        if state in _CROSSED:
            self._events.report(LimitCrossed(parameter=pid, state=state, value=value), now)
        elif before in _CROSSED:
            self._events.report(LimitBack(parameter=pid, value=value), now)
        self.crossed += (state in _CROSSED) - (before in _CROSSED)

    def restore(self, committed: Mapping[int, bytes], now: Micros) -> None:
        """Take over what the store kept; what no longer fits its declaration keeps its initial value."""
        for pid, octets in committed.items():
            parameter = self._database.parameters.get(pid)
            if parameter is None:
                continue
            if parameter.guarded and not _agrees(octets):
                self._events.report(ParameterCorrupted(parameter=pid), now)
                continue
            raw = decode_value(parameter, octets[: len(octets) // 2] if parameter.guarded else octets)
            if not isinstance(raw, DecodeError) and write_failure(parameter, raw) is None:
                self._keep(parameter, raw, now)

    def guarded(self, parameter: Parameter, now: Micros) -> int:
        """The value of a guarded parameter; a bit of it, or of its complement, that has flipped is told and mended."""
        raw = self.values[parameter.pid]
        if raw is None or _complement(parameter, raw) != self._complements[parameter.pid]:
            self._events.report(ParameterCorrupted(parameter=parameter.pid), now)
            self._mended.append(parameter.pid)
            raw = parameter.initial
            self._keep(parameter, raw, now)
        return int(raw)

    def _keep(self, parameter: Parameter, raw: Raw, now: Micros) -> None:
        self.set(parameter, raw, now)
        if parameter.guarded:
            assert raw is not None, "a writable value is there"
            self._complements[parameter.pid] = _complement(parameter, raw)

    def mend(self) -> list[int]:
        """Look after what the ground sets: ids of the parameters with a flipped bit since last asked.

        What most copies say is in force again; a guarded one gives way to its initial value (`guarded`).
        """
        for pid, (second, inverse) in self._copies.items():
            raw = self.values[pid]
            if raw != second or inverse != _inverse(second):
                raw = self.values[pid] = second if inverse == _inverse(second) else raw
                self._copies[pid] = (raw, _inverse(raw))
                self._mended.append(pid)
        mended, self._mended = self._mended, []
        return mended

    def committed(self, request_id: int, now: Micros) -> None:
        """The store kept what a (20,3) or (20,131) asked for."""
        found = self._pending.pop(request_id, None)
        if found is not None:
            for value in found.values:
                self._keep(value.parameter, value.raw, now)
            self._verification.completed(found.request, now)
            found.then(True)

    def uncommitted(self, request_id: int, now: Micros, *, refused: bool) -> None:
        """The store did not keep it, or nobody knows."""
        found = self._pending.pop(request_id, None)
        if found is not None:
            code = FailureCode.INTERNAL if refused else FailureCode.TIMEOUT
            self._verification.failed(found.request, code, now)
            found.then(False)

    def _report(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ReportParameters)
        known = self._database.parameters
        code = None if all(pid in known for pid in body.parameters) else FailureCode.UNKNOWN_ID
        if self._verification.settle(request, code, now):
            values = ((known[pid], self.values[pid]) for pid in body.parameters)
            report = self._database.encode_values(values)
            self._telemetry.emit(APID_SYSTEM, Service.PARAMETERS, 2, report, now, destination=request.source_id)
            self._verification.completed(request, now)

    def _set(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, SetParameters)
        values = self.readable(codec.encode(body))
        if isinstance(values, FailureCode):
            self._verification.refused(request, values, now)
        else:
            self._verification.started(request, now)
            self.commit(request, values, now)

    def readable(self, octets: bytes) -> tuple[ParameterValue, ...] | FailureCode:
        """The values of a list (count u8, then id u16 and value each), or the failure of the first that is wrong."""
        values = self._database.decode_values(octets)
        if isinstance(values, DecodeError):
            return FailureCode.UNKNOWN_ID if values.reason is DecodeReason.UNKNOWN_ID else FailureCode.DATA
        codes = (write_failure(value.parameter, value.raw) for value in values)
        return next((found for found in codes if found is not None), values)

    def commit(
        self,
        request: Request,
        values: tuple[ParameterValue, ...],
        now: Micros,
        then: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """The rest of a request that has started: in force, all of them, when the store has them; `then` is told."""
        octets = {value.parameter.pid: _kept(value) for value in values}
        store_id = self._commit(octets, now)
        if store_id is None:
            self._verification.failed(request, FailureCode.BUSY, now)
            then(False)
        else:
            self._pending[store_id] = _Commit(request, values, then)


class _Commit(NamedTuple):
    """Values on their way to the disk."""

    request: Request
    values: tuple[ParameterValue, ...]
    then: Callable[[bool], None]


def _inverse(raw: Raw) -> Raw:
    """A number made of the opposite bits; none stays none."""
    if raw is None:
        return None
    return ~int(raw) if raw == int(raw) else -raw


def _complement(parameter: Parameter, raw: float) -> int:
    """All bits of a raw value the other way round; -1, which is none's, for what is no unsigned value of its type."""
    if not isinstance(raw, int) or not 0 <= raw <= parameter.value_type.high:
        return -1
    return raw ^ int(parameter.value_type.high)


def _agrees(octets: bytes) -> bool:
    """Whether the second half of what the store kept is the complement of the first."""
    half = len(octets) // 2
    return octets[half:] == bytes(octet ^ 0xFF for octet in octets[:half])


def _kept(value: ParameterValue) -> bytes:
    """What the store keeps of a value."""
    octets = encode_value(value.parameter, value.raw)
    return octets + bytes(octet ^ 0xFF for octet in octets) if value.parameter.guarded else octets
