"""Dosimeter: counts pulses of a radiation detector and reports dose and dose rate.

On a board the pulses come from a counter of the Linux counter subsystem; where there is none the instrument says so by
refusing its commands (0x14). One pulse is `PULSE_NGY` nanogray, the calibration of the tube at hand.
"""

from collections.abc import Mapping
from typing import Final, Protocol, cast

from fsw.hal.ports import Opener
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.model import U32, Hazard, Parameter, Process, Structure, command, u16, u32
from fsw.pus.ids import APID_DOSIMETER, FailureCode
from fsw.services.instrument import Instrument, Services
from fsw.services.process import Execution
from fsw.services.verification import Request

COUNTER: Final = "sys/bus/counter/devices/counter0/count0/count"
PULSE_NGY: Final = 25
COUNTER_SPAN: Final = 2**32

DOSIMETER: Final = Process(APID_DOSIMETER, "dosimeter", "radiation dose by counted pulses")


@command(APID_DOSIMETER, function=2, hazard=Hazard.DEPENDENT, name="measure")
class Measure:
    """Measure periodically and report each reading."""

    period_ms: int = u16(low=100, high=60_000, unit="ms", default=1000)


@command(APID_DOSIMETER, function=3, name="stop")
class Stop:
    """Stop measuring."""


@command(APID_DOSIMETER, function=4, hazard=Hazard.DEPENDENT, name="read")
class Read:
    """Take one reading now and report it."""


@command(APID_DOSIMETER, function=5, hazard=Hazard.DEPENDENT, name="preset")
class Preset:
    """Set the accumulated dose, for instance to zero after delivery."""

    dose_ngy: int = u32(unit="nGy")


DOSE: Final = Parameter(0x3101, "dosimeter.dose_ngy", U32, "nGy", absent=0xFFFF_FFFF)
RATE: Final = Parameter(
    0x3102, "dosimeter.rate_ngy_h", U32, "nGy/h", limit_high=200_000, absent=0xFFFF_FFFF, doc="13 200 is the quiet Moon"
)
PULSES: Final = Parameter(0x3103, "dosimeter.pulses", U32, absent=0xFFFF_FFFF)
READINGS: Final = Parameter(0x3104, "dosimeter.readings", U32)
REPORT: Final = Structure(0x31, "dosimeter.report", (DOSE, RATE, PULSES, READINGS))


class PulseCounter(Protocol):
    """What a device must do: tell the pulses counted so far, modulo 2^32; None while there is no counter."""

    def pulses(self) -> int | None:
        """Pulses since power-on."""


class Device:
    """A counter of the Linux counter subsystem."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def pulses(self) -> int | None:
        """Pulses since power-on; None where the board has no counter or shows no number."""
        text = (self._opener.sysfs(COUNTER) or "").strip()
        return int(text) % COUNTER_SPAN if text.isdigit() else None


class Task:
    """Accumulates dose from the counter and reports it."""

    def __init__(self, services: Services, device: object) -> None:
        self._services = services
        self._device = cast("PulseCounter", device)
        self._period_us = 0
        self._due = NEVER
        self._last: tuple[Micros, int] | None = None
        self._dose_ngy = 0
        self._readings = 0
        self.executions: Mapping[type[object], Execution] = {
            Measure: self._measure,
            Stop: self._stop,
            Read: self._read,
            Preset: self._preset,
        }

    def step(self, now: Micros) -> Micros:
        """Take a reading when it is due."""
        if now >= self._due:
            self._due = Micros(now + self._period_us)
            self._report(now)
        return self._due

    def halt(self, now: Micros) -> None:
        """Stop measuring; the accumulated dose stays."""
        self._due = NEVER
        self._last = None

    def _report(self, now: Micros, destination: int = 0) -> None:
        pulses = self._device.pulses()
        parameters = self._services.parameters
        parameters.set(PULSES, pulses, now)
        if pulses is None:
            parameters.set(RATE, None, now)
            self._last = None
        else:
            if self._last is not None:
                then, before = self._last
                gained_ngy = (pulses - before) % COUNTER_SPAN * PULSE_NGY
                self._dose_ngy += gained_ngy
                parameters.set(RATE, gained_ngy * 3_600_000_000 // max(1, now - then), now)
            self._last = (now, pulses)
            self._readings += 1
        parameters.set(DOSE, min(self._dose_ngy, 0xFFFF_FFFE), now)
        parameters.set(READINGS, self._readings, now)
        self._services.housekeeping.report(REPORT, now, destination)

    def _absent(self) -> FailureCode | None:
        return FailureCode.WRONG_STATE if self._device.pulses() is None else None

    def _measure(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, Measure)
        if self._services.verification.settle(request, self._absent(), now):
            self._period_us = body.period_ms * 1000
            self._due = now
            self._services.verification.completed(request, now)

    def _stop(self, request: Request, now: Micros) -> None:
        self._services.verification.started(request, now)
        self._due = NEVER
        self._services.verification.completed(request, now)

    def _read(self, request: Request, now: Micros) -> None:
        if self._services.verification.settle(request, self._absent(), now):
            self._report(now, request.source_id)
            self._services.verification.completed(request, now)

    def _preset(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, Preset)
        self._services.verification.started(request, now)
        self._dose_ngy = body.dose_ngy
        self._services.verification.completed(request, now)


INSTRUMENT: Final = Instrument(process=DOSIMETER, device=Device, task=Task, power_mw=400)
