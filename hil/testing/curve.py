"""A quantity over time in bounded memory: a plot of two weeks of samples is a thousand spans, each with its extremes.

Nothing is averaged away: a span keeps its least, its greatest and its last value, so that a spike of one sample
stands in the plot of a fortnight.
"""

from math import isfinite
from typing import Final, NamedTuple

SPANS_MAX: Final = 1000


class Span(NamedTuple):
    """Samples that lie close together: when the first came, least, greatest and last value; None: it is absent."""

    at_us: int
    low: float | None
    high: float | None
    last: float | None


class Curve:
    """Samples in the order of time. While there are fewer than `SPANS_MAX` each is a span of its own."""

    __slots__ = ("_last_us", "_spans", "_width_us")

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._width_us = 1
        self._last_us = 0

    def add(self, at_us: int, value: float | None) -> None:
        """A sample; one equal to the last only moves the end of what is known, one that is no number is absent."""
        assert at_us >= self._last_us, "samples come in the order of time"
        self._last_us = at_us
        if value is not None and not isfinite(value):
            value = None
        new = Span(at_us, value, value, value)
        if self._spans and at_us // self._width_us == self._spans[-1].at_us // self._width_us:
            self._spans[-1] = _joined(self._spans[-1], new)
        elif not self._spans or self._spans[-1].last != value:
            self._spans.append(new)
            if len(self._spans) > SPANS_MAX:
                self._coarsen()

    def spans(self) -> list[Span]:
        """What is known, and the last value again at the time of the last sample."""
        if self._spans and self._spans[-1].at_us < self._last_us:
            last = self._spans[-1].last
            return [*self._spans, Span(self._last_us, last, last, last)]
        return list(self._spans)

    def _coarsen(self) -> None:
        while len(self._spans) > SPANS_MAX // 2:
            self._width_us *= 2
            joined = self._spans[:1]
            for span in self._spans[1:]:
                if span.at_us // self._width_us == joined[-1].at_us // self._width_us:
                    joined[-1] = _joined(joined[-1], span)
                else:
                    joined.append(span)
            self._spans = joined


def _joined(first: Span, second: Span) -> Span:
    lows = [low for low in (first.low, second.low) if low is not None]
    highs = [high for high in (first.high, second.high) if high is not None]
    return Span(first.at_us, min(lows, default=None), max(highs, default=None), second.last)
