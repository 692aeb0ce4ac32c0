"""Time by the lander's tone: what is heard of it goes to the time base, what comes of it is told and sampled.

Off nominal: a jump of the lander's is told when it is first seen (`time_disagrees`) and when time has stepped
(`time_locked` with its `step_ms`); a lost tone is told once (`time_flywheel`).
"""

from collections.abc import Mapping

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import Micros
from fsw.mdb import autonomy
from fsw.mdb import system as mdb
from fsw.mdb.autonomy import MemoryItem
from fsw.mdb.lander import LanderTime
from fsw.mdb.standard_services import TimeRate
from fsw.mdb.values import Raw
from fsw.pus.ids import TimeStatus
from fsw.services.board import Board, Tone
from fsw.services.instrument import Services
from fsw.services.process import Execution
from fsw.services.timebase import Paired, Timebase
from fsw.services.verification import Request
from fsw.system.memory_guard import MemoryGuard

_I32_MAX = 0x7FFF_FFFF
_MILLION = 1_000_000


class Timekeeper:
    """Writes the time base."""

    def __init__(self, board: Board, services: Services, time: Timebase, guard: MemoryGuard) -> None:
        self._board = board
        self._services = services
        self._time = time
        self._guard = guard
        self._disagreeing = False
        self.executions: Mapping[type[object], Execution] = {TimeRate: self._set_rate}

    def announce(self, heard: LanderTime, now: Micros) -> None:
        """A time message (0x011)."""
        at_tone_us = cuc_decode(heard.tai_at_tone)
        assert at_tone_us is not None, "the database checked the time code"
        self._time.announce(at_tone_us, int(heard.quality), now)

    def tone(self, heard: Tone, now: Micros) -> None:
        """A heartbeat of the lander's began."""
        time = self._time
        self.mend(now)
        before, was_us = time.status, time.tai_us(now)
        paired = time.tone(heard.at_us, now)
        match paired:
            case Paired.NOTHING:
                return
            case Paired.DISAGREES:
                if not self._disagreeing:
                    event = autonomy.TimeDisagrees(ahead_ms=_ms(time.ahead_us))
                    self._services.events.report(event, now)
                self._disagreeing = True
                return
            case _:
                pass
        self._disagreeing = False
        if before is not TimeStatus.LOCKED or paired is Paired.STEPPED:
            is_us = time.tai_us(now)
            assert is_us is not None, "it has just been set"
            step_ms = 0 if was_us is None or paired is Paired.USED else _ms(is_us - was_us)
            self._services.events.report(mdb.TimeLocked(step_ms=step_ms), now)

    def step(self, now: Micros) -> None:
        """Notice what has grown too old."""
        if self._time.age(now):
            self._services.events.report(mdb.TimeFlywheel(), now)

    def mend(self, now: Micros) -> None:
        """Look after the offset, which is held three times."""
        if self._time.mend():
            self._guard.tell(MemoryItem.TIME_OFFSET, 0, now)

    def sample(self, now: Micros) -> dict[int, Raw]:
        """The correlation of the two time scales, by parameter id."""
        time = self._time
        known = time.status is not TimeStatus.NEVER_SET
        age_us, error_us, drift_ppb = time.sample_age_us(now), time.error_us(now), time.drift_ppb()
        offset_us = max(0, time.offset_us)
        return {
            mdb.TIME_STATUS.pid: time.status,
            mdb.TIME_DISCARDED.pid: min(time.discarded, 0xFFFF),
            autonomy.TIME_OFFSET_S.pid: offset_us // _MILLION if known else None,
            autonomy.TIME_OFFSET_US.pid: offset_us % _MILLION if known else None,
            autonomy.TIME_DRIFT.pid: None if drift_ppb is None else max(-_I32_MAX, min(_I32_MAX, drift_ppb)),
            autonomy.TIME_SAMPLE_AGE.pid: None if age_us is None else min(age_us // 1000, 0xFFFF_FFFE),
            autonomy.TIME_ERROR.pid: None if error_us is None else min(error_us, 0xFFFF_FFFE),
            autonomy.TIME_STEPS.pid: min(time.steps, 0xFFFF),
            autonomy.TIME_DISAGREED.pid: min(time.disagreed, 0xFFFF),
        }

    def _set_rate(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, TimeRate)
        self._services.verification.started(request, now)
        self._board.time_exponent = body.exponent
        self._services.verification.completed(request, now)


def _ms(us: int) -> int:
    """Whole milliseconds, towards zero, as an i32."""
    ms = us // 1000 if us >= 0 else -(-us // 1000)
    return max(-_I32_MAX, min(_I32_MAX, ms))
