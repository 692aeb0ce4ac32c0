"""A simulated board under the always-on invariants, its ground and lander played by hand; and words for histories."""

from collections.abc import Iterable
from pathlib import Path

from fsw.config import LINES
from fsw.kernel.clock import Micros
from hil.board import probe
from hil.observer import Finding, Observers, breaches
from hil.rules.invariants import always_on
from hil.rules.overhearing import Line
from tests.system.bench import Bench

LOOK_S = 0.5
WITHIN_US = 20_000_000


def observers(carrier: str = "cltu-cadu", frame_octets: int = 446) -> Observers:
    return Observers(always_on(Line(carrier, 42, frame_octets), WITHIN_US))


def broken(findings: Iterable[Finding]) -> dict[str, int]:
    return dict(breaches(findings))


class Judged:
    """`bench` is the board; `run` lets time pass under the eyes of the rules, `finish` says what they found."""

    def __init__(self, folder: Path, line: str = "default") -> None:
        self.observers = observers(frame_octets=LINES[line].tm_frame_octets)
        self.bench = Bench(folder, line=line)
        self._window = probe.Window(self.bench.board)
        self._watch()

    @property
    def now(self) -> Micros:
        return self.bench.clock.now()

    def _watch(self) -> None:
        tell, line = self.observers.tell, self.bench.board.line
        tell("power", True, self.now)
        line.on_read = lambda octets: tell("reached", octets, self.now)
        line.on_write = lambda octets: tell("emitted", octets, self.now)
        probe.tap(self.bench.board, lambda request_id: tell("executed", request_id, self.now))

    def run(self, seconds: float) -> None:
        end = self.now + round(seconds * 1_000_000)
        while self.now < end:
            self.bench.run(min(LOOK_S, (end - self.now) / 1e6))
            seen = self._window.look()
            if seen is not None:
                self.observers.tell("probe", seen, self.now)

    def cut(self) -> None:
        """Power off and on again."""
        self.bench.board.cut()
        self.observers.tell("power", False, self.now)
        self.bench.clock.advance(1_000_000)
        self.bench.boot()
        self._watch()

    def finish(self) -> list[Finding]:
        return self.observers.finish(self.now)
