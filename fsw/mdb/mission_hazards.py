"""When a mission's hazardous commands may be executed, and by how many: `[hazards]` of its mission.toml.

    [hazards."system.restart"]
    phases = ["commission", "cruise"]   # of the lander (contract, section 4); in any phase unless given
    operators = 2                       # another source id executes than the one that armed; 1 unless given

A hazardous command that the file does not name may be executed in any phase by one operator, armed all the same.
`unknown` stands for the phase of a lander that has not told it, or is silent.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

from fsw.mdb.database import Database
from fsw.mdb.lander import Phase
from fsw.mdb.model import Hazard

OPERATORS_MAX: Final = 2
_KEYS: Final = ("phases", "operators")
_PHASES: Final[Mapping[str, Phase | None]] = {**{phase.name.lower(): phase for phase in Phase}, "unknown": None}
UNKNOWN_BIT: Final = 31
"""Stands for the unknown phase in `Rule.mask`."""


class Rule(NamedTuple):
    """What executing one hazardous command takes. `phases`: None among them is one that is not known."""

    phases: frozenset[Phase | None] = frozenset(_PHASES.values())
    operators: int = 1

    @property
    def mask(self) -> int:
        """Bit n: phase n is allowed."""
        return sum(1 << (UNKNOWN_BIT if phase is None else phase) for phase in self.phases)


def read(table: Mapping[str, object], database: Database) -> dict[type[object], Rule] | str:
    """The rule of every hazardous command, by its body class; or a sentence about what is wrong with the table."""
    entries = database.tables.commands.values()
    bodies = {entry.name: entry.body for entry in entries if entry.hazard is Hazard.HAZARDOUS}
    rules = dict.fromkeys(bodies.values(), Rule())
    for name, section in table.items():
        if name not in bodies:
            tame = database.by_name(name)
            if tame is not None:
                return f"hazards: {name} is {Hazard(tame.hazard).name.lower()}, not hazardous"
            return f"hazards: there is no hazardous command {name!r}{_hint(name, bodies)}"
        rule = _rule(section) if isinstance(section, dict) else "must be a table"
        if isinstance(rule, str):
            return f'hazards."{name}": {rule}'
        rules[bodies[name]] = rule
    return rules


def words(rules: Mapping[type[object], Rule], database: Database) -> dict[str, tuple[list[str], int]]:
    """Phases and operators of every hazardous command, by its name, as the mission file says them."""
    return {
        entry.name: ([word for word, phase in _PHASES.items() if phase in rule.phases], rule.operators)
        for entry in database.tables.commands.values()
        if (rule := rules.get(entry.body)) is not None
    }


def _rule(section: Mapping[str, object]) -> Rule | str:
    for key in section:
        if key not in _KEYS:
            return f"unknown key {key}{_hint(key, _KEYS)}"
    phases, operators = section.get("phases"), section.get("operators", 1)
    if type(operators) is not int or not 1 <= operators <= OPERATORS_MAX:
        return f"operators must be 1 or {OPERATORS_MAX}, not {operators!r}"
    if phases is None:
        return Rule(operators=operators)
    if not isinstance(phases, list) or not phases or not all(isinstance(word, str) for word in phases):
        return f"phases lists some of the lander's phases, not {phases!r}"
    for word in phases:
        if word not in _PHASES:
            return f"there is no phase {word!r}{_hint(word, _PHASES)}"
    return Rule(frozenset(_PHASES[word] for word in phases), operators)


def _hint(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    near = get_close_matches(word, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; it knows {', '.join(known)}"
