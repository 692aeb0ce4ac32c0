"""A scenario: one mission, or ten minutes of one, as a plan that a person reads and every rung plays.

A TOML file: the lander it is flown with, how long, and legs of steps. A leg begins at its time of the mission and may
come again; its steps follow one another. A step says what is done (an order to the lander, a change of surroundings, a
fault, a change of keys, a telecommand) and what must come of it, by when. Names of missions' own files come before the
built-in ones, and a path may lie anywhere.

Off nominal: `TomlError` names file, line, key and the nearest valid name; nothing of a wrong file is used.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from fsw.kernel.clock import ManualClock
from fsw.kernel.key import NO_KEYS, Keys
from fsw.mdb.mission import BUILT_IN, Mission
from hil.board.twins import Twins
from hil.lander import lander_orders
from hil.lander.lander_orders import Order, OrderError
from hil.lander.profiles import LanderProfile
from hil.lander.profiles import load as load_profile
from hil.written import key_order
from hil.written.durations import text_of
from hil.written.expectation import Expectation, ExpectationError, known_names, read
from hil.written.fault import Fault, FaultError
from hil.written.fault import parse as parse_fault
from hil.written.fault_kinds import KINDS
from hil.written.key_order import KeyOrder
from hil.written.toml_table import Table, TomlError, nearest
from tools.ground import nested, request
from tools.ground.expiry import NONE

DAY_US: Final = 86_400_000_000
UNTIL_US_MAX: Final = 400 * DAY_US
STEPS_MAX: Final = 500
TIMES_MAX: Final = 1000
WITHIN_US: Final = 30_000_000
"""How long a step waits unless it says so."""
VERDICTS: Final = ("completed", "rejected", "failed", "refused", "any")
"""How a telecommand may be meant to end; "refused" stands for rejected or failed."""


class Send(NamedTuple):
    """A telecommand as an operator types it, how it must end, and with which failure code (None: any).

    `not_after`: its expiry as for `kratai send --not-after`; none unless the plan says so.
    """

    name: str
    arguments: Mapping[str, str]
    verdict: str
    code: int | None
    not_after: str


def with_nonce(arguments: Mapping[str, str], nonce: int) -> dict[str, str]:
    """Arguments of `Send` with the number of the last arm report where they say `nonce=armed`."""
    return {key: str(nonce) if (key, word) == ("nonce", "armed") else word for key, word in arguments.items()}


class Step(NamedTuple):
    """One step. Waits `wait_us`, acts, and holds when all of `expects` has come within `within_us` and no `never` has.

    `since_leg`: a word that came since its leg began counts too.
    """

    name: str
    wait_us: int
    order: Order | None
    surroundings: Mapping[str, int]
    fault: Fault | None
    keys: KeyOrder | None
    send: Send | None
    expects: tuple[Expectation, ...]
    never: tuple[Expectation, ...]
    within_us: int
    since_leg: bool


class Leg(NamedTuple):
    """Steps that begin at `at_us` of the mission, and again every `every_us`, `times` in all."""

    name: str
    at_us: int
    every_us: int
    times: int
    steps: tuple[Step, ...]


class StormSpec(NamedTuple):
    """Faults drawn from the seed: how many an hour, of which kinds (none named: all), none in the last `tail_us`."""

    an_hour: int
    kinds: tuple[str, ...]
    tail_us: int


class Scenario(NamedTuple):
    """A plan, checked against the mission and the lander that it is flown with."""

    name: str
    title: str
    about: str
    file: str
    profile: LanderProfile
    until_us: int
    nominal_within_us: int
    faults: tuple[Fault, ...]
    storm: StormSpec | None
    legs: tuple[Leg, ...]
    protected: bool = False
    keys: Keys = NO_KEYS
    """SIMULATED keys of a protected run, put in by the rung that plays it."""


def names(mission: Mission) -> list[str]:
    """Scenarios of this mission and the built-in ones."""
    return sorted({file.stem for folder in _folders(mission) for file in folder.glob("*.toml")})


def _folders(mission: Mission) -> list[Path]:
    return [mission.folder / "scenarios", BUILT_IN / "scenarios"]


def find(name_or_file: str, mission: Mission) -> Path:
    """The file of a scenario given by name or by path."""
    path = Path(name_or_file)
    if path.suffix or path.name != name_or_file:
        return path
    found = next((f for folder in _folders(mission) if (f := folder / f"{name_or_file}.toml").is_file()), None)
    if found is None:
        raise TomlError(f"scenario {name_or_file!r} does not exist; {nearest(name_or_file, names(mission))}")
    return found


def lander_named(named: str, mission: Mission) -> str:
    """What the profiles' reader is asked for: a file of the mission's own, or the name as it stands."""
    own = [folder / "landers" / f"{named}.toml" for folder in (mission.folder, BUILT_IN)]
    return next((str(file) for file in own if file.is_file()), named)


_TOP: Final = ["title", "about", "lander", "until", "nominal_within", "protected", "fault", "storm", "leg"]
_LEG: Final = ["name", "at", "every", "times", "step"]
_STEP: Final = [
    *("name", "wait", "order", "surroundings", "fault", "keys", "send", "verdict", "code", "not_after"),
    *("expect", "never", "within", "since_leg"),
]


def load(name_or_file: str, mission: Mission, lander: str = "") -> Scenario:
    """A scenario for a mission, with the profile `lander` instead of its own when that is named."""
    path = find(name_or_file, mission)
    top = Table.of_file(path, _TOP)
    named = lander or top.text("lander", "generic")
    until_us = top.duration_us("until", 600_000_000, 1_000_000, UNTIL_US_MAX)
    reader = _Reader(mission)
    return Scenario(
        name=path.stem,
        title=top.text("title"),
        about=top.text("about", "").strip(),
        file=str(path),
        profile=load_profile(lander_named(named, mission)),
        until_us=until_us,
        nominal_within_us=top.duration_us("nominal_within", 120_000_000, 1_000_000, UNTIL_US_MAX),
        faults=tuple(reader.fault(table) for table in top.tables("fault", None)),
        storm=_storm(top, until_us) if "storm" in top else None,
        legs=reader.legs(top, until_us),
        protected=top.flag("protected", False),
    )


def _storm(top: Table, until_us: int) -> StormSpec:
    table = top.table("storm", ["an_hour", "kinds", "tail"])
    kinds = table.texts("kinds")
    for kind in kinds:
        if kind not in KINDS:
            raise table.wrong("kinds", f"has {kind!r}; {nearest(kind, list(KINDS))}")
    return StormSpec(table.number("an_hour", 20, 1, 3600), kinds, table.duration_us("tail", until_us // 5, 0, until_us))


class _Reader:
    """Reads steps against one mission."""

    def __init__(self, mission: Mission) -> None:
        self._database = mission.database
        self._surroundings = Twins(mission, ManualClock()).surroundings

    def legs(self, top: Table, until_us: int) -> tuple[Leg, ...]:
        """All legs, in the order of the file."""
        legs = []
        steps = 0
        for number, table in enumerate(top.tables("leg", _LEG), 1):
            at_us = table.duration_us("at", 0, 0, until_us)
            times = table.number("times", 1, 1, TIMES_MAX)
            every_us = table.duration_us("every", 0, 1_000_000, until_us)
            if times > 1 and not every_us:
                raise table.wrong("times", "needs `every`, the time from one to the next")
            if at_us + (times - 1) * every_us >= until_us:
                raise table.wrong("at", f"of the last time lies behind the end of the scenario ({text_of(until_us)})")
            read = tuple(self._step(step, f"step {n}") for n, step in enumerate(table.tables("step", _STEP), 1))
            if not read:
                raise table.wrong("", "has no step")
            steps += len(read)
            legs.append(Leg(table.text("name", f"leg {number}"), at_us, every_us, times, read))
        if steps > STEPS_MAX:
            raise top.wrong("leg", f"has {steps} steps in all, at most {STEPS_MAX}")
        return tuple(legs)

    def _step(self, table: Table, name: str) -> Step:
        expects = tuple(self._expectation(table, "expect", text) for text in table.texts("expect"))
        never = tuple(self._expectation(table, "never", text) for text in table.texts("never"))
        return Step(
            name=table.text("name", name),
            wait_us=table.duration_us("wait", 0, 0, UNTIL_US_MAX),
            order=self._order(table),
            surroundings=self._surround(table),
            fault=self.fault(table.table("fault", None)) if "fault" in table else None,
            keys=key_order.read(table) if "keys" in table else None,
            send=self._send(table),
            expects=expects,
            never=never,
            within_us=table.duration_us("within", WITHIN_US, 1000, UNTIL_US_MAX),
            since_leg=table.flag("since_leg", False),
        )

    def _order(self, table: Table) -> Order | None:
        if "order" not in table:
            return None
        order = table.table("order", [*{key: None for keys in lander_orders.VERBS.values() for key in keys}, "do"])
        try:
            return lander_orders.parse(order.raw)
        except OrderError as error:
            raise table.wrong("order", f"is no order: {error}") from None

    def _surround(self, table: Table) -> Mapping[str, int]:
        found = table.table("surroundings", list(self._surroundings))
        return {name: found.number(name, 0, *self._surroundings[name]) for name in found.raw}

    def _send(self, table: Table) -> Send | None:
        if "send" not in table:
            for key in ("verdict", "code", "not_after"):
                if key in table:
                    raise table.wrong(key, "stands without `send`")
            return None
        name, *words = request.sentence_words(table.text("send")) or [""]
        arguments = request.parse_words(words)
        refused = arguments
        if not isinstance(arguments, request.Refusal):
            refused = nested.check(self._database, name, with_nonce(arguments, 0)) or arguments
        if isinstance(refused, request.Refusal) or isinstance(arguments, request.Refusal):
            raise table.wrong("send", f"is no command of this mission: {getattr(refused, 'sentence', '')}")
        verdict = table.choice("verdict", "completed", VERDICTS)
        code = table.number("code", -1, 0, 0xFFFF) if "code" in table else None
        return Send(name, arguments, verdict, code, table.text("not_after", NONE))

    def _expectation(self, table: Table, key: str, text: str) -> Expectation:
        try:
            found = read(text)
        except ExpectationError as error:
            raise table.wrong(key, f"has {error}") from None
        known = known_names(found.kind, self._database)
        if known is not None and found.name not in known:
            raise table.wrong(key, f"has {text!r}: no {found.kind.value} {found.name!r}; {nearest(found.name, known)}")
        return found

    def fault(self, table: Table) -> Fault:
        """A fault of the plan; within a step `at` counts from the step."""
        try:
            return parse_fault(table.raw, table.file, table.line(), {key: table.line(key) for key in table.raw})
        except FaultError as error:
            raise TomlError(str(error)) from None
