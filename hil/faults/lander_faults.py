"""Faults of the lander as orders to it: what it can be told to do wrong, and how that is taken back.

What several faults hold (the power, the phase, how late the time is) is what all of them together want, and comes back
when the last one ends. A lander that has rebooted stays in phase safe, as landers do, until somebody orders otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.kernel.clock import Micros
from hil.lander import lander_orders
from hil.lander.lander import OPS, Lander
from hil.lander.lander_orders import Order
from hil.lander.lander_profile import PHASES
from hil.written.fault import Fault

_SECOND: Final = 1_000_000
_CUTS: Final = ("power_cut", "power_off", "over_current", "night")
_PHASES: Final = ("descent", "phase_skip")
_HELD: Final = ("time_late", "time_missing", "heartbeat_jitter", "degraded_downlink")
"""Kinds whose orders are worked out anew from all that are active."""


def _order(verb: str, **values: int | str) -> Order:
    return Order(verb, values)


def _ops(verb: str, **values: int | str) -> Order:
    return _order(verb, circuit="ops", **values)


def _seconds(fault: Fault) -> int:
    return -(-fault.for_us // _SECOND)


def _pulse_ms(fault: Fault) -> int:
    """The pulse is over when the fault is: what still flowed at the reset would trip the circuit again."""
    return max(1, min(fault.values["pulse_ms"], fault.for_us // 1_000))


_BEGINS: Final[Mapping[str, Callable[[Fault], Order]]] = {
    "power_cut": lambda fault: _ops("cut"),
    "night": lambda fault: _ops("cut"),
    "power_off": lambda fault: _ops("notice", action="off", seconds=fault.values["seconds"], reason="planned"),
    "over_current": lambda fault: _ops("load", permille=fault.values["permille"], ms=_pulse_ms(fault)),
    "time_step": lambda fault: _order("time", step_ms=fault.values["step_ms"]),
    "lander_silence": lambda fault: _order("silence", seconds=_seconds(fault)),
    "lander_reboot": lambda fault: _order("reboot", seconds=_seconds(fault)),
    "descent": lambda fault: _order("mode", phase="descent", quiet=fault.values["quiet"]),
    "phase_skip": lambda fault: _order("mode", phase=PHASES[fault.values["phase"]]),
}
LANDER_KINDS: Final = frozenset(_BEGINS) | frozenset(_HELD)
"""Kinds that are the lander's to do."""


class LanderFaults:
    """The lander's faults at work."""

    def __init__(self, lander: Lander) -> None:
        self._lander = lander
        self._active: list[Fault] = []
        self._was_on = False
        self._phase = (lander.phase, lander.quiet)

    def begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault; why not, or empty."""
        lander, powered = self._lander, self._lander.switches[OPS].powered
        if fault.kind in _CUTS:
            if not powered and not self._of(*_CUTS):
                return "the payload has no power anyway"
            self._was_on = self._was_on or powered
        if fault.kind in _PHASES and not self._of(*_PHASES):
            self._phase = (lander.phase, lander.quiet)
        self._active.append(fault)
        if fault.kind in _HELD:
            self._hold(now)
        else:
            self._obey(_BEGINS[fault.kind](fault), now)
        return ""

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""
        self._active.remove(fault)
        match fault.kind:
            case kind if kind in _HELD:
                self._hold(now)
            case kind if kind in _CUTS:
                self._give_power_back(fault, now)
            case kind if kind in _PHASES and not self._of(*_PHASES):
                phase, quiet = self._phase
                self._obey(_order("mode", phase=PHASES[phase], quiet=quiet), now)
            case "time_step":
                self._obey(_order("time", step_ms=-fault.values["step_ms"]), now)
            case "lander_silence" if not self._of("lander_silence"):
                self._obey(_order("silence", seconds=0), now)
            case _:
                pass  # a reboot is over by itself

    def _of(self, *kinds: str) -> list[Fault]:
        return [fault for fault in self._active if fault.kind in kinds]

    def _most(self, kind: str, key: str, usual: int) -> int:
        return max((fault.values[key] for fault in self._of(kind)), default=usual)

    def _hold(self, now: Micros) -> None:
        """Order what all active faults together want."""
        profile = self._lander.profile
        loss = 1_000 if self._of("time_missing") else profile.time.loss_permille
        self._obey(_order("time", loss_permille=loss, late_ms=self._most("time_late", "delay_ms", 0)), now)
        jitter = self._most("heartbeat_jitter", "permille", profile.watch.jitter_permille)
        self._obey(_order("heartbeat", jitter_permille=jitter), now)
        rates = [fault.values["permille"] for fault in self._of("degraded_downlink")]
        self._obey(_order("link", permille=min(rates, default=1_000)), now)

    def _give_power_back(self, fault: Fault, now: Micros) -> None:
        if fault.kind == "over_current":
            self._obey(_ops("reset_trip"), now)
        if self._was_on and not self._of(*_CUTS):
            self._was_on = False
            self._obey(_ops("on"), now)

    def _obey(self, order: Order, now: Micros) -> None:
        lander_orders.obey(self._lander, order, now)
