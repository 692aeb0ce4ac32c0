"""Plots as SVG, drawn here: quantities over time as steps, with limits; readable without script, by day and by night.

Colours, sizes and fonts are the page's (CSS classes), so that one drawing serves a light page, a dark one and paper.
The same data give the same octets.
"""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, isfinite, log10
from typing import Final, NamedTuple

from hil.testing.curve import Span
from hil.written.durations import UNITS

WIDTH: Final = 720
HEIGHT: Final = 200
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 28
CURVES_MAX: Final = 8
TICKS_MAX: Final = 7
_SPAN_MIN: Final = 1e-300
"""Below it a span has no logarithm that a float can hold: one value, not a range."""
_TIME_STEPS: Final = tuple(
    number * UNITS[unit]
    for unit, numbers in (
        ("us", (1, 10, 100)),
        ("ms", (1, 10, 100, 200, 500)),
        ("s", (1, 2, 5, 10, 20, 30)),
        ("min", (1, 2, 5, 10, 20, 30)),
        ("h", (1, 2, 4, 6, 12)),
        ("d", (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    )
    for number in numbers
)


class Line(NamedTuple):
    """One curve of a plot. `dots`: single events instead of a state that lasts."""

    name: str
    spans: Sequence[Span]
    dots: bool = False


class Limit(NamedTuple):
    """A level that must not be passed."""

    name: str
    value: float


class Plot(NamedTuple):
    """One drawing: `lines` share an axis of one unit; `from_us` and `until_us` are the run's."""

    title: str
    unit: str
    lines: Sequence[Line]
    limits: Sequence[Limit]
    from_us: int
    until_us: int


class _Frame:
    """Where a time and a value stand on the paper."""

    def __init__(self, plot: Plot) -> None:
        values = [
            value for line in plot.lines for span in line.spans for value in (span.low, span.high) if value is not None
        ]
        values += [limit.value for limit in plot.limits]
        self.ticks = ticks(min(values, default=0.0), max(values, default=1.0))
        self.low, self.high = self.ticks[0], self.ticks[-1]
        self.from_us, self.until_us = plot.from_us, max(plot.until_us, plot.from_us + 1)

    def x(self, at_us: int) -> str:
        part = (at_us - self.from_us) / (self.until_us - self.from_us)
        return f"{LEFT + part * (WIDTH - LEFT - RIGHT):.1f}"

    def y(self, value: float) -> str:
        part = (value - self.low) / (self.high - self.low)
        return f"{HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM):.1f}"


def svg(plot: Plot) -> str:
    """The drawing, with a sentence for those who cannot see it."""
    assert len(plot.lines) <= CURVES_MAX, "more curves than colours"
    frame = _Frame(plot)
    parts = [*_axes(plot, frame)]
    for limit in plot.limits:
        y = frame.y(limit.value)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
    for number, line in enumerate(plot.lines):
        dots = line.dots or len(line.spans) == 1
        parts += _dots(line, number, frame) if dots else _steps(line, number, frame)
    told = escape(spoken(plot))
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{told}"><title>{told}</title>'
    return head + "".join(parts) + "</svg>"


def legend(plot: Plot) -> str:
    """The names of curves and limits beside their colours; text, so that it can be read, searched and copied."""
    keys = [
        f'<span class="key"><i class="c{number}"></i>{escape(line.name)}</span>'
        for number, line in enumerate(plot.lines)
    ]
    keys += [
        f'<span class="key"><i class="limit"></i>{escape(limit.name)} {figure(limit.value)}</span>'
        for limit in plot.limits
    ]
    return "".join(keys)


def spoken(plot: Plot) -> str:
    """The plot in a sentence: each curve with its extremes."""
    told = []
    for line in plot.lines:
        lows = [span.low for span in line.spans if span.low is not None]
        highs = [span.high for span in line.spans if span.high is not None]
        told.append(
            f"{line.name} {figure(min(lows))} to {figure(max(highs))}" if lows else f"{line.name} without a value"
        )
    return f"{plot.title} in {plot.unit} over time: {'; '.join(told) or 'no curve'}"


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, 1, 2 or 5 times a power of ten apart."""
    if high - low <= max(abs(high) * 1e-9, _SPAN_MIN):
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    size = (high - low) / (TICKS_MAX - 2)
    power = 10.0 ** floor(log10(size))
    step = next((power * factor for factor in (1, 2, 5) if power * factor >= size), power * 10)
    first, last = floor(low / step), ceil(high / step)
    return [number * step for number in range(first, last + 1)]


def time_ticks(from_us: int, until_us: int) -> list[int]:
    """Round times inside a span."""
    span = max(until_us - from_us, 1)
    step = next((step for step in _TIME_STEPS if span <= step * TICKS_MAX), _TIME_STEPS[-1])
    return list(range(-(-from_us // step) * step, until_us + 1, step))[: 4 * TICKS_MAX]


def time_text(at_us: int) -> str:
    """A time as a person reads it on an axis: its two greatest units."""
    if at_us == 0:
        return "0"
    parts: list[str] = []
    rest = at_us
    for unit in ("d", "h", "min", "s", "ms", "us"):
        count, rest = divmod(rest, UNITS[unit])
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def figure(value: float) -> str:
    """A value with the digits that count."""
    if not isfinite(value):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 10_000 or value == int(value) else f"{value:.4g}"


def _axes(plot: Plot, frame: _Frame) -> list[str]:
    parts = []
    for tick in frame.ticks:
        y = frame.y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y}" dy="4" text-anchor="end">{figure(tick)}</text>')
    for at_us in time_ticks(frame.from_us, frame.until_us):
        x = frame.x(at_us)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text class="tick" x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{time_text(at_us)}</text>'
        )
    return parts


def _steps(line: Line, number: int, frame: _Frame) -> list[str]:
    """A state holds until the next sample; where it is absent there is a gap."""
    path: list[str] = []
    known = False
    for span in line.spans:
        x = frame.x(span.at_us)
        if known:
            path.append(f"H{x}")
        if span.low is not None and span.high is not None:
            path.append(f"V{frame.y(span.low)}" if known else f"M{x} {frame.y(span.low)}h.1")
            path += [f"V{frame.y(span.high)}"] if span.high != span.low else []
        known = span.last is not None
        if span.last is not None and span.last != span.high:
            path.append(f"V{frame.y(span.last)}")
    return [f'<path class="curve c{number}" d="{"".join(path)}"/>'] if path else []


def _dots(line: Line, number: int, frame: _Frame) -> list[str]:
    return [
        f'<circle class="dot c{number}" cx="{frame.x(span.at_us)}" cy="{frame.y(value)}" r="3"/>'
        for span in line.spans
        for value in ([span.low] if span.low == span.high else [span.low, span.high])
        if value is not None
    ]
