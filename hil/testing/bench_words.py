"""The words of a payload engineer's test: command, expect, tell the lander, change the surroundings, inject a fault.

Each word lets time pass until what it waits for has come, or its deadline has; on virtual time that costs nothing.
The same test runs on every rung: what differs is the `Stage`. What has come since the test last did something counts.

Off nominal: what does not come in time raises `Missed`, which says what was awaited, what came instead, when, and how
to repeat it. What the rung cannot do raises `NotExercised`, which is no pass. A name that there is not is a
`WordsError`.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

from fsw.kernel.clock import Micros
from fsw.mdb.mission import Mission
from hil.bench import Bench
from hil.board.twins import Twins
from hil.lander.lander_orders import OrderError
from hil.lander.lander_orders import parse as parse_order
from hil.run_result import RunResult
from hil.testing.heard import Entry, Heard, Watch, said
from hil.written.durations import DurationError, parse_us
from hil.written.expectation import Expectation, ExpectationError, Kind, Word, known_names, read
from hil.written.fault import FaultError, make
from hil.written.fault_kinds import Ability
from hil.written.toml_table import nearest
from tools.ground.request import Refusal
from tools.ground.ticket import Ticket
from tools.ground.tracking import StageChange, State

WITHIN_S: Final = 30.0
BOOT_S: Final = 60.0
SHOWN_MAX: Final = 12
"""Words shown of what came instead."""


class Stage(Protocol):
    """A bench on one rung, and the time that passes there."""

    @property
    def bench(self) -> Bench:
        """Lander, ground, faults and observers."""

    def advance(self, until: Micros, stop: Callable[[], bool]) -> None:
        """Let everybody act on what was done from outside, and time pass until then or until `stop` says so."""

    def result(self) -> RunResult:
        """What came of the run; the last that is asked of it."""

    def close(self) -> None:
        """Give everything back."""


class Missed(AssertionError):  # noqa: N818 - a verdict on the payload, not an error of the test
    """What was awaited did not come, or what must not came."""


class NotExercised(Exception):  # noqa: N818 - neither pass nor error
    """The rung cannot do this; the text says what."""


class WordsError(ValueError):
    """A test asks for what there is not; the text is one sentence."""


class Words:
    """What a test has in its hands. `again` is the command that repeats the test. Times in seconds of the run."""

    def __init__(self, stage: Stage, mission: Mission, heard: Heard, again: str) -> None:
        self._stage, self._mission, self._heard, self._again = stage, mission, heard, again
        self._twins = Twins(mission, stage.bench.clock)

    # Time

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return self._now / 1e6

    @property
    def _now(self) -> Micros:
        return self._stage.bench.clock.now()

    def waits(self, seconds: float) -> None:
        """Let time pass."""
        self._stage.advance(Micros(self._now + _us(seconds)), lambda: False)

    # Doing

    def command(self, name: str, **arguments: object) -> "Sent":
        """Send a telecommand; what must become of it is said of the answer: `.completes()`, `.refused()`."""
        __tracebackhide__ = True
        words = {key: _word(value) for key, value in arguments.items()}
        self._heard.act(
            self._now, f"command {name} {' '.join(f'{key}={value}' for key, value in words.items())}".rstrip()
        )
        return Sent(self, self._heard, name, self._stage.bench.send(name, words, self._now), self._now)

    def lander(self, verb: str, **values: int | str) -> None:
        """Tell the lander: on, off, cut, notice, mode, safe, … (hil/lander/lander_orders.py)."""
        __tracebackhide__ = True
        try:
            order = parse_order({"do": verb, **values})
        except OrderError as error:
            raise WordsError(str(error)) from None
        self._heard.act(
            self._now, f"lander {verb} {' '.join(f'{key}={value}' for key, value in values.items())}".rstrip()
        )
        self._done(self._stage.bench.order(order, self._now))

    def surroundings(self, values: Mapping[str, int]) -> None:
        """Change what surrounds the instruments: "instrument.attribute" -> value."""
        __tracebackhide__ = True
        for name, value in values.items():
            fault = self._twins.fault_of(name, value)
            if fault:
                raise WordsError(fault)
        self._heard.act(self._now, f"surroundings {', '.join(f'{name} = {value}' for name, value in values.items())}")
        for name, value in values.items():
            self._done(self._stage.bench.surround(name, value, self._now))

    def fault(self, kind: str, lasting: str | None = None, **values: int | str) -> None:
        """Begin a fault now (hil/written/fault_kinds.py); `lasting` is a duration, "30 s"; without it what is usual."""
        __tracebackhide__ = True
        try:
            for_us = None if lasting is None else parse_us(lasting)
            fault = make(kind, self._now, for_us, **values)
        except DurationError as error:
            raise WordsError(f"fault {kind}: lasting {error}") from None
        except FaultError as error:
            raise WordsError(str(error)) from None
        self._heard.act(self._now, f"fault {kind}")
        self._done(self._stage.bench.fault(fault, self._now))

    def _done(self, why_not: str) -> None:
        __tracebackhide__ = True
        if why_not:
            raise NotExercised(why_not)

    # Expecting

    def boots(self, within: float = BOOT_S, *, housekeeping: bool = True) -> Word:
        """Switch the payload on, wait until it has booted and commands would leave, and let it report its housekeeping.

        Where the bench has no hold of the power, wait for the link alone. Returns the boot event, or the link's state.
        """
        __tracebackhide__ = True
        if Ability.POWER in self._stage.bench.end.abilities:
            self.lander("on", circuit="ops")
            boot = self.expects("event system.booted", within=within)
            self.expects("link ready", within=within)
        else:
            boot = self.expects("link ready", within=within)
        if housekeeping:
            self.command("housekeeping.enable", sids=1).completes()
        return boot

    def expects(self, awaited: str = "", *, not_seeing: str | Sequence[str] = (), within: float = WITHIN_S) -> Word:
        """Wait for a word: `event NAME key > value`, `parameter NAME < value`, `packet NAME`, `lander WHAT`, …


        `not_seeing` must not come before it; without `awaited`, not for so long. Returns the word: `.values`, `.at`.
        """
        __tracebackhide__ = True
        unwanted = (not_seeing,) if isinstance(not_seeing, str) else tuple(not_seeing)
        watch = Watch(self._read(awaited) if awaited else None, [self._read(text) for text in unwanted])
        if watch.wanted is None and not watch.unwanted:
            raise WordsError("expects needs something to wait for, or something not to see")
        began = self._now
        self._heard.begin(watch)
        self._stage.advance(Micros(began + _us(within)), lambda: watch.decided)
        self._heard.watch = None
        if watch.wrong is not None:
            expectation, word = watch.wrong
            self.miss(f"{expectation.text} came, which must not: {said(word)} at {word.at / 1e6:.3f} s", began)
        if watch.came is not None:
            return watch.came
        if watch.wanted is None:
            return Word(Kind.LINK, "", {}, self._now)
        return self.miss(f"{watch.wanted.text} did not come within {within:g} s", began, watch.wanted)

    def value(self, parameter: str) -> object:
        """The last value of a parameter that the ground has seen, an enumeration's by name; None: none yet."""
        __tracebackhide__ = True
        self._read(f"parameter {parameter}")
        word = self._heard.last(Kind.PARAMETER, parameter)
        return None if word is None else word.values[""]

    def until(self, reached: Callable[[], bool], begin: Micros, within: float) -> None:
        """Let time pass until something holds, at most so many seconds from `begin`."""
        self._stage.advance(Micros(max(begin + _us(within), self._now)), reached)

    def miss(self, text: str, began: Micros, wanted: Expectation | None = None) -> Word:
        """Raise `Missed`: the text, the time, what came instead, how to repeat it."""
        __tracebackhide__ = True
        lines = [f"{text} (waited from {began / 1e6:.3f} s to {self.now_s:.3f} s of the run)"]
        last = None if wanted is None else self._heard.last(wanted.kind, wanted.name)
        lines += instead(list(self._heard.entries), wanted, last)
        raise Missed("\n".join([*lines, f"again: {self._again}"]))

    def _read(self, text: str) -> Expectation:
        __tracebackhide__ = True
        try:
            found = read(text)
        except ExpectationError as error:
            raise WordsError(str(error)) from None
        known = known_names(found.kind, self._mission.database)
        if known is not None and found.name not in known:
            raise WordsError(f"{text!r}: no {found.kind.value} {found.name!r}; {nearest(found.name, known)}")
        return found


class Sent:
    """A telecommand on its way. Each of its words waits for the last word on it and returns it."""

    def __init__(self, words: Words, heard: Heard, name: str, sent: Ticket | Refusal, at: Micros) -> None:
        self._words, self._heard, self._name, self._sent, self._at = words, heard, name, sent, at

    def completes(self, within: float = WITHIN_S) -> "Answer":
        """It must complete."""
        __tracebackhide__ = True
        return self._ends((State.COMPLETED,), None, within)

    def rejected(self, code: int | None = None, within: float = WITHIN_S) -> "Answer":
        """It must fail acceptance or routing."""
        __tracebackhide__ = True
        return self._ends((State.REJECTED,), code, within)

    def fails(self, code: int | None = None, within: float = WITHIN_S) -> "Answer":
        """It must be accepted and then fail."""
        __tracebackhide__ = True
        return self._ends((State.FAILED,), code, within)

    def refused(self, code: int | None = None, within: float = WITHIN_S) -> "Answer":
        """It must be rejected, or fail."""
        __tracebackhide__ = True
        return self._ends((State.REJECTED, State.FAILED), code, within)

    def refused_by_ground(self) -> str:
        """The ground must not even send it; returns its sentence."""
        __tracebackhide__ = True
        if isinstance(self._sent, Refusal):
            return self._sent.sentence
        self._words.miss(f"the ground has sent {self._name}, which it should refuse", self._at)
        raise AssertionError("miss raises")

    def _ends(self, states: tuple[State, ...], code: int | None, within: float) -> "Answer":
        __tracebackhide__ = True
        if isinstance(self._sent, Refusal):
            raise WordsError(f"the ground refuses {self._name}: {self._sent.sentence}")
        ticket = self._sent.number
        stages = self._heard.stages

        def verdict() -> StageChange | None:
            return next((stage for stage in reversed(stages.get(ticket, ())) if stage.verdict), None)

        self._words.until(lambda: verdict() is not None, self._at, within)
        found = verdict()
        wanted = " or ".join(state.value for state in states) + ("" if code is None else f" with code {code:#x}")
        if found is None:
            came = ", ".join(stage.word.value for stage in stages.get(ticket, ())) or "nothing"
            self._words.miss(f"{self._name} was not {wanted} within {within:g} s; heard of it: {came}", self._at)
        elif found.state not in states or (code is not None and found.code != code):
            text = f" ({found.text})" if found.text else ""
            self._words.miss(f"{self._name} ended {found.state.value}{text}, not {wanted}", self._at)
        assert found is not None, "miss raises"
        return Answer(found, self._at)


class Answer:
    """The last word on a telecommand."""

    def __init__(self, change: StageChange, sent_at: Micros) -> None:
        self.state = change.state.value
        self.code = change.code
        self.text = change.text
        self.latency_s = (change.at - sent_at) / 1e6
        """Seconds from the test's `command` to the ground's hearing of it."""


def instead(entries: Sequence[Entry], wanted: Expectation | None, last: Word | None) -> list[str]:
    """What came since the last act, as lines; samples of parameters only of the one that was awaited.

    `last`: the last word of that name in the whole run.
    """
    words = [entry.word for entry in entries if entry.word.kind is not Kind.LINK]
    near = [word for word in words if wanted and (word.kind, word.name) == (wanted.kind, wanted.name)]
    rest = [word for word in words if word.kind in (Kind.EVENT, Kind.LANDER) and word not in near]
    shown = near[-SHOWN_MAX // 2 :]
    shown += rest[len(rest) - min(len(rest), SHOWN_MAX - len(shown)) :]
    lines = [
        "what came since the test last did something:" if shown else "nothing came since the test last did something"
    ]
    left = len(near) + len(rest) - len(shown)
    lines += [f"  … and {left} more"] if left else []
    lines += [_line(word) for word in sorted(shown, key=lambda word: word.at)]
    return lines if near or last is None else [*lines, f"the last of that name:{_line(last)}"]


def _line(word: Word) -> str:
    return f"  {word.at / 1e6:.3f} s  {said(word)}"


def _us(seconds: float) -> int:
    if not 0 <= seconds <= 400 * 86_400:
        raise WordsError(f"{seconds!r} seconds are no time to wait")
    return round(seconds * 1_000_000)


def _word(value: object) -> str:
    """A value of a command as an operator types it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return ",".join(_word(each) for each in value)
    return str(value)
