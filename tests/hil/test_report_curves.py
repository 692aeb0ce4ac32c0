"""What a report draws, from records and octets made by hand."""

import pytest

from hil.observer import Probe
from hil.testing.report_curves import Curves
from hil.testing.report_plots import CURVES_MAX, Plot
from tools.ground.records import CommandRecord, LanderRecord, ParameterRecord
from tools.ground.tracking import StageChange, State, Word

S = 1_000_000
pytestmark = pytest.mark.proves("K-BENCH-031")


def drawn(curves: Curves, until_us: int) -> dict[str, Plot]:
    return {plot.title: plot for plot in curves.plots(until_us)}


def values(plot: Plot, name: str) -> list[tuple[int, float | None]]:
    line = next(line for line in plot.lines if line.name == name)
    return [(span.at_us, span.last) for span in line.spans]


def sample(name: str, value: float | None, unit: str) -> ParameterRecord:
    return ParameterRecord(0, None, name, value, value, "", unit, "WITHIN", False)  # type: ignore[arg-type]


def test_link_use_is_of_each_second_and_silence_is_nothing() -> None:
    """At 9 600 baud, 8N1, 960 octets fill a second."""
    curves = Curves(9_600)
    curves.downlinked(bytes(480), 100_000)  # type: ignore[arg-type]
    curves.downlinked(bytes(480), 900_000)  # type: ignore[arg-type]
    curves.downlinked(bytes(96), 5 * S)  # type: ignore[arg-type]
    plot = drawn(curves, 7 * S)["Link use"]
    assert values(plot, "down") == [(0, 100.0), (S, 0), (5 * S, 10.0), (6 * S, 0)]
    assert [limit.value for limit in plot.limits] == [100.0]


def test_latencies_count_from_the_command_in_milliseconds() -> None:
    curves = Curves(9_600)
    curves.record(CommandRecord(0, 7, "ping", {}, 32, 0, b"", 1, b""), 2 * S)  # type: ignore[arg-type]
    for word, at_us in ((Word.SENT, 2 * S), (Word.RECEIVED, 2_250_000), (Word.COMPLETED, 2_500_000)):
        curves.record(StageChange(at_us, 7, "ping", b"", word, State.SENT), at_us)  # type: ignore[arg-type]
    plot = drawn(curves, 3 * S)["Command latency"]
    assert all(line.dots for line in plot.lines)
    assert values(plot, "received") == [(2_250_000, 250.0)]
    assert values(plot, "completed") == [(2_500_000, 500.0)]


def test_power_and_temperature_come_in_their_units_and_end_with_the_supply() -> None:
    curves = Curves(9_600)
    circuits = [{"bus_mv": 28_000, "average_ma": 150}]
    curves.record(LanderRecord(0, 0x211, "report.power", {"circuits": circuits}, "", b""), S)  # type: ignore[arg-type, dict-item]
    curves.record(sample("system.package_temperature", 3512, "cdegC"), S)  # type: ignore[arg-type]
    curves.record(sample("environment.temperature", None, "cdegC"), S)  # type: ignore[arg-type]
    curves.probe(Probe("nominal", True, True, 1, {"outbox": (3, 64), "still": (0, 8)}, 900, 2_000, False, False), S)  # type: ignore[arg-type]
    curves.power(False, 4 * S)  # type: ignore[arg-type]
    plots = drawn(curves, 5 * S)
    assert values(plots["Power"], "circuit 0, by the lander") == [(S, 4200.0), (4 * S, None)]
    assert values(plots["Power"], "allocation") == [(S, 2_000), (4 * S, None)]
    assert [line.name for line in plots["Temperature"].lines] == ["system.package_temperature"]
    assert values(plots["Temperature"], "system.package_temperature") == [(S, 35.12), (4 * S, None)]
    assert [line.name for line in plots["Queues"].lines] == ["outbox"], (
        "a queue that never holds anything shows nothing"
    )


def test_of_many_queues_the_liveliest_are_drawn() -> None:
    curves = Curves(9_600)
    for second in range(5):
        queues = {f"q{number:02d}": (1 + (second if number >= 20 else 0), 64) for number in range(24)}
        curves.probe(Probe("nominal", True, True, 1, queues, 0, None, False, False), second * S)  # type: ignore[arg-type]
    names = [line.name for line in drawn(curves, 5 * S)["Queues"].lines]
    assert len(names) == CURVES_MAX
    assert names[-4:] == ["q20", "q21", "q22", "q23"]


def test_a_run_in_which_nothing_happened_draws_nothing_but_an_idle_line() -> None:
    assert list(drawn(Curves(9_600), 5 * S)) == ["Link use"]
