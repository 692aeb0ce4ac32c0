"""What ST[12] answers about its monitors, cut into reports that fit.

Off nominal: what one report cannot hold follows in the next; a list without entries is one empty report.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from fsw.mdb import monitoring as mdb
from fsw.mdb.monitor_definitions import write_definition
from fsw.mdb.monitoring import MonitorStatus, Watched
from fsw.services.monitoring.monitors import WRONG, Monitor

T = TypeVar("T")


def definitions(monitors: list[Monitor], delay: int) -> list[object]:
    """(12,9): what monitors are; `delay` is the service's reporting delay in 100 ms."""
    reports: list[object] = []
    for some in _cut([write_definition(monitor.watch) for monitor in monitors], mdb.DEFINITIONS_MAX):
        reports.append(mdb.MonitorDefinitions(delay, len(some), b"".join(some)))
    return reports


def watched(monitors: list[Monitor]) -> list[object]:
    """(12,128): all that monitors are and have found, one report each."""
    return [Watched(enabled=each.enabled, status=each.status, **vars(each.watch)) for each in monitors]


def statuses(monitors: list[Monitor]) -> list[object]:
    """(12,14): what each monitor has found."""
    found = [MonitorStatus(each.watch.monitor, each.status) for each in monitors]
    return [mdb.Statuses(tuple(some)) for some in _cut(found, mdb.STATUSES_MAX)]


def abnormal(monitors: list[Monitor]) -> list[object]:
    """(12,11): the last transitions of those that have found something wrong."""
    found = [each.last for each in monitors if each.last is not None and each.status in WRONG]
    return [mdb.Abnormal(tuple(some)) for some in _cut(found, mdb.TRANSITIONS_MAX)]


def _cut(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Parts of at most `most` items; of none, one empty part."""
    for begin in range(0, max(1, len(items)), most):
        yield items[begin : begin + most]
