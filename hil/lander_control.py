"""What a person or a program may tell the emulator while it runs: one JSON object a line, one answered line each.

`{"do": "on" | "off" | "cut", "circuit": 0}`, `{"do": "notice", "circuit": 0, "action": 0, "seconds": 5, "reason": 0,
"limit_mw": 0}`, `{"do": "mode", "phase": "cruise", "seconds": 0, "quiet": 0}`,
`{"do": "safe", "seconds": 5, "reason": 0}`, `{"do": "status"}`, `{"do": "quit"}`.
Circuits, actions and phases go by number or by name. "off" and "cut" both take the power at once and differ in what
is told of why; warning is what "notice" is for. Nothing wrong raises: the answer says what it is.
"""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb.power import NoticeAction
from hil.lander import Lander
from hil.profiles import CIRCUITS, PHASES

LINE_OCTETS_MAX: Final = 4096
VERBS: Final = ["on", "off", "cut", "notice", "mode", "safe", "status", "quit"]
_KEYS: Final = {
    "on": ["circuit"],
    "off": ["circuit"],
    "cut": ["circuit"],
    "notice": ["circuit", "action", "seconds", "reason", "limit_mw"],
    "mode": ["phase", "seconds", "quiet"],
    "safe": ["seconds", "reason"],
    "status": [],
    "quit": [],
}
assert list(_KEYS) == VERBS
_ACTIONS: Final = [action.name.lower() for action in NoticeAction]

Answer = dict[str, object]


class _ControlError(Exception):
    """What is wrong with a control line."""


def obey(lander: Lander, line: str, now: Micros) -> Answer:
    """Do what the line says; the answer holds "ok", and "error" with the reason where that is false."""
    try:
        given = json.loads(line)
    except ValueError:
        return {"ok": False, "error": "not a JSON object"}
    if not isinstance(given, dict):
        return {"ok": False, "error": "not a JSON object"}
    verb = given.pop("do", None)
    try:
        known = _known_verb(verb, given)
        return {"do": known, "ok": True, **_act(lander, known, given, now)}
    except _ControlError as wrong:
        return {"do": verb, "ok": False, "error": str(wrong)}


def _known_verb(verb: object, given: dict[str, object]) -> str:
    """The verb, once it and its keys are known."""
    if not isinstance(verb, str) or verb not in VERBS:
        raise _ControlError(f'"do" is {verb!r}; {_nearest(verb if isinstance(verb, str) else "", VERBS)}')
    for key in given:
        if key not in _KEYS[verb]:
            raise _ControlError(f"unknown key {key!r}; {_nearest(key, _KEYS[verb])}")
    return verb


def _act(lander: Lander, verb: str, given: dict[str, object], now: Micros) -> Answer:
    circuit = _chosen(given, "circuit", CIRCUITS, 0)
    match verb:
        case "on":
            lander.switch_on(circuit, now)
        case "off":
            lander.cut(circuit, now, "switched")
        case "cut":
            lander.cut(circuit, now)
        case "notice":
            lander.notice(
                circuit,
                _chosen(given, "action", _ACTIONS, 0),
                now,
                seconds_until=_number(given, "seconds", 0xFFFF, -1),
                reason=_number(given, "reason", 3, 0),
                limit_mw=_number(given, "limit_mw", 0xFFFF_FFFF, 0),
            )
        case "mode":
            phase = _chosen(given, "phase", PHASES, lander.phase)
            seconds = _number(given, "seconds", 0xFFFF_FFFF, 0)
            lander.set_phase(phase, now, seconds, _number(given, "quiet", 15, lander.quiet))
        case "safe":
            lander.safe_now(_number(given, "seconds", 0xFFFF, 0), _number(given, "reason", 0xFF, 0))
        case "status":
            return lander.status(now)
        case _:
            assert verb == "quit", "every verb has its arm"
    return {}


def _chosen(given: dict[str, object], key: str, names: Sequence[str], default: int) -> int:
    """A choice by number or name."""
    value = given.get(key, default)
    if isinstance(value, str) and value.lower() in names:
        return names.index(value.lower())
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return value
    raise _ControlError(f"{key} is {value!r}; 0 to {len(names) - 1} or {_nearest(str(value), names)}")


def _number(given: dict[str, object], key: str, high: int, default: int) -> int:
    value = given.get(key, default)
    if value is default:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= high:
        return value
    raise _ControlError(f"{key} is {value!r}, must be a whole number from 0 to {high}")


def _nearest(given: str, names: Sequence[str]) -> str:
    near = get_close_matches(given, names, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}" if names else "it takes none"
