"""What a person, a program or a scenario may tell the lander: a verb and its values, checked once, obeyed in one place.

A table of an order (one JSON object of `kratai lander`, one inline table of a scenario) names its verb under "do" and
its values by the keys of `VERBS`: circuits, actions and phases by name or by number, all else whole numbers with the
unit in the key. "off" and "cut" both take the power at once and differ in what is told of why; warning is what "notice"
is for.

Off nominal: a table that is no order raises `OrderError`: one sentence that names the key and the nearest valid one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import IntEnum
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.mdb.lander import AuthorisationStep, TimeQuality
from fsw.mdb.power import NoticeAction, NoticeReason
from hil.lander import heater
from hil.lander.lander import OPS, Lander
from hil.lander.lander_credit import CHANNELS, UNLIMITED
from hil.lander.lander_profile import CIRCUITS, OVERFLOWS, PHASES

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


def _names(members: Iterable[IntEnum]) -> list[str]:
    return [member.name.lower() for member in members]


CIRCUIT: Final = Choice(CIRCUITS)
ACTION: Final = Choice(_names(NoticeAction))
REASON: Final = Choice(_names(NoticeReason))
PHASE: Final = Choice(PHASES)
STEP: Final = Choice(_names(AuthorisationStep))
QUALITY: Final = Choice(_names(TimeQuality))
HEATER: Final = Choice(heater.MODES)
OVERFLOW: Final = Choice(OVERFLOWS)
GRANT: Final = Choice(("refuse", "grant"))
VC: Final = Choice([f"vc{vc}" for vc in CHANNELS])
_MA: Final = Whole(0, U16)
_MS: Final = Whole(0, 86_400_000)
_SECONDS: Final = Whole(0, 10**9)
_STEP_MS: Final = Whole(-(10**13), 10**13)

# fmt: off
VERBS: Final[Mapping[str, Mapping[str, Whole | Choice]]] = {
    "on": {"circuit": CIRCUIT},
    "off": {"circuit": CIRCUIT},
    "cut": {"circuit": CIRCUIT},
    "notice": {"circuit": CIRCUIT, "action": ACTION, "seconds": Whole(0, U16), "reason": REASON,
               "limit_mw": Whole(0, U32)},
    "reset_trip": {"circuit": CIRCUIT},
    "load": {"circuit": CIRCUIT, "ma": _MA, "permille": Whole(0, 100_000), "ms": _MS},
    "supply": {"bus_mv": _MA},
    "heater": {"mode": HEATER},
    "policy": {"power": GRANT, "heater": GRANT, "cycle": GRANT, "longer_notice": GRANT},
    "mode": {"phase": PHASE, "seconds": Whole(0, U32), "quiet": Whole(0, 15)},
    "safe": {"seconds": Whole(0, U16), "reason": Whole(0, 0xFF)},
    "authorise": {"step": STEP, "opens_s": _SECONDS, "closes_s": _SECONDS, "nonce": Whole(0, U32)},
    "time": {"step_ms": _STEP_MS, "jitter_us": Whole(0, 1_000_000), "drift_ppb": Whole(-1_000_000, 1_000_000),
             "loss_permille": Whole(0, 1000), "late_ms": Whole(0, 60_000), "quality": QUALITY,
             "leap": Whole(0, 0xFF), "tai_minus_utc_s": Whole(0, 0xFF)},
    "heartbeat": {"jitter_permille": Whole(0, 900)},
    "silence": {"seconds": _SECONDS},
    "reboot": {"seconds": Whole(1, 86_400)},
    "link": {"bps": Whole(0, 100_000_000), "permille": Whole(1, 1000), "one_way_ms": Whole(0, 60_000)},
    "pass": {"in_s": _SECONDS, "for_s": Whole(1, 10**9)},
    "blackout": {"in_s": _SECONDS, "for_s": Whole(1, 10**9)},
    "queue": {"overflow": OVERFLOW, "octets": Whole(4096, 10**9)},
    "credit": {"vc": VC, "octets": Whole(0, U32)},
    "around": {"deck_cdegc": Whole(-0x7FFF, 0x7FFF), "altitude_m": Whole(0, U32), "flags": Whole(0, 0xFF)},
    "status": {},
    "quit": {},
}
# fmt: on
"""Verb -> its keys; every key may be left out, and what is left out stays as it is. See `_ARMS` for what each does.

"load" lets `ma` flow beyond what the board draws, or as much as makes `permille` of the circuit's limit. "credit"
without octets ends one, "silence" without seconds too. "link" sets the radio by `bps` (0: all of the line) or as a part
of the profile's. "quit" is for who runs the lander: it changes nothing here.
"""


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
        _index(values, "action", ACTION.names),
        now,
        seconds_until=_number(values, "seconds", -1),
        reason=_index(values, "reason", REASON.names),
        limit_mw=_number(values, "limit_mw", 0),
    )


def _mode(lander: Lander, values: Values, now: Micros) -> None:
    phase = _index(values, "phase", PHASES, lander.phase)
    lander.set_phase(phase, now, _number(values, "seconds", 0), _number(values, "quiet", lander.quiet))


def _safe(lander: Lander, values: Values, now: Micros) -> None:
    lander.safe_now(_number(values, "seconds", 0), _number(values, "reason", 0))


def _reset_trip(lander: Lander, values: Values, now: Micros) -> None:
    lander.power.reset_trip(_circuit(values), now)


def _load(lander: Lander, values: Values, now: Micros) -> None:
    """More current for so long: by `ma`, or so much that it makes this part of the limit."""
    circuit, power = _circuit(values), lander.power
    wanted_ma = _number(values, "permille", 0) * power.limit_ma(circuit) // 1000
    ma = _number(values, "ma", 0) + max(0, wanted_ma - power.drawn_ma(circuit))
    power.pulse(circuit, ma, 1000 * _number(values, "ms", 100), now)


def _supply(lander: Lander, values: Values, now: Micros) -> None:
    lander.power.set_bus(_number(values, "bus_mv", lander.profile.circuits[OPS].bus_mv), now)


def _heater(lander: Lander, values: Values, now: Micros) -> None:
    lander.power.set_heater(str(values.get("mode", "order")), now)


def _policy(lander: Lander, values: Values, now: Micros) -> None:
    granted = {key: value == "grant" for key, value in values.items()}
    lander.requests.policy = lander.requests.policy._replace(**granted)


def _authorise(lander: Lander, values: Values, now: Micros) -> None:
    opens_us = Micros(now + 1_000_000 * _number(values, "opens_s", 0))
    closes_us = Micros(now + 1_000_000 * _number(values, "closes_s", 600))
    step = _index(values, "step", STEP.names)
    lander.authorise(step, opens_us, closes_us, _number(values, "nonce", 0), now)


def _time(lander: Lander, values: Values, now: Micros) -> None:
    time = lander.time
    time.step(1000 * _number(values, "step_ms", 0))
    time.jitter_us = _number(values, "jitter_us", time.jitter_us)
    time.loss_permille = _number(values, "loss_permille", time.loss_permille)
    time.late_us = 1000 * _number(values, "late_ms", time.late_us // 1000)
    time.quality = _index(values, "quality", QUALITY.names, time.quality)
    time.leap = _number(values, "leap", time.leap)
    time.tai_minus_utc_s = _number(values, "tai_minus_utc_s", time.tai_minus_utc_s)
    if "drift_ppb" in values:
        time.set_drift(_number(values, "drift_ppb", 0), now)


def _heartbeat(lander: Lander, values: Values, now: Micros) -> None:
    lander.voice.jitter_permille = _number(values, "jitter_permille", 0)


def _silence(lander: Lander, values: Values, now: Micros) -> None:
    lander.silence(1_000_000 * _number(values, "seconds", 0), now)


def _reboot(lander: Lander, values: Values, now: Micros) -> None:
    lander.reboot(1_000_000 * _number(values, "seconds", 60), now)


def _link(lander: Lander, values: Values, now: Micros) -> None:
    if "bps" in values:
        lander.ground.set_bps(_number(values, "bps", 0))
    if "permille" in values:
        lander.ground.scale(_number(values, "permille", 1000))
    if "one_way_ms" in values:
        lander.ground.set_one_way(1000 * _number(values, "one_way_ms", 0))
    lander.contacts_changed(now)


def _span(values: Values, now: Micros) -> tuple[int, int]:
    begin_us = now + 1_000_000 * _number(values, "in_s", 0)
    return begin_us, begin_us + 1_000_000 * _number(values, "for_s", 600)


def _pass(lander: Lander, values: Values, now: Micros) -> None:
    lander.ground.passes.add(*_span(values, now))
    lander.contacts_changed(now)


def _blackout(lander: Lander, values: Values, now: Micros) -> None:
    lander.ground.passes.black_out(*_span(values, now))
    lander.contacts_changed(now)


def _queue(lander: Lander, values: Values, now: Micros) -> None:
    queue = lander.ground.telemetry
    queue.octets_max = _number(values, "octets", queue.octets_max)
    queue.overflow = OVERFLOWS[_index(values, "overflow", OVERFLOWS, OVERFLOWS.index(queue.overflow))]


def _credit(lander: Lander, values: Values, now: Micros) -> None:
    vc = CHANNELS[_index(values, "vc", VC.names)]
    lander.credits.order(vc, _number(values, "octets", UNLIMITED), now)


def _around(lander: Lander, values: Values, now: Micros) -> None:
    was = lander.around
    lander.around = was._replace(
        deck_cdegc=_number(values, "deck_cdegc", was.deck_cdegc),
        altitude_m=_number(values, "altitude_m", was.altitude_m),
        flags=_number(values, "flags", was.flags),
    )


def _status(lander: Lander, values: Values, now: Micros) -> dict[str, object]:
    return lander.status(now)


def _quit(lander: Lander, values: Values, now: Micros) -> None:
    """Nothing: the lander does not know what runs it."""


_ARMS: Final[Mapping[str, Callable[[Lander, Values, Micros], dict[str, object] | None]]] = {
    "on": _on,
    "off": _off,
    "cut": _cut,
    "notice": _notice,
    "reset_trip": _reset_trip,
    "load": _load,
    "supply": _supply,
    "heater": _heater,
    "policy": _policy,
    "mode": _mode,
    "safe": _safe,
    "authorise": _authorise,
    "time": _time,
    "heartbeat": _heartbeat,
    "silence": _silence,
    "reboot": _reboot,
    "link": _link,
    "pass": _pass,
    "blackout": _blackout,
    "queue": _queue,
    "credit": _credit,
    "around": _around,
    "status": _status,
    "quit": _quit,
}
assert list(_ARMS) == list(VERBS), "every verb has its arm"


def _nearest(given: str, names: Sequence[str]) -> str:
    near = get_close_matches(given, names, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}" if names else "it takes none"
