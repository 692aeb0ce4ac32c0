"""Spacecraft time: TAI by the lander's tone, kept apart from the clock that drives the timers.

A time message (0x011) says what TAI will be at the next tone; the tone is the first octet of the next heartbeat's CLTU
(contract, section 4). The difference between the two scales is all that is kept: `offset_us = TAI - clock`. It follows
the lander's by slewing, `SLEW_PPM` of the time that passes, so that time neither jumps nor goes back.

Off nominal: a message whose tone does not come within one heartbeat interval is discarded and counted. A sample that is
`STEP_US` away is not believed alone: time steps, counted and told, when as many samples in a row agree with one another
as have spoken for the present time of late, at most `AGREE`. Without samples that are used for ten intervals the time
base flywheels: status 1, and an error bound that grows.
"""

from collections import deque
from enum import Enum, unique
from typing import Final

from fsw.ccsds.time_code import TAI_US_MAX, cuc_encode
from fsw.kernel.clock import NEVER, TICK_US, Micros
from fsw.kernel.copies import agree, outvote
from fsw.pus.ids import TimeStatus

STEP_US: Final = 50_000
"""A sample further away than this is a step of the lander's time, not jitter of ours."""
AGREE: Final = 3
"""So many samples in a row that agree with one another always move time; fewer speak for it, fewer are enough."""
DRIFT_PPM: Final = 50
"""What a crystal of ours may drift: the rate at which an early sample loses its weight."""
SLEW_PPM: Final = 2_000
LOST_INTERVALS: Final = 10
WINDOW: Final = 8
"""Samples of which the best is followed."""
BASELINE_US: Final = 60_000_000
"""A drift is told when it has been watched for so long."""
BASELINE_US_MAX: Final = 7_200_000_000
_MILLION: Final = 1_000_000
assert SLEW_PPM > DRIFT_PPM, "what a crystal drifts can be followed"
assert BASELINE_US < BASELINE_US_MAX


@unique
class Paired(Enum):
    """What became of a tone."""

    NOTHING = "no time message stood before it, or too long ago"
    FIRST = "time was set"
    USED = "time follows it"
    DISAGREES = "it was too far off to be believed alone"
    STEPPED = "it was the last of those that a step needs"


class Timebase:
    """TAI for headers and reports; written by `system` alone, read by every header."""

    __slots__ = (
        "_announced",
        "_bases",
        "_candidates",
        "_interval_us",
        "_inverse",
        "_left_us",
        "_paired_us",
        "_second",
        "_since_us",
        "_tai_at_tone_us",
        "_window",
        "ahead_us",
        "disagreed",
        "discarded",
        "offset_us",
        "status",
        "steps",
    )

    def __init__(self, heartbeat_interval_us: int) -> None:
        assert heartbeat_interval_us > 0
        self._interval_us = heartbeat_interval_us
        self._announced: Micros | None = None
        self._tai_at_tone_us = 0
        self._paired_us: Micros | None = None
        self._window: deque[tuple[Micros, int]] = deque(maxlen=WINDOW)
        self._candidates: list[int] = []
        self._bases: list[tuple[Micros, int]] = []
        self._left_us = 0  # what is still to be slewed, as of _since_us
        self._since_us = Micros(0)
        self._hold(0)
        self.status = TimeStatus.NEVER_SET
        self.steps = 0
        self.discarded = 0
        self.disagreed = 0
        self.ahead_us = 0
        """By how much the lander's time was ahead of ours at the last sample that was not believed."""

    # --- reading ---------------------------------------------------------------------------------------------------

    def tai_us(self, now: Micros) -> int | None:
        """TAI in microseconds since 1958-01-01, None when it was never set."""
        return None if self.status is TimeStatus.NEVER_SET else now + self._offset(now)

    def stamp(self, now: Micros) -> bytes:
        """The CUC of a header: TAI, or time since boot while TAI was never set (the status octet says which).

        Off nominal: a lander may put us at the very end of what the code can hold; there the stamp stands still.
        """
        return cuc_encode(min(max(0, now + self._offset(now)), TAI_US_MAX))

    def drift_ppb(self) -> int | None:
        """By how much the lander's clock is faster than ours, 1e-9; None until it was watched for `BASELINE_US`."""
        if not self._bases or self._paired_us is None:
            return None
        since_us, offset_us = self._bases[0]
        watched_us = self._paired_us - since_us
        if watched_us < BASELINE_US:
            return None
        return (self.offset_us + self._left_us - offset_us) * 1_000_000_000 // watched_us

    def sample_age_us(self, now: Micros) -> int | None:
        """How long ago the last sample was that was used."""
        return None if self._paired_us is None else max(0, now - self._paired_us)

    def error_us(self, now: Micros) -> int | None:
        """How far off the time may be: a late reading, what is still to be slewed, drift since the last sample."""
        age_us = self.sample_age_us(now)
        if age_us is None:
            return None
        left_us = abs(self.offset_us + self._left_us - self._offset(now))
        return TICK_US + left_us + age_us * DRIFT_PPM // _MILLION

    def _offset(self, now: Micros) -> int:
        left_us = self._left_us
        if not left_us:
            return self.offset_us
        moved_us = max(0, now - self._since_us) * SLEW_PPM // _MILLION
        return self.offset_us + (min(left_us, moved_us) if left_us > 0 else -min(-left_us, moved_us))

    # --- the lander's time -----------------------------------------------------------------------------------------

    def announce(self, tai_at_tone_us: int, quality: int, now: Micros) -> None:
        """Take a time message; the next tone within one interval completes it. Quality 0 (invalid) is discarded."""
        if self._announced is not None or quality == 0:
            self.discarded += 1
        self._announced = now if quality != 0 else None
        self._tai_at_tone_us = tai_at_tone_us

    def tone(self, tone_us: Micros, now: Micros | None = None) -> Paired:
        """A heartbeat began at `tone_us` and was read at `now`; what came of it.

        Samples are late by up to one tick of reading, never early, so the largest recent offset is the best one, less
        what a crystal may have drifted since.
        """
        at_us = tone_us if now is None else now
        announced, self._announced = self._announced, None
        if announced is None:
            return Paired.NOTHING
        if tone_us > announced + self._interval_us:
            self.discarded += 1
            return Paired.NOTHING
        sample_us = self._tai_at_tone_us - tone_us
        if self.status is TimeStatus.NEVER_SET:
            self._set(sample_us, tone_us, at_us)
            return Paired.FIRST
        off_us = sample_us - (self.offset_us + self._left_us)
        if abs(off_us) > STEP_US:
            return self._disbelieve(sample_us, off_us, tone_us, at_us)
        self._candidates.clear()
        self._window.append((tone_us, sample_us))
        best_us = max(offset - (tone_us - at) * DRIFT_PPM // _MILLION for at, offset in self._window)
        in_force_us = self._offset(at_us)
        self._hold(in_force_us)
        self._left_us, self._since_us = best_us - in_force_us, at_us
        self._used(tone_us)
        return Paired.USED

    def _disbelieve(self, sample_us: int, off_us: int, tone_us: Micros, at_us: Micros) -> Paired:
        if self._candidates and abs(sample_us - self._candidates[-1]) > STEP_US:
            self._candidates.clear()
        self._candidates.append(sample_us)
        self.ahead_us = off_us
        since_us = tone_us - LOST_INTERVALS * self._interval_us
        for_it = sum(at >= since_us for at, _ in self._window)
        if len(self._candidates) < min(AGREE, for_it):
            self.disagreed += 1
            return Paired.DISAGREES
        self.steps += 1
        self._set(max(self._candidates), tone_us, at_us)
        return Paired.STEPPED

    def _set(self, offset_us: int, tone_us: Micros, at_us: Micros) -> None:
        """Put time where the lander's is, without slewing."""
        self._hold(offset_us)
        self._left_us, self._since_us = 0, at_us
        self._candidates.clear()
        self._window.clear()
        self._window.append((tone_us, offset_us))
        self._bases = []
        self._used(tone_us)

    def _used(self, tone_us: Micros) -> None:
        self._paired_us = tone_us
        self.status = TimeStatus.LOCKED
        if not self._bases or tone_us - self._bases[-1][0] > BASELINE_US_MAX // 2:
            self._bases = [*self._bases[-1:], (tone_us, self.offset_us + self._left_us)]

    # --- age and damage --------------------------------------------------------------------------------------------

    def next_age(self) -> Micros:
        """When `age` next has something to drop or to tell, if nothing is heard until then."""
        due = NEVER if self._announced is None else self._announced + self._interval_us + 1
        if self._paired_us is not None and self.status is TimeStatus.LOCKED:
            due = min(due, self._paired_us + LOST_INTERVALS * self._interval_us + 1)
        return Micros(due)

    def age(self, now: Micros) -> bool:
        """Drop what grew too old; True when the time base has just begun to flywheel."""
        if self._announced is not None and now > self._announced + self._interval_us:
            self._announced = None
            self.discarded += 1
        lost = self._paired_us is not None and now > self._paired_us + LOST_INTERVALS * self._interval_us
        if lost and self.status is TimeStatus.LOCKED:
            self.status = TimeStatus.FLYWHEEL
            return True
        return False

    def _hold(self, offset_us: int) -> None:
        """The offset, three times: what two of them say is right."""
        self.offset_us = self._second = offset_us
        self._inverse = ~offset_us

    def mend(self) -> bool:
        """Put a flipped bit of the offset right; True when there was one."""
        if agree(self.offset_us, self._second, self._inverse):
            return False
        self._hold(outvote(self.offset_us, self._second, self._inverse))
        return True
