"""Environment: temperature, pressure and humidity around the payload.

On a board they come from a sensor of the Linux industrial I/O subsystem (a BME280 shows all three), or the
temperature from the first thermal zone where there is no such sensor. What is not there is reported absent.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, cast

from fsw.hal.ports import Opener
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.model import I16, U16, U32, Hazard, Parameter, Process, Structure, command, u16
from fsw.pus.ids import APID_ENVIRONMENT, FailureCode
from fsw.services.instrument import Instrument, Services
from fsw.services.process import Execution
from fsw.services.verification import Request

IIO: Final = "sys/bus/iio/devices/iio:device0/"
ZONE: Final = "sys/class/thermal/thermal_zone0/temp"

ENVIRONMENT: Final = Process(APID_ENVIRONMENT, "environment", "temperature, pressure, humidity")


@command(APID_ENVIRONMENT, function=2, hazard=Hazard.DEPENDENT, name="measure")
class Measure:
    """Measure periodically and report each reading."""

    period_ms: int = u16(low=100, high=60_000, unit="ms", default=1000)


@command(APID_ENVIRONMENT, function=3, name="stop")
class Stop:
    """Stop measuring."""


@command(APID_ENVIRONMENT, function=4, hazard=Hazard.DEPENDENT, name="read")
class Read:
    """Take one reading now and report it."""


TEMPERATURE: Final = Parameter(
    0x3201, "environment.temperature", I16, "cdegC", limit_low=-2_000, limit_high=5_000, absent=-0x8000
)
PRESSURE: Final = Parameter(0x3202, "environment.pressure_pa", U32, "Pa", absent=0xFFFF_FFFF)
HUMIDITY: Final = Parameter(0x3203, "environment.humidity", U16, "permille", absent=0xFFFF)
READINGS: Final = Parameter(0x3204, "environment.readings", U32)
REPORT: Final = Structure(0x32, "environment.report", (TEMPERATURE, PRESSURE, HUMIDITY, READINGS))


class Reading(NamedTuple):
    """What the sensor shows; None where it shows nothing."""

    temperature_cdegc: int | None
    pressure_pa: int | None
    humidity_permille: int | None


class Sensor(Protocol):
    """What a device must do."""

    def read(self) -> Reading:
        """One reading, at once."""


class Device:
    """An industrial I/O sensor, or a thermal zone."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def read(self) -> Reading:
        """One reading; millidegrees, kilopascals and milli-percent of the kernel become our units."""
        sensed = self._opener.sysfs(IIO + "in_temp_input")
        millidegrees = _number(self._opener.sysfs(ZONE) if sensed is None else sensed, -273_150, 300_000)
        kilopascals = _number(self._opener.sysfs(IIO + "in_pressure_input"), 0, 10_000)
        millipercent = _number(self._opener.sysfs(IIO + "in_humidityrelative_input"), 0, 100_000)
        return Reading(
            None if millidegrees is None else int(millidegrees / 10),
            None if kilopascals is None else int(kilopascals * 1000),
            None if millipercent is None else int(millipercent / 100),
        )


def _number(text: str | None, low: float, high: float) -> float | None:
    """The number in `text`; None where there is none, or one that no such sensor can show."""
    try:
        number = float((text or "").strip())
    except ValueError:
        return None
    return number if low <= number <= high else None


class Task:
    """Reads the sensor and reports."""

    def __init__(self, services: Services, device: object) -> None:
        self._services = services
        self._device = cast("Sensor", device)
        self._period_us = 0
        self._due = NEVER
        self._readings = 0
        self.executions: Mapping[type[object], Execution] = {Measure: self._measure, Stop: self._stop, Read: self._read}

    def step(self, now: Micros) -> Micros:
        """Take a reading when it is due."""
        if now >= self._due:
            self._due = Micros(now + self._period_us)
            self._report(now)
        return self._due

    def halt(self, now: Micros) -> None:
        """Stop measuring."""
        self._due = NEVER

    def _report(self, now: Micros, destination: int = 0) -> None:
        reading = self._device.read()
        self._readings += 1
        parameters = self._services.parameters
        parameters.set(TEMPERATURE, reading.temperature_cdegc, now)
        parameters.set(PRESSURE, reading.pressure_pa, now)
        parameters.set(HUMIDITY, reading.humidity_permille, now)
        parameters.set(READINGS, self._readings, now)
        self._services.housekeeping.report(REPORT, now, destination)

    def _absent(self) -> FailureCode | None:
        return FailureCode.WRONG_STATE if self._device.read() == Reading(None, None, None) else None

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


INSTRUMENT: Final = Instrument(process=ENVIRONMENT, device=Device, task=Task, power_mw=150)
