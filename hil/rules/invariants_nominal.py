"""Always-on invariant of recovery: after the last fault the system is nominal again within its stated time.

Nominal: the payload says so in its heartbeat, its store is well, its tasks run, and the ground's link is ready. A board
that was told to go safe, by the ground or by the lander, may be safe; one that must be quiet, or is about to lose its
power, may be that. A board that the plan has switched off owes nothing, nor a link while the ground is out of sight;
power that a fault has taken must be back. Every lull is judged as if it were the last: nobody knows which fault is.
"""

from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb.system import Mode, ModeReason
from fsw.pus.ids import APID_SYSTEM, LanderApid, Service
from fsw.pus.tm import HEADER_OCTETS
from hil.lander.lander import Happening
from hil.observer import Finding, Probe
from hil.rules.calm import Calm
from hil.rules.invariants_log import Log
from hil.rules.overhearing import VC_LANDER, Said
from hil.written.fault import Fault
from tools.ground.records import LinkRecord
from tools.ground.uplink_words import LinkState

HEARTBEAT_US: Final = 30_000_000
"""A heartbeat older than this says nothing of now."""
BLINK_US: Final = 10_000_000
"""The link may be set up anew at just this moment: its numbers come round, and that takes a round trip."""
_POWER_FAULTS: Final = frozenset(("power_cut", "power_off", "over_current", "brown_out", "night"))
_MODE_CHANGED: Final = b"\x00\x02"
_ORDERED: Final = frozenset(
    (
        ModeReason.COMMAND,
        ModeReason.LANDER,
        ModeReason.COMMAND_LOSS,
        ModeReason.LANDER_SILENT,
        ModeReason.MONITOR,
        ModeReason.KEPT,
        ModeReason.RESET_LOOP,
        # SAFE behind QUIET and POWER_DOWN: it was before, or has been asked for meanwhile
        ModeReason.QUIET_OVER,
        ModeReason.POWER_STAYS,
    )
)
"""Why a board may be SAFE."""
_PASSING: Final = frozenset((Mode.QUIET, Mode.POWER_DOWN))
"""Modes that the lander has asked for, and that end when it says so."""
_STORE: Final = 1
_STRUCK_OUT: Final = 2


class NominalAgain:
    """Nominal within `within_us` of the end of the last fault, or of what else began anew after it: power, a pass."""

    RULE: Final = "nominal-again"
    RECORDS: Final = (LinkRecord,)

    def __init__(self, within_us: int) -> None:
        assert within_us > 0, "recovery takes time"
        self._log = Log(self.RULE)
        self._within_us = within_us
        self._calm = Calm()
        self._owed_since: Micros | None = None
        self._powered = True
        self._planned_off = False
        self._tripped = False
        self._power_faults = 0
        self._in_pass = True
        self._mode: int | None = None
        self._health = 0
        self._heard_us = Micros(-1)
        self._ordered_safe = False
        self._link = ""
        self._ready_us: Micros | None = None
        self._stopped_tasks = False

    # --- what happens ---------------------------------------------------------------------------------------------

    def fault(self, fault: Fault, began: bool, now: Micros) -> None:
        """A fault began or ended."""
        self._calm.fault(fault, began, now)
        if fault.kind in _POWER_FAULTS:
            self._power_faults += 1 if began else -1
        self._owed_since = now

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched."""
        self._powered = on
        self._planned_off = not on and not self._tripped and self._power_faults <= 0
        self._mode, self._ordered_safe = None, False
        self._postpone(now)

    def happening(self, happening: Happening, now: Micros) -> None:
        """What the lander tells: whether the ground sees it, and why power goes."""
        if happening.what == "power_off" and happening.values.get("circuit") == "ops":
            self._tripped = happening.values.get("why") == "trip"
        if happening.what in ("aos", "los"):
            self._in_pass = happening.what == "aos"
            self._postpone(now)

    def said(self, said: Said, now: Micros) -> None:
        """A packet was emitted: heartbeats, and changes of mode."""
        octets = said.octets
        if said.vcid == VC_LANDER and said.apid == LanderApid.PAYLOAD_HEARTBEAT and len(octets) > 8:
            self._mode, self._health, self._heard_us = octets[6], octets[7], now
        elif said.service == Service.EVENTS and said.apid == APID_SYSTEM:
            event = octets[HEADER_OCTETS:-2]
            if event.startswith(_MODE_CHANGED) and len(event) >= 5:
                self._ordered_safe = event[3] == Mode.SAFE and event[4] in _ORDERED

    def record(self, record: object, now: Micros) -> None:
        """The ground's link."""
        if isinstance(record, LinkRecord):
            self._note_link(now)
            self._link = record.state
            self._note_link(now)

    def probe(self, probe: Probe, now: Micros) -> None:
        """A look at the board."""
        self._stopped_tasks = not probe.tasks_running
        self._judge(now)

    def framed(self, vcid: int, vcfc: int, frame: bytes, now: Micros) -> None:
        """A frame was emitted."""
        self._judge(now)

    def finish(self, now: Micros) -> list[Finding]:
        """The run is over."""
        self._judge(now)
        if self._owed_since is not None and not self._planned_off:
            self._log.remark(now, "the run ended before the system had to be nominal again")
        return self._log.findings()

    # --- judgement ------------------------------------------------------------------------------------------------

    def _postpone(self, now: Micros) -> None:
        if self._owed_since is not None:
            self._owed_since = now

    def _note_link(self, now: Micros) -> None:
        if self._link == LinkState.ACTIVE.value:
            self._ready_us = now

    def _judge(self, now: Micros) -> None:
        since = self._owed_since
        if since is None or now - since < self._within_us or self._calm.faults or self._planned_off:
            return
        self._owed_since = None
        missing = self._missing(now)
        if missing:
            self._log.breach(now, f"{self._within_us // 1_000_000} s after the last fault: {', '.join(missing)}")

    def _missing(self, now: Micros) -> list[str]:
        """What keeps the system from being nominal."""
        self._note_link(now)
        missing = [] if self._powered else ["a fault has taken the power, and it is not back"]
        if self._mode is None or now - self._heard_us > HEARTBEAT_US:
            missing.append("no heartbeat of the payload's")
        elif self._mode not in (Mode.NOMINAL, Mode.OBSERVE, *_PASSING) and not (
            self._mode == Mode.SAFE and self._ordered_safe
        ):
            missing.append(f"its mode is {self._mode}")
        if self._health & _STORE:
            missing.append("its store is faulty")
        if self._health & _STRUCK_OUT or self._stopped_tasks:
            missing.append("a task does not run")
        if self._in_pass and (self._ready_us is None or now - self._ready_us > BLINK_US):
            missing.append(f"the ground's link: {self._link or 'never heard of'}")
        return missing
