"""What is missing, as clients are told: sums by process, and the gaps, oldest first."""

from collections.abc import Callable, Iterable
from typing import Final

from tools.ground.gaps import Gap
from tools.ground.records import Data
from tools.ground.recovery import TRIES_MAX
from tools.ground.times import tai_to_utc_text

GAPS_TOLD_MAX: Final = 512
"""In one list; the sums are of all."""
Named = Callable[[int], str]


def by_process(gaps: Iterable[Gap], name: Named) -> list[Data]:
    """Of each process that misses some: packets, in how many gaps, and between which times they were made."""
    of: dict[int, list[Gap]] = {}
    for gap in gaps:
        of.setdefault(gap.apid, []).append(gap)
    return [_sum(name(apid), of[apid]) for apid in sorted(of)]


def _sum(process: str, gaps: list[Gap]) -> Data:
    highs = [gap.high_us for gap in gaps]
    high_us = max(high for high in highs if high is not None) if None not in highs else None
    return {
        "process": process, "packets": sum(map(len, gaps)), "gaps": len(gaps),
        "at_most": any(gap.at_most for gap in gaps), **_between(min(gap.low_us for gap in gaps), high_us),
    }  # fmt: skip


def one_by_one(gaps: Iterable[Gap], name: Named) -> list[Data]:
    """Each gap, oldest first, at most `GAPS_TOLD_MAX`."""
    ordered = sorted(gaps, key=lambda gap: (gap.low_us, gap.apid, gap.first))
    return [
        {
            "process": name(gap.apid), "packets": len(gap), "at_most": gap.at_most,
            **_between(gap.low_us, gap.high_us), "given_up": gap.tries >= TRIES_MAX,
        }
        for gap in ordered[:GAPS_TOLD_MAX]
    ]  # fmt: skip


def _between(low_us: int, high_us: int | None) -> dict[str, Data]:
    """UTC; None where no time is known."""
    return {
        "from": tai_to_utc_text(low_us) if low_us else None,
        "to": None if high_us is None else tai_to_utc_text(high_us),
    }
