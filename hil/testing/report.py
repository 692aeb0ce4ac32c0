"""The report of a test session: one page that stands alone, readable without script and network, by day and by night.

Each test renders its own part where it ran, so that workers of a parallel session hand over text; the page only joins
them. The same results give the same octets: what is of this day, the time and the machine, stands in JUnit's file.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from hil.testing.report_plots import Plot, figure, legend, svg, time_text
from hil.testing.report_style import STYLE

LOG_MAX: Final = 500
"""Lines of a test's log that are shown, the newest."""
TEXT_MAX: Final = 20_000
_CONTROL: Final = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
VERDICTS: Final = ("failed", "error", "not exercised", "skipped", "expected failure", "passed")
"""Worst first."""


class Measure(NamedTuple):
    """A value that a test has measured, and what it may be; None: no bound."""

    name: str
    value: float
    low: float | None
    high: float | None
    unit: str

    @property
    def holds(self) -> bool:
        """Whether it is inside its bounds; what is no number is not."""
        above = self.value >= self.low if self.low is not None else self.value == self.value
        return above and (self.high is None or self.value <= self.high)

    @property
    def text(self) -> str:
        """Value and bounds in one line."""
        low, high = ("" if bound is None else figure(bound) for bound in (self.low, self.high))
        bounds = f" ({low} … {high})" if low or high else ""
        return f"{figure(self.value)} {self.unit}".rstrip() + bounds


class Case(NamedTuple):
    """One test. `faults`: compact form, and whether the rung could do it; `log`: time of the run and what happened."""

    test: str
    verdict: str
    text: str
    command: str
    requirements: Sequence[str] = ()
    facts: Mapping[str, str] = {}
    faults: Sequence[tuple[str, bool]] = ()
    measures: Sequence[Measure] = ()
    findings: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    log: Sequence[tuple[int, str]] = ()


class Part(NamedTuple):
    """A rendered test, and what the page's tables need of it."""

    test: str
    verdict: str
    requirements: tuple[str, ...]
    measures: int
    html: str


def part(case: Case) -> Part:
    """Render one test."""
    assert case.verdict in VERDICTS, "a verdict is one of VERDICTS"
    facts = "".join(f"<dt>{say(name)}</dt><dd>{say(value)}</dd>" for name, value in case.facts.items())
    sections = [
        f"<h3>{badge(case.verdict)} {say(case.test)}</h3>",
        f'<pre class="why">{say(case.text)}</pre>' if case.text else "",
        f"<p>Again: <code>{say(case.command)}</code></p>",
        f"<dl>{facts}</dl>" if facts else "",
        "".join(f"<p>{badge('failed')} {say(finding)}</p>" for finding in case.findings),
        _faults(case.faults),
        _measures(case.measures),
        "".join(_plot(plot) for plot in case.plots),
        _log(case.log),
    ]
    html = f'<article id="{anchor(case.test)}">{"".join(sections)}</article>'
    return Part(case.test, case.verdict, tuple(case.requirements), len(case.measures), html)


def page(parts: Sequence[Part], facts: Mapping[str, str], requirements: Mapping[str, str]) -> str:
    """The page. `facts` are of the whole session; `requirements`: id -> text, as far as texts are known."""
    counts = [(verdict, sum(one.verdict == verdict for one in parts)) for verdict in VERDICTS]
    summary = " ".join(f"{badge(verdict)} {count}" for verdict, count in counts if count)
    said = "".join(f"<dt>{say(name)}</dt><dd>{say(value)}</dd>" for name, value in facts.items())
    body = [
        "<h1>Bench report</h1>",
        f"<p>{summary or 'No test used the bench.'}</p>",
        f"<dl>{said}</dl>",
        _tests(parts),
        _requirements(parts, requirements),
        *(one.html for one in parts),
    ]
    head = '<meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
    head += f"<title>Bench report</title><style>{STYLE}</style>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><main>{"".join(body)}</main></body></html>\n'


def say(text: str) -> str:
    """Text for the page: escaped, without what no page may hold, and not without end."""
    shown = _CONTROL.sub("\ufffd", text)
    return escape(shown if len(shown) <= TEXT_MAX else shown[:TEXT_MAX] + " …")


def badge(verdict: str) -> str:
    """A verdict as a word with a colour."""
    return f'<b class="verdict {verdict.replace(" ", "-")}">{verdict}</b>'


def anchor(test: str) -> str:
    """A name inside the page for a test's name; other tests have others."""
    return "t-" + "".join(c if c.isascii() and (c.isalnum() or c == "-") else f"_{ord(c):x}_" for c in test)


def _tests(parts: Sequence[Part]) -> str:
    rows = [
        f'<tr><td>{badge(one.verdict)}</td><td><a href="#{anchor(one.test)}">{say(one.test)}</a></td>'
        f"<td>{one.measures}</td><td>{say(', '.join(one.requirements))}</td></tr>"
        for one in sorted(parts, key=lambda one: (VERDICTS.index(one.verdict), one.test))
    ]
    return _table("Tests", ("verdict", "test", "measures", "requirements"), rows)


def _requirements(parts: Sequence[Part], texts: Mapping[str, str]) -> str:
    """What each requirement has come to: the worst of its tests' verdicts."""
    named: dict[str, list[Part]] = {}
    for one in parts:
        for requirement in one.requirements:
            named.setdefault(requirement, []).append(one)
    rows = []
    for requirement, tests in sorted(named.items()):
        worst = min(tests, key=lambda one: VERDICTS.index(one.verdict)).verdict
        links = ", ".join(f'<a href="#{anchor(one.test)}">{say(one.test.rpartition("::")[2])}</a>' for one in tests)
        text = say(texts.get(requirement, ""))
        rows.append(f"<tr><td>{badge(worst)}</td><td>{say(requirement)}</td><td>{text}</td><td>{links}</td></tr>")
    return _table("Requirements", ("verdict", "id", "text", "tests"), rows)


def _faults(faults: Sequence[tuple[str, bool]]) -> str:
    rows = [
        f"<tr><td>{'injected' if done else badge('not exercised')}</td><td><code>{say(fault)}</code></td></tr>"
        for fault, done in faults
    ]
    return _table("Faults", ("", "schedule"), rows)


def _measures(measures: Sequence[Measure]) -> str:
    rows = []
    for one in measures:
        low, high = ("" if bound is None else figure(bound) for bound in (one.low, one.high))
        verdict = badge("passed" if one.holds else "failed")
        cells = (verdict, say(one.name), low, f"<b>{figure(one.value)}</b>", high, say(one.unit))
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return _table("Measures", ("verdict", "name", "low", "value", "high", "unit"), rows)


def _plot(plot: Plot) -> str:
    return f"<figure><figcaption>{say(plot.title)}, {say(plot.unit)} {legend(plot)}</figcaption>{svg(plot)}</figure>"


def _log(log: Sequence[tuple[int, str]]) -> str:
    rows = [f"<tr><td>{time_text(at_us)}</td><td>{say(text)}</td></tr>" for at_us, text in log[-LOG_MAX:]]
    if not rows:
        return ""
    left = f"; {len(log) - LOG_MAX} earlier ones are left out" if len(log) > LOG_MAX else ""
    table = _table("", ("time", "what"), rows)
    return f"<details><summary>What happened: {len(rows)} lines{left}</summary>{table}</details>"


def _table(title: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    if not rows:
        return ""
    caption = f"<caption>{title}</caption>" if title else ""
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return f"<table>{caption}<thead><tr>{columns}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
