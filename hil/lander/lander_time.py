"""What the lander believes the time is, and what becomes of the messages that say so.

The tone is a moment on the line; what is announced for it may be wrong by a step, a drift and a jitter, may come too
late or not at all. A payload sees the difference of the two only, so the error is put into the message.
"""

from collections import deque
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import lander as packets
from hil.lander import lander_bodies
from hil.lander.lander_profile import TimeService
from hil.seed import E9, Dice

CUCS_MAX: Final = 16
LATE_MAX: Final = 16
"""Late messages that wait at once."""


class LanderTime:
    """The lander's TAI, and the time message for a tone. What is public may be changed while it runs."""

    def __init__(
        self, service: TimeService, tai_minus_utc_s: int, tai_at_zero_us: int, now: Micros, dice: Dice
    ) -> None:
        self.quality = service.quality
        self.tai_minus_utc_s = tai_minus_utc_s
        self.leap = 0
        self.jitter_us = service.jitter_us
        self.loss_permille = service.loss_permille
        self.late_us = 0
        self.lost = 0
        self.offset_us = 0
        """By which steps and drift so far have moved this clock."""
        self._drift_ppb = service.drift_ppb
        self._since_us = now
        self._tai_at_zero_us = tai_at_zero_us
        self._dice = dice
        self._cucs: dict[int, bytes] = {}  # of contacts and notices, said again and again
        self._late: deque[tuple[Micros, bytes]] = deque()

    @property
    def drift_ppb(self) -> int:
        """How much too fast the clock runs, parts of 10^9."""
        return self._drift_ppb

    def set_drift(self, ppb: int, now: Micros) -> None:
        """From now on the clock runs so much too fast; what it has gained it keeps."""
        self.offset_us = self._offset(now)
        self._since_us, self._drift_ppb = now, ppb

    def step(self, us: int) -> None:
        """The clock jumps."""
        self.offset_us += us

    def _offset(self, at_us: int) -> int:
        return self.offset_us + (at_us - self._since_us) * self._drift_ppb // E9 if self._drift_ppb else self.offset_us

    def tai(self, at_us: int) -> int:
        """What this clock shows, or will show, at a time of the bench's clock; microseconds of TAI."""
        return self._tai_at_zero_us + at_us + self._offset(at_us)

    def cuc(self, at_us: int) -> bytes:
        """The same as CUC; a time that the code cannot hold is the nearest that it can."""
        tai_us = self.tai(at_us)
        found = self._cucs.get(tai_us)
        if found is None:
            if len(self._cucs) >= CUCS_MAX:
                self._cucs.clear()
            found = self._cucs[tai_us] = lander_bodies.cuc(tai_us)
        return found

    def message(self, tone_us: Micros) -> packets.LanderTime | None:
        """What is said of the tone at that time; None when the message gets lost."""
        if self.loss_permille and self._dice.chance(self.loss_permille * (E9 // 1000)):
            self.lost += 1
            return None
        tai_us = self.tai(tone_us)
        if self.jitter_us:
            # Three even throws of variance j^2/3 each: their sum has j for its root mean square.
            tai_us += sum(self._dice.whole(-self.jitter_us, self.jitter_us) for _ in range(3))
        quality = packets.TimeQuality(self.quality)
        return packets.LanderTime(lander_bodies.cuc(tai_us), self.tai_minus_utc_s, quality, self.leap)

    # A late message is one that leaves `late_us` after its time, as a packet like any other.

    def keep(self, packet: bytes, leaves_us: Micros) -> None:
        """Keep a message until it leaves; the oldest of too many is lost."""
        self._late.append((leaves_us, packet))
        if len(self._late) > LATE_MAX:
            self._late.popleft()
            self.lost += 1

    def next_due(self) -> Micros:
        """When a late message leaves."""
        return self._late[0][0] if self._late else NEVER

    def take_late(self, now: Micros) -> list[bytes]:
        """Messages whose time to leave has come."""
        taken = []
        while self._late and self._late[0][0] <= now:
            taken.append(self._late.popleft()[1])
        return taken

    def forget(self) -> None:
        """Power is gone: nobody waits for what is late."""
        self._late.clear()
