"""The command-loss timer: so long without a telecommand, and the board goes to SAFE by itself.

It starts with the first telecommand accepted in a life: before that nobody has asked for anything that SAFE would have
to stop, and a payload that waits in cruise for its first session is not lost. Each telecommand starts it anew; after it
has run out the next one does. Time in which the lander has announced that the ground is out of sight (0x015: before
AOS, after LOS) does not count.

Where the contact plan is known (0x015 again), one whole pass without a telecommand is enough: the limit in force is the
one that was set, or the length of the pass when that is shorter, at least `PASS_US_MIN`.

Off nominal: without a time of its own the board cannot tell a blackout, and counts; an announcement without times, or
of a blackout longer than `BLACKOUT_US`, is none, so that no lander can stop the timer for good.
"""

from enum import Enum, unique
from typing import Final

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import Micros
from fsw.mdb.lander import LanderLink

MINUTE_US: Final = 60_000_000
NEAR_US: Final = 5 * MINUTE_US
"""So long before the end it is told; for limits under ten minutes, at half the time."""
PASS_US_MIN: Final = 5 * MINUTE_US
"""A shorter pass than the shortest limit shortens it no further."""
BLACKOUT_US: Final = 15 * 86_400_000_000
"""The longest blackout there is: a lunar night."""


@unique
class Alarm(Enum):
    """What the timer has to say, each once for a telecommand."""

    NEAR = "the end is near"
    OVER = "the time is over"


class CommandLoss:
    """Counts time without a telecommand. `left_us`: what is left of it; None while it does not run."""

    __slots__ = ("_aos_us", "_at", "_heard", "_held", "_los_us", "_spent_us", "_told", "left_us")

    def __init__(self) -> None:
        self.left_us: int | None = None
        self._heard: Micros | None = None
        self._at = Micros(0)
        self._spent_us = 0
        self._held = False
        self._told: Alarm | None = None
        self._aos_us = self._los_us = 0

    def announce(self, link: LanderLink) -> None:
        """Take what the lander says of its link to the ground."""
        aos_us, los_us = cuc_decode(link.aos), cuc_decode(link.los)
        assert aos_us is not None, "the database checked the time code"
        assert los_us is not None, "the database checked the time code"
        self._aos_us, self._los_us = aos_us, los_us

    def limit(self, set_us: int) -> int:
        """The limit in force, where `set_us` was set."""
        pass_us = self._los_us - self._aos_us
        return set_us if pass_us <= 0 else min(set_us, max(pass_us, PASS_US_MIN))

    def step(self, now: Micros, heard: Micros | None, limit_us: int, tai_us: int | None) -> Alarm | None:
        """Count on to `now`; `heard`: when the last telecommand was accepted, `tai_us`: the time, both None for never.

        Time since the step before counts as the blackout stood then; so call it once a second.
        """
        if heard is None:
            return None
        if heard != self._heard:
            self._heard = self._at = heard
            self._spent_us = 0
            self._held = False
            self._told = None
        if not self._held:
            self._spent_us += now - self._at
        self._at = now
        self._held = self._blackout(tai_us)
        left_us = limit_us - self._spent_us
        self.left_us = None if self._told is Alarm.OVER else max(0, left_us)
        if self._told is Alarm.OVER:
            return None
        if left_us <= 0:
            self._told = Alarm.OVER
            self.left_us = None
            return Alarm.OVER
        if self._told is None and left_us <= min(NEAR_US, limit_us // 2):
            self._told = Alarm.NEAR
            return Alarm.NEAR
        return None

    def _blackout(self, tai_us: int | None) -> bool:
        """Whether the lander has announced that the ground is out of sight now."""
        if tai_us is None or not (self._aos_us or self._los_us):
            return False
        return 0 < self._aos_us - tai_us <= BLACKOUT_US or 0 <= tai_us - self._los_us < BLACKOUT_US
