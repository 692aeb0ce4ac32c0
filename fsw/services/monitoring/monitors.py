"""One monitor of ST[12]: what it holds, how it judges a value, when a judgement becomes a finding.

Off nominal: a reading that is absent, or no number, is INVALID at once; so is every reading while the monitor's
condition does not hold. A parameter that nobody writes is STALE at once. Neither waits for the repetition.
"""

from collections import deque
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database
from fsw.mdb.model import F32, declaration_of
from fsw.mdb.monitoring import ALARMS, CheckStatus, CheckType, MonitorAlarm, Transition, Watch
from fsw.mdb.values import Raw
from fsw.pus.ids import FailureCode

INTERVAL_UNIT_US: Final = 100_000
_ROW_VERSION: Final = 1
_ROW_HEAD_OCTETS: Final = 2
ALARM_OF: Final[Mapping[int, Callable[..., object] | None]] = {0: None} | {
    declaration_of(alarm).number: alarm for alarm in (MonitorAlarm, *ALARMS)
}
"""The events that a monitor may raise, by id; 0 is none."""
WRONG: Final = frozenset((CheckStatus.BELOW, CheckStatus.ABOVE, CheckStatus.STALE))
_AT_ONCE: Final = (CheckStatus.INVALID, CheckStatus.STALE)


class Monitor:
    """A monitor. `last` is its last transition; `enabled` may change while it waits for its turn to check."""

    __slots__ = (
        "_conditional",
        "_count",
        "_history",
        "_judge",
        "_pending",
        "_stale_us",
        "enabled",
        "last",
        "status",
        "watch",
    )

    def __init__(self, watch: Watch, *, enabled: bool) -> None:
        self.watch = watch
        self.enabled = enabled
        self._stale_us = watch.stale_intervals * watch.interval * INTERVAL_UNIT_US
        self._conditional = bool(watch.validity_parameter or self._stale_us)
        self._history: deque[float] = deque(maxlen=watch.values + 1)
        self._judge = {
            CheckType.LIMIT: self._limit, CheckType.EXPECTED: self._expected, CheckType.DELTA: self._delta,
        }[watch.check]  # fmt: skip
        self.forget()

    def forget(self) -> None:
        """Know nothing of the value any more."""
        self.status = CheckStatus.UNCHECKED
        self.last: Transition | None = None
        self._pending = CheckStatus.UNCHECKED
        self._count = 0
        self._history.clear()

    def check(self, values: Mapping[int, Raw], written: Mapping[int, Micros], now: Micros) -> bool:
        """Judge the value as it stands; whether that makes it another status."""
        raw = values[self.watch.parameter]
        if self._conditional and (held := self._held(values, written, now)) is not None:
            judged = held
            self._history.clear()
        elif raw is None or not isfinite(raw):
            judged = CheckStatus.INVALID
            self._history.clear()
        else:
            judged = self._judge(raw)
        if judged is self.status:
            self._count = 0
            return False
        if judged not in _AT_ONCE:
            self._count = self._count + 1 if judged is self._pending else 1
            self._pending = judged
            if self._count < self.watch.repetition:
                return False
        self._count = 0
        self.status = judged
        return True

    def _held(self, values: Mapping[int, Raw], written: Mapping[int, Micros], now: Micros) -> CheckStatus | None:
        """Why the value is not judged at all; None when it is."""
        watch = self.watch
        if watch.validity_parameter:
            raw = values[watch.validity_parameter]
            if raw is None or int(raw) & watch.validity_mask != watch.validity_expected:
                return CheckStatus.INVALID
        if self._stale_us and now - written.get(watch.parameter, 0) > self._stale_us:
            return CheckStatus.STALE
        return None

    def _limit(self, raw: float) -> CheckStatus:
        if raw < self.watch.low:
            return CheckStatus.BELOW
        return CheckStatus.ABOVE if raw > self.watch.high else CheckStatus.WITHIN

    def _expected(self, raw: float) -> CheckStatus:
        return CheckStatus.WITHIN if int(raw) & self.watch.mask == self.watch.expected else CheckStatus.BELOW

    def _delta(self, raw: float) -> CheckStatus:
        """By the mean of the last changes; until there are enough of them nothing is found."""
        history = self._history
        history.append(raw)
        values = self.watch.values
        if len(history) <= values:
            return self.status
        change = raw - history[0]
        if change < self.watch.low * values:
            return CheckStatus.BELOW
        return CheckStatus.ABOVE if change > self.watch.high * values else CheckStatus.WITHIN

    def transition(self, raw: Raw, before: CheckStatus, time: bytes) -> Transition:
        """What is told of a status that has just changed."""
        watch = self.watch
        value = 0.0 if raw is None or not isfinite(raw) else float(raw)
        limit = 0.0
        status = self.status if self.status in WRONG else before
        if watch.check is CheckType.EXPECTED:
            value, limit = float(int(value) & watch.mask), float(watch.expected)
        elif status is CheckStatus.BELOW:
            limit = watch.low
        elif status is CheckStatus.ABOVE:
            limit = watch.high
        self.last = Transition(watch.monitor, watch.parameter, watch.check, value, limit, before, self.status, time)
        return self.last

    def alarm(self, value: float) -> object | None:
        """The event that this status asks for, or None."""
        watch = self.watch
        number = {
            CheckStatus.BELOW: watch.low_event,
            CheckStatus.ABOVE: watch.high_event,
            CheckStatus.STALE: watch.stale_event,
        }.get(self.status, 0)
        alarm = ALARM_OF[number]
        return None if alarm is None else alarm(watch.monitor, watch.parameter, self.status, value)

    def row(self, *, enabled: bool) -> bytes:
        """What is kept of it: version u8, enabled u8, then `Watch` as on the wire."""
        return bytes((_ROW_VERSION, enabled)) + codec.encode(self.watch)


def problem(watch: Watch, database: Database) -> FailureCode | None:
    """Why a definition cannot be, None when it can."""
    parameter = database.parameters.get(watch.parameter)
    validity = database.parameters.get(watch.validity_parameter) if watch.validity_parameter else parameter
    if parameter is None or validity is None:
        return FailureCode.UNKNOWN_ID
    if not ALARM_OF.keys() >= {watch.low_event, watch.high_event, watch.stale_event}:
        return FailureCode.UNKNOWN_ID
    bits = [parameter] if watch.check is CheckType.EXPECTED else []
    bits += [validity] if watch.validity_parameter else []
    if watch.low > watch.high or any(each.value_type is F32 for each in bits):
        return FailureCode.OUT_OF_RANGE
    return None


def from_row(row: bytes, database: Database) -> Monitor | None:
    """The monitor that a kept row holds; None when it does not fit this database."""
    if row[:1] != bytes((_ROW_VERSION,)):
        return None
    watch = codec.decode(Watch, row[_ROW_HEAD_OCTETS:])
    if isinstance(watch, DecodeError) or problem(watch, database) is not None:
        return None
    return Monitor(watch, enabled=row[1] == 1)
