"""Plays a scenario: does what its steps say, hears what comes of it, judges each step. Sans-IO, the time handed in.

The same player serves every rung; what it may do it does through `Hands`. Off nominal: a step that fails ends its leg,
whose other steps count as not exercised; so does a step that the rung cannot do. The next leg begins all the same.
"""

from collections import deque
from enum import Enum, unique
from typing import Final, NamedTuple, Protocol

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander import Happening
from hil.lander.lander_orders import Order
from hil.plan.scenario import Leg, Scenario, Send, Step, with_nonce
from hil.written.expectation import Expectation, Kind, Word, holds, word_of
from hil.written.fault import Fault
from hil.written.key_order import KeyOrder
from tools.ground.records import Record
from tools.ground.request import Refusal
from tools.ground.tracking import StageChange, State

RESULTS_MAX: Final = 20_000
ARM_REPORT: Final = "system.armed"
_ENDED: Final = {State.COMPLETED: "completed", State.REJECTED: "rejected", State.FAILED: "failed"}


@unique
class Outcome(Enum):
    """What became of a step."""

    HELD = "held"
    FAILED = "failed"
    NOT_EXERCISED = "not exercised"


class StepResult(NamedTuple):
    """One step of one turn of a leg, and what was seen."""

    leg: str
    turn: int
    step: str
    began_us: int
    ended_us: int
    outcome: Outcome
    text: str
    came: tuple[str, ...] = ()
    """What was seen in the plan's own words, without values: the same on every rung."""


class Sent(Protocol):
    """A telecommand that was taken."""

    @property
    def number(self) -> int:
        """Its stages come under it."""


class Hands(Protocol):
    """What a player can do to the world; each says why it cannot, empty when it did."""

    def order(self, order: Order, now: Micros) -> str:
        """Tell the lander."""

    def surround(self, name: str, value: int, now: Micros) -> str:
        """Change what surrounds the instruments."""

    def fault(self, fault: Fault, now: Micros) -> str:
        """Begin a fault now."""

    def change_keys(self, order: KeyOrder, now: Micros) -> str:
        """Do something to the ground's keys."""

    def send(self, name: str, arguments: dict[str, str], now: Micros, not_after: str) -> Sent | Refusal:
        """Send a telecommand, with its expiry."""


class _Turn(NamedTuple):
    at_us: int
    leg: Leg
    number: int


class _Active:
    """The step at hand."""

    __slots__ = ("acted", "began_us", "deadline_us", "seen", "step", "ticket", "verdict")

    def __init__(self, step: Step, now: Micros) -> None:
        self.step = step
        self.began_us = now
        self.deadline_us = NEVER
        self.acted = False
        self.ticket: int | None = None
        self.verdict: StageChange | None = None
        self.seen: list[Word | None] = [None] * len(step.expects)


class Player:
    """`step` acts, `hear` and `happen` take what ground and lander say; `results` and `done` are the outcome."""

    def __init__(self, scenario: Scenario, hands: Hands) -> None:
        self._hands = hands
        turns = [
            _Turn(leg.at_us + turn * leg.every_us, leg, turn) for leg in scenario.legs for turn in range(leg.times)
        ]
        self._turns = deque(sorted(turns, key=lambda turn: turn.at_us))
        self._turn: _Turn | None = None
        self._steps: deque[Step] = deque()
        self._active: _Active | None = None
        self._since_leg: dict[Expectation, Word] = {}
        self._before: dict[tuple[Kind, str, str], object] = {}
        self._nonce = 0  # of the last arm report that the plan has asked for
        self._rising = {
            (wanted.kind, wanted.name): [c.key for c in wanted.conditions]
            for leg in scenario.legs
            for step in leg.steps
            for wanted in (*step.expects, *step.never)
        }
        self.parameters = frozenset(name for kind, name in self._rising if kind is Kind.PARAMETER)
        """Parameters whose samples the plan asks for."""
        self.kinds = frozenset(kind for kind, _ in self._rising)
        """Whose words it asks for."""
        self.results: list[StepResult] = []

    @property
    def done(self) -> bool:
        """Whether every step has its outcome."""
        return not self._turns and self._turn is None

    @property
    def doing(self) -> str:
        """The step at hand, for a progress line."""
        if self._turn is None or self._active is None:
            return ""
        return f"{self._turn.leg.name}: {self._active.step.name}"

    # --- time -----------------------------------------------------------------------------------------------------

    def step(self, now: Micros) -> Micros:
        """Act on what has fallen due; returns when to call again without new input."""
        while True:
            if self._turn is None:
                if not self._turns:
                    return NEVER
                if now < self._turns[0].at_us:
                    return Micros(self._turns[0].at_us)
                self._begin_leg()
            active = self._active
            if active is None:
                self._begin_step(now)
                continue
            if not active.acted:
                if now < active.began_us + active.step.wait_us:
                    return Micros(active.began_us + active.step.wait_us)
                self._act(active, now)
                continue
            if not self._judge(active, now):
                return active.deadline_us

    def finish(self, now: Micros) -> None:
        """The run is over: what is still open has failed, what had not begun was not exercised."""
        if self._active is not None:
            self._end(self._active, Outcome.FAILED, "the scenario ended before it had come", now)
        self._skip("the scenario ended before it", now)
        while self._turns:
            self._begin_leg()
            self._skip("the scenario ended before it", now)

    def _begin_leg(self) -> None:
        self._turn = self._turns.popleft()
        self._steps = deque(self._turn.leg.steps)
        self._since_leg = {}

    def _begin_step(self, now: Micros) -> None:
        if self._steps:
            self._active = _Active(self._steps.popleft(), now)
        else:
            self._turn = None

    def _act(self, active: _Active, now: Micros) -> None:
        """Do what the step says, all at once."""
        step, active.acted = active.step, True
        active.began_us = now
        active.deadline_us = Micros(now + step.within_us)
        if step.since_leg:
            active.seen = [self._since_leg.get(wanted) for wanted in step.expects]
        cannot = [self._hands.surround(name, value, now) for name, value in step.surroundings.items()]
        if step.order is not None:
            cannot.append(self._hands.order(step.order, now))
        if step.fault is not None:
            cannot.append(self._hands.fault(step.fault, now))
        if step.keys is not None:
            cannot.append(self._hands.change_keys(step.keys, now))
        why = next((reason for reason in cannot if reason), "")
        if why:
            self._end(active, Outcome.NOT_EXERCISED, why, now)
        elif step.send is not None:
            arguments = with_nonce(step.send.arguments, self._nonce)
            sent = self._hands.send(step.send.name, arguments, now, step.send.not_after)
            if isinstance(sent, Refusal):
                self._end(active, Outcome.FAILED, f"the ground refused {step.send.name}: {sent.sentence}", now)
            else:
                active.ticket = sent.number

    # --- what is heard --------------------------------------------------------------------------------------------

    def hear(self, record: Record, now: Micros) -> None:
        """A record of the ground session."""
        if isinstance(record, StageChange):
            self.hear_stage(record)
            return
        word = word_of(record)
        if word is not None:
            self.hear_word(word, now)

    def happen(self, happening: Happening, now: Micros) -> None:
        """What the lander tells its user."""
        self.hear_word(Word(Kind.LANDER, happening.what, happening.values, happening.at_us), now)

    def hear_stage(self, change: StageChange) -> None:
        """A word on a command that was sent."""
        active = self._active
        if active is not None and change.ticket == active.ticket and change.verdict:
            active.verdict = change

    def hear_word(self, word: Word, now: Micros) -> None:
        """Anything that may fulfil an expectation."""
        keys = self._rising.get((word.kind, word.name))
        if keys is None:
            return
        if word.name == ARM_REPORT and isinstance(nonce := word.values.get("nonce"), int):
            self._nonce = nonce
        if self._turn is not None:
            self._hear_since_leg(word)
        active = self._active
        if active is not None and active.acted:
            for number, wanted in enumerate(active.step.expects):
                if active.seen[number] is None and holds(wanted, word, self._before):
                    active.seen[number] = word
            for unwanted in active.step.never:
                if self._active is active and holds(unwanted, word, self._before):
                    self._end(active, Outcome.FAILED, f"{unwanted.text} came, which must not", now)
        for key in keys:
            self._before[word.kind, word.name, key] = word.values.get(key)

    def _hear_since_leg(self, word: Word) -> None:
        for step in self._steps:
            if step.since_leg:
                for wanted in step.expects:
                    if wanted not in self._since_leg and holds(wanted, word, self._before):
                        self._since_leg[wanted] = word

    # --- judgement ------------------------------------------------------------------------------------------------

    def _judge(self, active: _Active, now: Micros) -> bool:
        """End the step if it can be judged now."""
        step = active.step
        wrong = _verdict_fault(step.send, active.verdict)
        if wrong:
            self._end(active, Outcome.FAILED, wrong, now)
            return True
        came = all(word is not None for word in active.seen)
        told = step.send is None or active.verdict is not None
        late = now >= active.deadline_us
        if came and told and (late or not step.never):
            self._end(active, Outcome.HELD, _seen(active), now)
        elif late:
            self._end(active, Outcome.FAILED, _missing(active), now)
        else:
            return False
        return True

    def _end(self, active: _Active, outcome: Outcome, text: str, now: Micros) -> None:
        assert self._turn is not None
        self._say(active.step.name, active.began_us, outcome, text, now, _came(active))
        self._active = None
        if outcome is not Outcome.HELD:
            self._skip(f"after {active.step.name!r} was {outcome.value}", now)

    def _skip(self, why: str, now: Micros) -> None:
        """The rest of the leg is not exercised."""
        while self._steps:
            self._say(self._steps.popleft().name, now, Outcome.NOT_EXERCISED, why, now)
        self._turn = None
        self._active = None

    def _say(
        self, step: str, began_us: int, outcome: Outcome, text: str, now: Micros, came: tuple[str, ...] = ()
    ) -> None:
        assert self._turn is not None
        if len(self.results) < RESULTS_MAX:
            leg = self._turn.leg.name
            self.results.append(StepResult(leg, self._turn.number, step, began_us, now, outcome, text, came))


def _verdict_fault(send: Send | None, verdict: StageChange | None) -> str:
    """What is wrong with how a command ended; empty while it has not, or ended as it must."""
    if send is None or verdict is None or send.verdict == "any":
        return ""
    ended = _ENDED.get(verdict.state, verdict.state.value)
    named = ended == send.verdict or (send.verdict == "refused" and ended in ("rejected", "failed"))
    fits = named and (send.code is None or verdict.code == send.code)
    if fits:
        return ""
    wanted = send.verdict if send.code is None else f"{send.verdict} with code {send.code:#x}"
    code = "" if verdict.code is None else f" with code {verdict.code:#x}"
    return f"{send.name} ended {ended}{code}, not {wanted}{f': {verdict.text}' if verdict.text else ''}"


def _ending(active: _Active) -> list[str]:
    """How the step's command ended; empty while it has none, or no end."""
    send, verdict = active.step.send, active.verdict
    if send is None or verdict is None:
        return []
    code = "" if verdict.code is None else f" with code {verdict.code:#x}"
    return [f"{send.name} {_ENDED.get(verdict.state, verdict.state.value)}{code}"]


def _came(active: _Active) -> tuple[str, ...]:
    """What was seen, as the plan asked for it."""
    words = [wanted.text for wanted, word in zip(active.step.expects, active.seen, strict=True) if word is not None]
    return (*_ending(active), *words)


def _seen(active: _Active) -> str:
    """What was seen, in a sentence."""
    parts = _ending(active)
    for wanted, word in zip(active.step.expects, active.seen, strict=True):
        assert word is not None
        shown = {key or wanted.name: word.values.get(key) for key, _, _ in wanted.conditions}
        values = ", ".join(f"{key} {value}" for key, value in shown.items())
        parts.append(f"{wanted.kind.value} {wanted.name}{f' ({values})' if values else ''}")
    parts += [f"no {unwanted.text}" for unwanted in active.step.never]
    return "; ".join(parts)


def _missing(active: _Active) -> str:
    """What has not come."""
    missing = [wanted.text for wanted, word in zip(active.step.expects, active.seen, strict=True) if word is None]
    if active.step.send is not None and active.verdict is None:
        missing.insert(0, f"the last word on {active.step.send.name}")
    return f"{' and '.join(missing)} did not come within {active.step.within_us / 1e6:g} s"
