"""Spacecraft time: TAI by the lander's tone, kept apart from the clock that drives the timers.

A time message (0x011) says what TAI will be at the next tone; the tone is the first octet of the next heartbeat's CLTU
(contract, section 4). The difference between the two scales is all that is kept: `offset_us = TAI - clock`.
Off nominal: a message whose tone does not come within one heartbeat interval is discarded and counted; without tones
for ten intervals the time base flywheels; a sample that differs by more than `STEP_US` is a step, counted and told.
"""

from typing import Final

from fsw.ccsds.time_code import TAI_US_MAX, cuc_encode
from fsw.kernel.clock import NEVER, Micros
from fsw.pus.ids import TimeStatus

STEP_US: Final = 50_000
"""A sample further away than this is a step of the lander's time, not jitter of ours."""
DRIFT_PPM: Final = 50
"""What a crystal of ours may drift: the rate at which an early sample loses its weight."""
LOST_INTERVALS: Final = 10


class Timebase:
    """TAI for headers and reports; written by `system` alone, read by every header."""

    __slots__ = (
        "_announced",
        "_interval_us",
        "_paired_us",
        "_tai_at_tone_us",
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
        self.offset_us = 0
        self.status = TimeStatus.NEVER_SET
        self.steps = 0
        self.discarded = 0

    def tai_us(self, now: Micros) -> int | None:
        """TAI in microseconds since 1958-01-01, None when it was never set."""
        return None if self.status is TimeStatus.NEVER_SET else now + self.offset_us

    def stamp(self, now: Micros) -> bytes:
        """The CUC of a header: TAI, or time since boot while TAI was never set (the status octet says which).

        Off nominal: a lander may put us at the very end of what the code can hold; there the stamp stands still.
        """
        return cuc_encode(min(max(0, now + self.offset_us), TAI_US_MAX))

    def announce(self, tai_at_tone_us: int, quality: int, now: Micros) -> None:
        """Take a time message; the next tone within one interval completes it. Quality 0 (invalid) is discarded."""
        if self._announced is not None or quality == 0:
            self.discarded += 1
        self._announced = now if quality != 0 else None
        self._tai_at_tone_us = tai_at_tone_us

    def tone(self, tone_us: Micros) -> bool:
        """A heartbeat began at `tone_us`; True when that completed a time message.

        Samples are late by up to one tick of reading, never early, so the largest recent offset is the best one:
        each new sample wins, or the old one decays by the drift that a crystal may have.
        """
        announced, self._announced = self._announced, None
        if announced is None:
            return False
        if tone_us > announced + self._interval_us:
            self.discarded += 1
            return False
        sample_us = self._tai_at_tone_us - tone_us
        if self.status is TimeStatus.NEVER_SET or self._paired_us is None:
            self.offset_us = sample_us
        elif abs(sample_us - self.offset_us) > STEP_US:
            self.steps += 1
            self.offset_us = sample_us
        else:
            decay_us = (tone_us - self._paired_us) * DRIFT_PPM // 1_000_000
            self.offset_us = max(self.offset_us - decay_us, sample_us)
        self._paired_us = tone_us
        self.status = TimeStatus.LOCKED
        return True

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
