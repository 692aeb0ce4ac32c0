"""Who watches a run from outside: the hooks of the bench, what an observer finds, what a probe shows of the simulation.

An observer names the hooks it wants as its own methods; the bench calls only those. Nothing here is seen by the code
under test, and no observer changes a run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from fsw.kernel.clock import Micros

FINDINGS_MAX: Final = 1000
"""Findings kept of one observer: a rule broken a thousand times is broken."""


class Finding(NamedTuple):
    """What an observer has to say: a broken rule when `breach`, else a remark, say a request that a cut left open."""

    rule: str
    at_us: int
    text: str
    breach: bool


class Probe(NamedTuple):
    """What is read of a simulated board, once a simulated second. `queues`: name -> (depth, limit)."""

    mode: str
    tasks_fresh: bool
    tasks_running: bool
    watchdog_strokes: int
    queues: Mapping[str, tuple[int, int]]
    drawn_mw: int
    allocation_mw: int | None
    store_faulty: bool
    transient: bool
    """Whether the power task has said that it is on its way to a new allocation."""


class Observer(Protocol):
    """Hands in what it found at the end of a run; every hook of HOOKS is optional, `now` always comes last."""

    def finish(self, now: Micros) -> list[Finding]:
        """The run is over: everything found."""


HOOKS: Final = (
    "record",  # (record, now): a record of the ground session
    "happening",  # (happening, now): what the lander tells its user
    "uplinked",  # (datagram, now): a CLTU or frame left the ground
    "reached",  # (octets, now): octets of the line have reached the payload, behind all channel faults
    "emitted",  # (octets, now): octets left the payload, before any channel fault
    "downlinked",  # (octets, now): octets of the line have reached the lander, behind all channel faults
    "delivered",  # (frame, now): a TM frame has reached the ground
    "torn",  # (now): the line to a real board was gone, or comes to one that runs: octets passed unheard, both ways
    "power",  # (on, now): the payload's supply was switched
    "fault",  # (fault, began, now): an injected fault began or ended
    "executed",  # (request_id, now): simulation only, the execution of an accepted request was run
    "probe",  # (probe, now): simulation only, once a second
)
Hook = Callable[..., None]


class Observers:
    """All observers of one run; `tell` reaches those that name the hook."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self._hooks: dict[str, tuple[Hook, ...]] = {
            hook: tuple(getattr(one, hook) for one in self._observers if hasattr(one, hook)) for hook in HOOKS
        }
        self.wanted = frozenset(hook for hook, listeners in self._hooks.items() if listeners)
        """Hooks that anybody listens to: what nobody wants need not be made."""
        self._recorded: dict[type, tuple[Hook, ...]] = {}

    def tell(self, hook: str, *what: object) -> None:
        """Tell everybody who wants to know."""
        for listener in self._hooks[hook]:
            listener(*what)

    def wants(self, kind: type) -> bool:
        """Whether anybody wants records of this kind."""
        return any(kind in getattr(one, "RECORDS", (kind,)) for one in self._observers if hasattr(one, "record"))

    def tell_records(self, records: Iterable[object], now: Micros) -> None:
        """Tell each record to those who want its kind: an observer's `RECORDS` names them, all kinds without it.

        Most records are samples of parameters, and most observers want none.
        """
        recorded = self._recorded
        for record in records:
            listeners = recorded.get(type(record))
            if listeners is None:
                listeners = recorded[type(record)] = self._wanting(type(record))
            for listener in listeners:
                listener(record, now)

    def _wanting(self, kind: type) -> tuple[Hook, ...]:
        wanting = (one for one in self._observers if kind in getattr(one, "RECORDS", (kind,)))
        return tuple(getattr(one, "record") for one in wanting if hasattr(one, "record"))  # noqa: B009

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found, in the order of the observers, at most `FINDINGS_MAX` of each."""
        return [finding for one in self._observers for finding in one.finish(now)[:FINDINGS_MAX]]


def breaches(findings: Iterable[Finding]) -> Counter[str]:
    """How often each rule was broken."""
    return Counter(finding.rule for finding in findings if finding.breach)
