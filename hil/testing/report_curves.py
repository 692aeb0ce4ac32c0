"""What a test's report draws, gathered while it runs: power, temperature, link use, queue depths, command latencies.

An observer of the bench. It takes what comes by itself on every rung (octets, the lander's reports, housekeeping that
the test has enabled), and in virtual time the probe of the simulated board besides.
"""

from collections import Counter
from typing import Final

from fsw.kernel.clock import Micros
from hil.observer import Finding, Probe
from hil.testing.curve import Curve
from hil.testing.report_plots import CURVES_MAX, Limit, Line, Plot
from tools.ground.records import CommandRecord, LanderRecord, LinkRecord, ParameterRecord
from tools.ground.tracking import StageChange, Word

SECOND_US: Final = 1_000_000
OCTET_BITS: Final = 10
"""8N1: what an octet takes on the line."""
NO_TEMPERATURE: Final = -32_768
_STAGES: Final = (Word.RECEIVED, Word.ACCEPTED, Word.STARTED, Word.COMPLETED)


class Curves:
    """The observer. `baud` is the line's."""

    def __init__(self, baud: int) -> None:
        self._baud = baud
        self._curves: dict[str, dict[str, Curve]] = {
            title: {} for title in ("Power", "Temperature", "Link use", "Queues", "Command latency")
        }
        self._octets: Counter[str] = Counter()
        self._second = 0
        self._sent: dict[int, Micros] = {}

    # hooks of the bench

    def record(self, record: object, now: Micros) -> None:
        """What the ground says: samples, the lander's power report, the ground's own queue, commands."""
        match record:
            case ParameterRecord(replayed=False):
                self._sample(record, now)
            case LanderRecord(name="report.power"):
                circuits = record.values.get("circuits")
                for number, circuit in enumerate(circuits if isinstance(circuits, list) else ()):
                    if isinstance(circuit, dict):
                        bus, average = circuit.get("bus_mv"), circuit.get("average_ma")
                        if isinstance(bus, int) and isinstance(average, int):
                            self._add("Power", f"circuit {number}, by the lander", now, bus * average / 1000)
            case LanderRecord(name="report.payload"):
                depth = record.values.get("tm_queue")
                if isinstance(depth, int):
                    self._add("Queues", "lander, telemetry", now, depth)
            case LinkRecord():
                self._add("Queues", "ground, commands", now, record.queued + record.outstanding)
            case CommandRecord():
                self._sent[record.ticket] = now
            case StageChange() if record.word in _STAGES and record.ticket in self._sent:
                self._add("Command latency", record.word.value, now, (now - self._sent[record.ticket]) / 1000)
            case _:
                pass

    def uplinked(self, datagram: bytes, now: Micros) -> None:
        """A command leaves the ground."""
        self._count("up, commands", len(datagram), now)

    def downlinked(self, octets: bytes, now: Micros) -> None:
        """Octets have reached the lander."""
        self._count("down", len(octets), now)

    def probe(self, probe: Probe, now: Micros) -> None:
        """A look at the simulated board."""
        self._add("Power", "drawn, simulated", now, probe.drawn_mw)
        self._add("Power", "allocation", now, probe.allocation_mw)
        for name, (depth, _) in probe.queues.items():
            if not name.startswith("line."):  # octets, not entries; link use shows them
                self._add("Queues", name, now, depth)

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched; without it nothing is known."""
        if not on:
            for title in ("Power", "Temperature"):
                for curve in self._curves[title].values():
                    curve.add(now, None)

    def finish(self, now: Micros) -> list[Finding]:
        """A listener finds nothing."""
        return []

    # what was gathered

    def plots(self, until_us: int) -> list[Plot]:
        """The drawings that have something to show; of many curves the liveliest."""
        self._close_second(until_us)
        made = []
        for title, unit in (
            ("Power", "mW"),
            ("Temperature", "degC"),
            ("Link use", "% of the line"),
            ("Queues", "entries"),
            ("Command latency", "ms"),
        ):
            lines = [
                Line(name, curve.spans(), dots=title == "Command latency")
                for name, curve in self._curves[title].items()
                if any(span.high is not None and (span.high or title != "Queues") for span in curve.spans())
            ]
            lines = sorted(lines, key=_still)[:CURVES_MAX]
            limits = [Limit("the whole line", 100.0)] if title == "Link use" else []
            if lines:
                made.append(Plot(title, unit, sorted(lines), limits, 0, until_us))
        return made

    def _sample(self, record: ParameterRecord, now: Micros) -> None:
        if record.unit == "mW":
            self._add("Power", record.name, now, record.value)
        elif record.unit == "cdegC":
            self._add("Temperature", record.name, now, None if record.value is None else record.value / 100)
        elif record.name.endswith("outbox_depth"):
            self._add("Queues", record.name, now, record.value)

    def _count(self, way: str, octets: int, now: Micros) -> None:
        if now // SECOND_US != self._second:
            self._close_second(now)
        self._octets[way] += octets

    def _close_second(self, now: int) -> None:
        """Say how much of the line the seconds up to now have used."""
        for way in ("down", "up, commands"):
            self._add("Link use", way, self._second * SECOND_US, self._octets[way] * OCTET_BITS * 100 / self._baud)
            if now // SECOND_US > self._second + 1:
                self._add("Link use", way, (self._second + 1) * SECOND_US, 0)
        self._octets.clear()
        self._second = now // SECOND_US

    def _add(self, title: str, name: str, now: int, value: float | None) -> None:
        self._curves[title].setdefault(name, Curve()).add(now, value)


def _still(line: Line) -> tuple[bool, str]:
    """Curves that never leave one value come last."""
    levels = {span.low for span in line.spans} | {span.high for span in line.spans}
    return len(levels) == 1, line.name
