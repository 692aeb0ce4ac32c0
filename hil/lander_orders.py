"""What a person, a program or a scenario may tell the lander: a verb and its values, checked once, obeyed in one place.

A table of an order (one JSON object of `kratai lander`, one inline table of a scenario) names its verb under "do" and
its values by the keys of `VERBS`: circuits, actions and phases by name or by number, all else whole numbers with the
unit in the key. "off" and "cut" both take the power at once and differ in what is told of why; warning is what "notice"
is for.

Off nominal: a table that is no order raises `OrderError`: one sentence that names the key and the nearest valid one.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.mdb.power import NoticeAction, NoticeReason
from hil.lander import Lander
from hil.profiles import CIRCUITS, PHASES

U16: Final = 0xFFFF
U32: Final = 0xFFFF_FFFF
Values = Mapping[str, int | str]


class Order(NamedTuple):
    """One thing to do: its verb, and its values by key; names for choices, whole numbers for all else."""

    verb: str
    values: Values


class OrderError(Exception):
    """What is wrong with an order, in one sentence."""


class Whole(NamedTuple):
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def read(self, key: str, value: object) -> int:
        """The number, or `OrderError`."""
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return value
        raise OrderError(f"{key} is {value!r}, must be a whole number from {self.low} to {self.high}")


class Choice(NamedTuple):
    """One of some names, whose index is the number on the wire."""

    names: Sequence[str]

    def read(self, key: str, value: object) -> str:
        """The name of a choice given by name or number, or `OrderError`."""
        if isinstance(value, str) and value.lower() in self.names:
            return value.lower()
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.names):
            return self.names[value]
        raise OrderError(f"{key} is {value!r}; 0 to {len(self.names) - 1} or {_nearest(str(value), self.names)}")


_CIRCUIT: Final = Choice(CIRCUITS)
_ACTION: Final = Choice([action.name.lower() for action in NoticeAction])
_REASON: Final = Choice([reason.name.lower() for reason in NoticeReason])
_PHASE: Final = Choice(PHASES)

VERBS: Final[Mapping[str, Mapping[str, Whole | Choice]]] = {
    "on": {"circuit": _CIRCUIT},
    "off": {"circuit": _CIRCUIT},
    "cut": {"circuit": _CIRCUIT},
    "notice": {
        "circuit": _CIRCUIT,
        "action": _ACTION,
        "seconds": Whole(0, U16),
        "reason": _REASON,
        "limit_mw": Whole(0, U32),
    },
    "mode": {"phase": _PHASE, "seconds": Whole(0, U32), "quiet": Whole(0, 15)},
    "safe": {"seconds": Whole(0, U16), "reason": Whole(0, 0xFF)},
    "status": {},
    "quit": {},
}
"""Verb -> its keys; every key may be left out. "quit" is for who runs the lander: it changes nothing here."""


def parse(table: Mapping[str, object]) -> Order:
    """The order of a table {"do": verb, key: value, …}; `OrderError` for what is none."""
    verb = table.get("do")
    if not isinstance(verb, str) or verb not in VERBS:
        raise OrderError(f'"do" is {verb!r}; {_nearest(verb if isinstance(verb, str) else "", list(VERBS))}')
    keys = VERBS[verb]
    values: dict[str, int | str] = {}
    for key, value in table.items():
        if key == "do":
            continue
        if key not in keys:
            raise OrderError(f"unknown key {key!r}; {_nearest(key, list(keys))}")
        values[key] = keys[key].read(key, value)
    return Order(verb, values)


def obey(lander: Lander, order: Order, now: Micros) -> dict[str, object]:
    """Do it; what the order asks to know is returned ("status"), else nothing."""
    return _ARMS[order.verb](lander, order.values, now) or {}


def _number(values: Values, key: str, default: int) -> int:
    value = values.get(key, default)
    assert isinstance(value, int), "parse has read it"
    return value


def _index(values: Values, key: str, names: Sequence[str], default: int = 0) -> int:
    return names.index(str(values[key])) if key in values else default


def _circuit(values: Values) -> int:
    return _index(values, "circuit", CIRCUITS)


def _on(lander: Lander, values: Values, now: Micros) -> None:
    lander.switch_on(_circuit(values), now)


def _off(lander: Lander, values: Values, now: Micros) -> None:
    lander.cut(_circuit(values), now, "switched")


def _cut(lander: Lander, values: Values, now: Micros) -> None:
    lander.cut(_circuit(values), now)


def _notice(lander: Lander, values: Values, now: Micros) -> None:
    lander.notice(
        _circuit(values),
        _index(values, "action", _ACTION.names),
        now,
        seconds_until=_number(values, "seconds", -1),
        reason=_index(values, "reason", _REASON.names),
        limit_mw=_number(values, "limit_mw", 0),
    )


def _mode(lander: Lander, values: Values, now: Micros) -> None:
    phase = _index(values, "phase", PHASES, lander.phase)
    lander.set_phase(phase, now, _number(values, "seconds", 0), _number(values, "quiet", lander.quiet))


def _safe(lander: Lander, values: Values, now: Micros) -> None:
    lander.safe_now(_number(values, "seconds", 0), _number(values, "reason", 0))


def _status(lander: Lander, values: Values, now: Micros) -> dict[str, object]:
    return lander.status(now)


def _quit(lander: Lander, values: Values, now: Micros) -> None:
    """Nothing: the lander does not know what runs it."""


_ARMS: Final[Mapping[str, Callable[[Lander, Values, Micros], dict[str, object] | None]]] = {
    "on": _on,
    "off": _off,
    "cut": _cut,
    "notice": _notice,
    "mode": _mode,
    "safe": _safe,
    "status": _status,
    "quit": _quit,
}
assert list(_ARMS) == list(VERBS), "every verb has its arm"


def _nearest(given: str, names: Sequence[str]) -> str:
    near = get_close_matches(given, names, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}" if names else "it takes none"
