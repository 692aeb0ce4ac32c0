"""What the payload asks of the lander (0x117), granted or refused as the profile says; both are told.

A longer notice that is refused is answered with the notice again and the seconds that are left: the cut comes in time.
"""

from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb.lander import RequestKind
from fsw.mdb.power import Circuit, NoticeAction, NoticeReason
from hil.lander.lander_power import Happen, LanderPower
from hil.lander.lander_profile import LanderProfile

OPS: Final = Circuit.OPS
HEATER: Final = Circuit.HEATER


class RequestDesk:
    """Answers requests; `policy` may be changed while it runs."""

    def __init__(self, profile: LanderProfile, power: LanderPower, happen: Happen) -> None:
        self.policy = profile.requests
        self._urgent_s = profile.notices.urgent_s
        self._power = power
        self._happen = happen

    def answer(self, kind: RequestKind, value: int, now: Micros) -> None:
        """The payload asks for something."""
        self._happen("request", now, kind=kind.name.lower(), value=value)
        granted = self._grant(kind, value, now)
        self._happen("request_answered", now, kind=kind.name.lower(), value=value, granted=int(granted))

    def _grant(self, kind: RequestKind, value: int, now: Micros) -> bool:
        match kind:
            case RequestKind.POWER:
                granted = self.policy.power and value <= self.policy.power_max_mw
                if granted:
                    self._power.allow(OPS, value, now)
                return granted
            case RequestKind.HEATER:
                if self.policy.heater and value:
                    self._power.switch_on(HEATER, now, "request")
                elif self.policy.heater:
                    self._power.cut(HEATER, now, "request")
                return self.policy.heater and self._power.switches[HEATER].powered == bool(value)
            case RequestKind.TIME:
                return True  # said with every heartbeat
            case RequestKind.CYCLE_ME:
                if self.policy.cycle:
                    self._power.notice(OPS, NoticeAction.CYCLE, now, self._urgent_s, NoticeReason.PLANNED, 0)
                return self.policy.cycle
            case RequestKind.LONGER_NOTICE:
                return self._extend(value, now)

    def _extend(self, more_s: int, now: Micros) -> bool:
        """A longer notice, or the refusal."""
        switch = self._power.switches[OPS]
        planned = switch.announced
        if planned is None or planned.action not in (NoticeAction.OFF, NoticeAction.CYCLE) or not switch.powered:
            return False
        left_s = max(0, (planned.at_us - now) // 1_000_000)
        granted = self.policy.longer_notice and left_s + more_s <= self.policy.notice_max_s
        if granted:
            self._power.notice(OPS, planned.action, now, left_s + more_s, NoticeReason.PLANNED, planned.limit_mw)
        else:
            self._power.say_notice(OPS, planned.action, left_s, NoticeReason.PLANNED, planned.limit_mw)
        return granted
