"""Figures of the recording: what it costs flight beside a flight without it, and how much it writes."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from tests.perf.line_load import Duplex

Row = dict[str, object]
BAUD: Final = 115_200
COST_BOUND_PERCENT: Final = 2.0


def load_percent(seconds: float, *, recorded: bool) -> tuple[float, int]:
    """Share of a core that flight and its children take, both directions full; octets of the recording."""
    with tempfile.TemporaryDirectory() as state:
        capture = Path(state) / "flight.capture"
        run = Duplex(BAUD, state, *(("--record", str(capture)) if recorded else ()))
        try:
            figures = run.measure(seconds)
        finally:
            run.close()
        return figures.cpu_percent, capture.stat().st_size if recorded else 0


def recording_cost(quick: bool) -> list[Row]:
    """Flight with and without its recording, turn by turn; the median of the differences counts."""
    seconds, turns = (8.0, 3) if quick else (20.0, 5)
    without: list[float] = []
    with_it: list[float] = []
    octets = 0
    for turn in range(turns):
        for recorded in (turn % 2 == 0, turn % 2 == 1):
            percent, octets_now = load_percent(seconds, recorded=recorded)
            (with_it if recorded else without).append(percent)
            octets = max(octets, octets_now)
    cost = median(after - before for before, after in zip(without, with_it, strict=True))
    return [
        _row("recording_cost", cost, "%", None, COST_BOUND_PERCENT),
        _row("recording_cost_flight", median(with_it), "%", median(without), None),
        _row("recording_cost_octets", octets, "1", None, None),
    ]


def _row(name: str, value: float, unit: str, peer: float | None, bound: float | None) -> Row:
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "peer": peer if peer is None else round(peer, 4),
        "ratio": None if peer is None else round(value / peer, 4),
        "bound": bound,
        "holds": None if bound is None else value <= bound,
    }


ROWS: Final[dict[str, Callable[[bool], list[Row]]]] = {"recording_cost": recording_cost}
