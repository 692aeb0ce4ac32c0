"""FOP-1's table against a second transcription, run by a small model of the book's actions; and every cell spoiled.

The model (fop1_book.py) runs the text file; the program runs its own table. Both start from the same variables, get
the same stimulus from outside, and must agree in every variable and every word said. Many starting points are tried for
each cell (a full and an empty Wait_Queue, ready and not ready, marked frames or none), so that no action is without
effect.
"""

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from fsw.ccsds import fop1, fop1_table
from fsw.ccsds.clcw import Clcw, encode
from fsw.ccsds.fop1 import Fop1
from fsw.ccsds.fop1_table import Action, Cell, Event, State
from fsw.ccsds.fop1_words import Abort, Alert, Directive, FopEvent, Response, Service, Suspend, Transmit
from fsw.kernel.clock import Micros
from tests.ccsds.fop1_book import (
    BOOK,
    INITIATING_ID,
    NEW_ID,
    NN_R,
    NOW,
    OLD_DUE,
    T1,
    V_S,
    WAITING_ID,
    Book,
    Deed,
    Start,
)  # fmt: skip

# --- the program, set up the same way -----------------------------------------------------------------------------


def _request(of: Service | Directive, request_id: int) -> fop1._Request:
    return fop1._Request(of, request_id, 0, b"\x55")


def _set_up(start: Start) -> Fop1:
    fop = Fop1(0, window=start.window, t1_us=T1, limit=start.limit, timeout_type=start.timeout_type)
    fop.state, fop.v_s, fop.nn_r = State(start.state), V_S, NN_R if start.outstanding else V_S
    fop.transmission_count, fop.suspend_state = start.count, start.suspend_state
    fop.due = None if start.state == 6 else Micros(OLD_DUE)
    for service, n_s, request_id, marked in start.queue():
        of = Service.AD if service == "AD" else Directive.INIT_AD_WITH_UNLOCK
        sent = fop1._Sent(_request(of, request_id), n_s)
        sent.marked = marked
        fop._sent.append(sent)
    fop._wait = _request(Service.AD, WAITING_ID) if start.waiting else None
    fop._initiating = _request(Directive.INIT_AD_WITH_CLCW, INITIATING_ID) if start.initiating else None
    fop._ready = dict.fromkeys(Service, start.ready)
    fop._request_id = NEW_ID - 1
    return fop


def _said(event: FopEvent, initiating: set[int]) -> str:
    match event:
        case Response():
            of = (
                "INIT"
                if event.request_id in initiating and event.kind.name not in ("ACCEPT", "REJECT")
                else event.of.name
            )
            return f"{event.kind.name} {of} {event.request_id}"
        case Transmit():
            return f"SEND {event.service.name} {event.n_s} {event.request_id}"
        case Abort():
            return f"ABORT {event.service.name}"
        case Alert():
            return f"ALERT {event.reason.name.removeprefix('ALERT_')}"
        case Suspend():
            return f"SUSPEND {event.suspend_state}"


def _seen(fop: Fop1) -> tuple[Any, ...]:
    sent = [("AD" if s.request.of is Service.AD else "BC", s.n_s, s.request.request_id, s.marked) for s in fop._sent]
    parameters = {"SET_WINDOW": fop.window, "SET_T1_INITIAL": fop.t1_us}
    parameters |= {"SET_TRANSMISSION_LIMIT": fop.limit, "SET_TIMEOUT_TYPE": fop.timeout_type}
    variables = (int(fop.state), fop.v_s, fop.nn_r, fop.transmission_count, fop.suspend_state, fop.due, sent)
    return (
        *variables,
        None if fop._wait is None else fop._wait.request_id,
        {service.name: ready for service, ready in fop._ready.items()},
        None if fop._initiating is None else fop._initiating.request_id,
        parameters,
        [_said(event, {INITIATING_ID}) for event in fop.take()],
    )


# --- what brings each event about (sections 6.4 and 6.5 of the fact sheet) ------------------------------------------

# event: (N(R), Retransmit, Wait), frames outstanding?, limit, count. NN(R) = 254, V(S) = 2; both 2 with none there.
CLCWS: dict[str, list[tuple[tuple[int, int, int], bool, int, int]]] = {
    "E1": [((2, 0, 0), False, 3, 1)],
    "E2": [((2, 0, 0), True, 3, 2)],
    "E3": [((2, 0, 1), True, 3, 1), ((2, 0, 1), False, 3, 1)],
    "E4": [((2, 1, 0), True, 3, 1), ((2, 1, 1), False, 3, 1)],
    "E5": [((254, 0, 0), True, 3, 1)],
    "E6": [((255, 0, 0), True, 3, 2), ((1, 0, 0), True, 1, 1)],
    "E7": [((254, 0, 1), True, 3, 1), ((0, 0, 1), True, 3, 1)],
    "E101": [((255, 1, 0), True, 1, 1), ((1, 1, 1), True, 1, 1)],
    "E102": [((254, 1, 0), True, 1, 1), ((254, 1, 1), True, 1, 1)],
    "E8": [((255, 1, 0), True, 3, 2), ((1, 1, 0), True, 2, 2)],
    "E9": [((255, 1, 1), True, 3, 2), ((1, 1, 1), True, 2, 2)],
    "E10": [((254, 1, 0), True, 3, 2)],
    "E11": [((254, 1, 1), True, 3, 2)],
    "E12": [((254, 1, 0), True, 3, 3), ((254, 1, 0), True, 2, 3)],
    "E103": [((254, 1, 1), True, 3, 3), ((254, 1, 1), True, 2, 3)],
    "E13": [((3, 0, 0), True, 3, 1), ((253, 1, 1), True, 3, 1), ((1, 0, 0), False, 3, 1), ((3, 1, 0), False, 3, 1)],
}
TIMERS = {"E16": (1, 0), "E104": (1, 1), "E17": (3, 0), "E18": (3, 1)}  # count, Timeout_Type; the limit is 3
DIRECTIVES: dict[str, tuple[str, int]] = {
    "E23": ("INIT_AD_WITHOUT_CLCW", 0),
    "E24": ("INIT_AD_WITH_CLCW", 0),
    "E25": ("INIT_AD_WITH_UNLOCK", 0),
    "E26": ("INIT_AD_WITH_UNLOCK", 0),
    "E27": ("INIT_AD_WITH_SET_V_R", 77),
    "E28": ("INIT_AD_WITH_SET_V_R", 77),
    "E29": ("TERMINATE", 0),
    "E30": ("RESUME", 0),
    "E31": ("RESUME", 0),
    "E32": ("RESUME", 0),
    "E33": ("RESUME", 0),
    "E34": ("RESUME", 0),
    "E35": ("SET_V_S", 77),
    "E36": ("SET_WINDOW", 7),
    "E37": ("SET_T1_INITIAL", 77),
    "E38": ("SET_TRANSMISSION_LIMIT", 7),
    "E39": ("SET_TIMEOUT_TYPE", 1),
}
INVALID = [("SET_WINDOW", 0), ("SET_WINDOW", 256), ("SET_V_S", 256), ("SET_V_S", -1), ("INIT_AD_WITH_SET_V_R", 256)]
INVALID += [("SET_TRANSMISSION_LIMIT", 0), ("SET_T1_INITIAL", 0), ("SET_TIMEOUT_TYPE", 2)]
LOWER = {"E41": "AD", "E42": "AD", "E43": "BC", "E44": "BC", "E45": "BD", "E46": "BD"}


def _starts(state: int, **fixed: int) -> Iterator[Start]:
    """Starting points: every combination of what the event leaves open."""
    open_to = {
        "waiting": (False, True),
        "ready": (False, True),
        "marked": (False, True),
        "initiating": (False, True),
        "count": (1, 2),
        "suspend_state": (0, 2) if state == 6 else (0,),
        "window": (4, 10),  # full with the four frames outstanding, or not
    }
    choices = {name: (fixed[name],) if name in fixed else values for name, values in open_to.items()}
    rest = {name: value for name, value in fixed.items() if name not in open_to}
    for values in itertools.product(*choices.values()):
        chosen: dict[str, Any] = {**dict(zip(choices, values, strict=True)), **rest}
        yield Start(state, **chosen)


def _request_starts(name: str, state: int) -> Iterator[Start]:
    if name in ("E19", "E20"):
        yield from _starts(state, waiting=name == "E20")
    elif name in ("E21", "E22", "E25", "E26", "E27", "E28"):
        yield from _starts(state, ready=name in ("E21", "E25", "E27"))
    elif name in ("E30", "E31", "E32", "E33", "E34"):
        yield from _starts(state, suspend_state=int(name[1:]) - 30)
    else:
        yield from _starts(state)


@cache
def _cases(name: str, state: int) -> list[tuple[Start, int, Deed]]:
    """All trials of one cell: the start, N(R), and what to do."""
    if name in CLCWS:
        return [
            (start, clcw[0], ("clcw", encode(Clcw(0, clcw[0], retransmit=bool(clcw[1]), wait=bool(clcw[2])))))
            for clcw, outstanding, limit, count in CLCWS[name]
            for start in _starts(state, outstanding=outstanding, limit=limit, count=count)
        ]
    if name in ("E14", "E15"):
        word = encode(Clcw(0, 254, lockout=True)) if name == "E14" else 0x81000002
        return [(start, 254, ("clcw", word)) for start in _starts(state)]
    if name in TIMERS:
        count, timeout_type = TIMERS[name]
        return [(start, 0, ("tick",)) for start in _starts(state, count=count, timeout_type=timeout_type)]
    if name == "E40":
        return [(start, 0, ("directive", *wrong)) for wrong in INVALID for start in _starts(state)]
    if name in DIRECTIVES:
        return [(start, 0, ("directive", *DIRECTIVES[name])) for start in _request_starts(name, state)]
    if name in LOWER:
        kind = "reject" if name in ("E42", "E44", "E46") else "accept"
        return [(start, 0, (kind, LOWER[name])) for start in _starts(state)]
    return [(start, 0, ("send", "AD" if name in ("E19", "E20") else "BD")) for start in _request_starts(name, state)]


def _do(fop: Fop1, deed: Deed) -> None:
    match deed:
        case ("clcw", word):
            assert fop.clcw(word, NOW)
        case ("tick",):
            fop.due = NOW  # it runs out just now, in whatever state
            fop.tick(NOW)
        case ("directive", name, value):
            assert fop.directive(Directive[name], NOW, value) == NEW_ID
        case ("accept", service):
            fop.lower_accept(Service[service], NOW)
        case ("reject", service):
            fop.lower_reject(Service[service], NOW)
        case ("send", "AD"):
            assert fop.send_ad(b"\x55", NOW) == NEW_ID
        case _:
            assert fop.send_bd(b"\x55", NOW) == NEW_ID


def _asked(deed: Deed) -> tuple[str, int, int]:
    match deed:
        case ("directive", name, value):
            return name, NEW_ID, value
        case ("send", service):
            return service, NEW_ID, 0
        case _:
            return "", 0, 0


def _case_differs(name: str, state: int, case: tuple[Start, int, Deed]) -> tuple[Any, Any] | None:
    start, n_r, deed = case
    book = Book(start, n_r, _asked(deed))
    if deed == ("tick",):
        book.due = None
    for token in BOOK[name][state - 1]:
        book.run(token)
    fop = _set_up(start)
    _do(fop, deed)
    expected, seen = book.seen(), _seen(fop)
    return None if seen == expected else (expected, seen)


@pytest.mark.proves("K-FRAME-003")
@pytest.mark.parametrize("event", Event)
def test_second_transcription(event: Event) -> None:
    for state in range(1, 7):
        assert BOOK[event.name][state - 1], state
        for case in _cases(event.name, state):
            assert _case_differs(event.name, state, case) is None, (state, case)


def test_the_transcription_has_the_rows_of_the_table() -> None:
    assert sorted(BOOK) == sorted(event.name for event in Event)
    assert list(fop1_table.TABLE) == list(Event)
    assert all(len(cells) == 6 for cells in BOOK.values())
    assert all(len(row) == 6 for row in fop1_table.TABLE.values())


@pytest.mark.parametrize("event", Event)
def test_not_applicable_where_the_transcription_says_so(event: Event) -> None:
    assert [cell.possible for cell in fop1_table.TABLE[event]] == [cell != ["N/A"] for cell in BOOK[event.name]]


# --- the table spoiled --------------------------------------------------------------------------------------------


def _spoiled(state: int, cell: Cell) -> Iterator[Cell]:
    """Every cell with one action missing, one replaced by another alert or response, or another next state."""
    for index, action in enumerate(cell.actions):
        before, after = cell.actions[:index], cell.actions[index + 1 :]
        yield cell._replace(actions=before + after)
        alerts = [other for other in Action if other.name.startswith("ALERT_") and action.name.startswith("ALERT_")]
        for other in (*alerts, Action.REJECT, Action.SUSPEND):
            if other is not action:
                yield cell._replace(actions=(*before, other, *after))
    for other in (Action.REJECT, Action.ALERT_CLCW, Action.SUSPEND, Action.RETRANSMIT_AD):
        yield cell._replace(actions=(*cell.actions, other))
    for after_state in State:
        if after_state != (cell.state or state):
            yield cell._replace(state=after_state)
    if cell.state not in (None, state):
        yield cell._replace(state=None)


@pytest.mark.proves("K-FRAME-003")
def test_every_spoiled_cell_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = 0
    for event, row in list(fop1_table.TABLE.items()):
        for state in range(1, 7):
            for cell in _spoiled(state, row[state - 1]):
                cells = list(row)
                cells[state - 1] = cell
                with monkeypatch.context() as patch:
                    patch.setitem(fop1_table.TABLE, event, tuple(cells))
                    cases = _cases(event.name, state)
                    assert any(_case_differs(event.name, state, case) for case in cases), (event, state, cell)
                spoiled += 1
    assert spoiled > 2_500
