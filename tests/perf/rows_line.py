"""Figures of the line: both directions full at every speed of the contract, what is lost, and what it costs flight.

The protected line is measured beside the clear one, in turns, with the same load.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from math import inf
from statistics import median
from typing import Final

from tests.perf.line_load import Duplex, Figures

Row = dict[str, object]
SHARE_BOUND: Final = 0.97
CPU_BOUND_PERCENT: Final = {921_600: 6.0}
ACCEPTANCE_BOUND_MS: Final = {115_200: 400.0}
REPORTED_ONLY: Final = 3_000_000
PROTECTED_BAUD: Final = 921_600
PROTECTED_CPU_BOUND_PERCENT: Final = 8.0
BAUDS: Final = (9_600, 115_200, 921_600, REPORTED_ONLY)


def _row(name: str, value: float, unit: str, bound: float | None, holds: bool | None) -> Row:
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "peer": None,
        "ratio": None,
        "bound": bound,
        "holds": holds,
    }


def duplex(baud: int, quick: bool) -> list[Row]:
    """One run at this speed; shares are of what the line could carry between the first and the last frame."""
    seconds = {9_600: 20.0}.get(baud, 5.0) * (1 if quick else 3)
    return rows(baud, _measured(baud, seconds, protected=False))


def _measured(baud: int, seconds: float, *, protected: bool) -> Figures:
    with tempfile.TemporaryDirectory() as state:
        run = Duplex(baud, state, protected=protected)
        try:
            return run.measure(seconds)
        finally:
            run.close()


def protected(quick: bool) -> list[Row]:
    """Clear and protected runs in turns: what is lost in any of them, medians of all else. The peer: the clear line."""
    baud, pairs = PROTECTED_BAUD, []
    for _ in range(1 if quick else 3):
        pairs.append(tuple(_measured(baud, 5.0, protected=sealed) for sealed in (False, True)))
    clear, sealed = ([pair[end] for pair in pairs] for end in (0, 1))

    def of(what: str, unit: str, *, least: float | None = None, most: float | None = None) -> Row:
        peer, value = (median(getattr(one, what) for one in runs) for runs in (clear, sealed))
        holds = None if least is most is None else (least or 0.0) <= value <= (inf if most is None else most)
        row = _row(f"line_duplex_protected_{baud}_{what}", value, unit, most if least is None else least, holds)
        return row | {"peer": round(peer, 4), "ratio": round(value / peer, 3) if peer else None}

    lost = sum(one.losses for one in sealed)
    return [
        of("down_share", "1", least=SHARE_BOUND),
        of("up_share", "1", least=SHARE_BOUND),
        _row(f"line_duplex_protected_{baud}_lost", lost, "1", 0, lost == 0)
        | {"peer": sum(one.losses for one in clear)},
        of("reports_a_second", "1/s"),
        of("cpu_percent", "%", most=PROTECTED_CPU_BOUND_PERCENT),
        of("acceptance_p50_ms", "ms"),
        of("acceptance_p99_ms", "ms"),
    ]


def rows(baud: int, figures: Figures) -> list[Row]:
    """The figures of one speed beside their bounds."""
    name = f"line_duplex_{baud}"
    bounded = baud != REPORTED_ONLY

    def at_least(what: str, value: float, bound: float) -> Row:
        return _row(f"{name}_{what}", value, "1", bound if bounded else None, value >= bound if bounded else None)

    def none(what: str, value: int) -> Row:
        return _row(f"{name}_{what}", value, "1", 0 if bounded else None, value == 0 if bounded else None)

    def at_most(what: str, value: float, unit: str, bound: float | None) -> Row:
        return _row(f"{name}_{what}", value, unit, bound, None if bound is None else value <= bound)

    return [
        at_least("share_down", figures.down_share, SHARE_BOUND),
        at_least("share_up", figures.up_share, SHARE_BOUND),
        none("octets_stray", figures.up_octets_stray + figures.down_octets_stray),
        none("frames_lost", figures.up_frames_lost + figures.down_frames_lost),
        none("pings_lost", figures.pings_lost),
        none("overruns", figures.overruns),
        at_most("reports_a_second", figures.reports_a_second, "1/s", None),
        at_most("cpu", figures.cpu_percent, "%", CPU_BOUND_PERCENT.get(baud)),
        at_most("acceptance_p50", figures.acceptance_p50_ms, "ms", None),
        at_most("acceptance_p99", figures.acceptance_p99_ms, "ms", ACCEPTANCE_BOUND_MS.get(baud)),
    ]


ROWS: Final[dict[str, Callable[[bool], list[Row]]]] = {
    **{f"line_duplex_{baud}": partial(duplex, baud) for baud in BAUDS},
    "line_duplex_protected": protected,
}
