"""What each role may ask of a ground session: one table. What is not in it nobody may.

An observer sees everything and moves nothing. An operator commands, keeps the link and fetches what was lost. An
engineer may also command a payload that flies another database, change the link's keys, send telecommands elsewhere,
and end the session.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final


@unique
class Role(Enum):
    """What a person may do; the values are what files and command lines say."""

    OBSERVER = "observer"
    OPERATOR = "operator"
    ENGINEER = "engineer"


@unique
class Verb(Enum):
    """What a client can ask for; the values are what is said of it."""

    STATUS = "status"
    WATCH = "watch"
    SAMPLES = "samples"
    GAPS = "gaps"
    SEND = "send"
    FORCE = "send --force"
    SYNC = "link sync"
    RECOVER = "recover"
    ROTATE = "keys rotate"
    ROUTE = "route"
    STOP = "stop"


_SEEING: Final = frozenset((Verb.STATUS, Verb.WATCH, Verb.SAMPLES, Verb.GAPS))
_COMMANDING: Final = _SEEING | {Verb.SEND, Verb.SYNC, Verb.RECOVER}

ALLOWED: Final = {
    Role.OBSERVER: _SEEING,
    Role.OPERATOR: _COMMANDING,
    Role.ENGINEER: _COMMANDING | {Verb.FORCE, Verb.ROTATE, Verb.ROUTE, Verb.STOP},
}
COMMANDS: Final = frozenset(Verb) - _SEEING
"""Verbs that change something: each use of one is recorded, a refused one too."""

_OPS: Final = {
    "status": Verb.STATUS,
    "watch": Verb.WATCH,
    "samples": Verb.SAMPLES,
    "gaps": Verb.GAPS,
    "sync": Verb.SYNC,
    "recover": Verb.RECOVER,
    "rotate": Verb.ROTATE,
    "route": Verb.ROUTE,
    "stop": Verb.STOP,
}


def verb_of(message: Mapping[str, object]) -> Verb | None:
    """What a client's message asks for; None for nothing that is known."""
    op = message.get("op")
    if op == "send":
        return Verb.SEND if message.get("force", False) is False else Verb.FORCE
    return _OPS.get(op) if isinstance(op, str) else None


def may(role: Role, verb: Verb) -> bool:
    """Whether a role has that verb."""
    return verb in ALLOWED[role]


def lowest(verb: Verb) -> Role:
    """The least role that has it, for a refusal's sentence."""
    return next(role for role in Role if verb in ALLOWED[role])
