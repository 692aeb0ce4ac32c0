"""What one invariant has found in a run: so many breaches and remarks, each with its time."""

from typing import Final

from fsw.kernel.clock import Micros
from hil.observer import Finding

KEPT_MAX: Final = 500
"""Breaches kept of one invariant, and as many remarks: those that came first."""


class Log:
    """The findings of one rule."""

    __slots__ = ("_breaches", "_remarks", "rule")

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self._breaches: list[Finding] = []
        self._remarks: list[Finding] = []

    def breach(self, now: Micros, text: str) -> None:
        """The rule was broken."""
        if len(self._breaches) < KEPT_MAX:
            self._breaches.append(Finding(self.rule, now, text, breach=True))

    def remark(self, now: Micros, text: str) -> None:
        """Something that a reader of the run should know."""
        if len(self._remarks) < KEPT_MAX:
            self._remarks.append(Finding(self.rule, now, text, breach=False))

    def findings(self) -> list[Finding]:
        """Everything kept, in the order of time."""
        return sorted(self._breaches + self._remarks, key=lambda finding: finding.at_us)
