"""FARM-1 against executed traces, against a second transcription of its table, and with every cell of it spoiled."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fsw.ccsds import farm1
from fsw.ccsds.clcw import decode
from fsw.ccsds.farm1 import Cell, Event, Farm1, Outcome, State, Verdict
from fsw.ccsds.tc_frame import UNLOCK, TcFrame, set_v_r

VECTORS = Path(__file__).parents[1] / "vectors"
TRACES = json.loads((VECTORS / "farm1_traces.json").read_text())["vectors"]
STATES = {"S1": State.S1_OPEN, "S2": State.S2_WAIT, "S3": State.S3_LOCKOUT}
V_R = 250  # so that windows wrap
HALF = 10


def _frame(n_s: int = 0, *, bypass: bool = False, control: bool = False, data: bytes = b"\x55") -> TcFrame:
    return TcFrame(42, 0, bypass, control, n_s, data)


def _play(farm: Farm1, event: str, room: bool) -> Verdict:
    name, _, value = event.partition(":")
    match name:
        case "AD":
            return farm.accept(_frame(int(value)), room)
        case "RES":
            return farm.accept(_frame(int(value), control=True), room)
        case "BD":
            return farm.accept(_frame(bypass=True), room)
        case "UNLOCK":
            return farm.accept(_frame(bypass=True, control=True, data=UNLOCK), room)
        case "SETVR":
            return farm.accept(_frame(bypass=True, control=True, data=set_v_r(int(value))), room)
        case "BADBC":
            return farm.accept(_frame(bypass=True, control=True, data=b"\x81"), room)
        case _:
            assert name == "RELEASE"
            return farm.buffer_release()


@pytest.mark.proves("K-FRAME-002")
@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["name"])
def test_traces(trace: dict[str, Any]) -> None:
    """A trace with `buffer_capacity` holds that many AD frames until RELEASE, which frees them all."""
    given = trace["input"]
    farm = Farm1(2, given["W"], v_r=given.get("initial_vr", 0), state=STATES[given.get("initial_state", "S1")])
    held, capacity = 0, given.get("buffer_capacity", 1 << 30)
    for event, number, state, word in trace["expected"]:
        verdict = _play(farm, event, held < capacity)
        held += event.startswith("AD") and verdict.outcome is Outcome.ACCEPT
        held *= event != "RELEASE"
        assert (verdict.event.name, verdict.state, f"{farm.clcw():08x}") == (number, STATES[state], word), event
        assert verdict.state is farm.state


def test_the_traces_were_all_there() -> None:
    assert len(TRACES) == 10


# --- the second transcription -------------------------------------------------------------------------------------


def _transcription() -> dict[str, list[list[str]]]:
    rows: dict[str, list[list[str]]] = {}
    for line in (VECTORS / "farm1_table.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, *cells = (part.strip() for part in line.split("|"))
        rows[name] = [cell.split("; ") for cell in cells]
    return rows


BOOK = _transcription()
# What brings an event about, with V(R) = 250 and W = 20, and the place of each edge (section 6.2 of the fact sheet).
STIMULI: dict[str, list[tuple[str, bool]]] = {
    "E1": [("AD:250", True)],
    "E2": [("AD:250", False)],
    "E3": [(f"AD:{(V_R + d) % 256}", True) for d in (1, 5, 9)],
    "E4": [(f"AD:{(V_R - m) % 256}", True) for m in (1, 5, 10)],
    "E5": [(f"AD:{(V_R + d) % 256}", True) for d in (10, 128, 245)],
    "E6": [("BD", True), ("BD", False)],
    "E7": [("UNLOCK", True), ("UNLOCK", False)],
    "E8": [("SETVR:7", True), ("SETVR:255", False)],
    "E9": [("BADBC", True), ("RES:250", True)],
    "E10": [("RELEASE", True)],
}


class Seen(NamedTuple):
    """All that a step may change or say."""

    event: str
    outcome: str
    state: State
    v_r: int
    retransmit: bool
    farm_b: int


def _expected(name: str, state: State, asked: int, retransmit: bool, farm_b: int) -> Seen:
    """Read one cell of the transcription."""
    v_r, after = V_R, state
    outcome = {"E7": "execute", "E8": "execute", "E10": "nothing"}.get(name, "discard")
    for token in BOOK[name][state.value]:
        match token:
            case "accept":
                outcome = "accept"
            case "discard" | "N/A":
                outcome = "discard"
            case "ignore":
                pass
            case "V(R)+1":
                v_r = (v_r + 1) % 256
            case "V(R)=V*":
                v_r = asked
            case "FARM-B+1":
                farm_b = (farm_b + 1) % 4
            case "Retr=0" | "Retr=1":
                retransmit = token.endswith("1")
            case _:
                after = STATES[token]
    return Seen(name, outcome, after, v_r, retransmit, farm_b)


def _cell_holds(name: str, state: State) -> bool:
    """Whether the program does what the transcription says in this cell, with each variable at several values."""
    for stimulus, room in STIMULI[name]:
        for retransmit in (False, True):
            for farm_b in (0, 3):
                farm = Farm1(0, 2 * HALF, v_r=V_R, state=state)
                farm.retransmit, farm.farm_b = retransmit, farm_b
                verdict = _play(farm, stimulus, room)
                asked = int(stimulus.partition(":")[2] or 0)
                seen = Seen(
                    verdict.event.name, verdict.outcome.value, farm.state, farm.v_r, farm.retransmit, farm.farm_b
                )
                if seen != _expected(name, state, asked, retransmit, farm_b):
                    return False
    return True


@pytest.mark.proves("K-FRAME-002")
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_second_transcription(event: Event, state: State) -> None:
    assert _cell_holds(event.name, state)


def test_the_transcription_has_the_rows_of_the_table() -> None:
    assert list(BOOK) == [event.name for event in farm1.TABLE] == [event.name for event in Event]
    assert all(len(cells) == len(State) for cells in BOOK.values())


# --- the table spoiled --------------------------------------------------------------------------------------------


def _spoiled(event: Event, state: State, cell: Cell) -> Iterator[Cell]:
    """Every cell that differs in one field and not only in writing."""
    yield from (cell._replace(outcome=outcome) for outcome in Outcome if outcome is not cell.outcome)
    yield from (cell._replace(retransmit=value) for value in (None, False, True) if value is not cell.retransmit)
    yield cell._replace(farm_b_step=1 - cell.farm_b_step)
    for after in State:
        if after is not (cell.state or state):
            yield cell._replace(state=after)
    if cell.state not in (None, state):
        yield cell._replace(state=None)
    if cell.v_r_set or cell.v_r_step:
        yield cell._replace(v_r_set=not cell.v_r_set)
    if not cell.v_r_set:
        yield cell._replace(v_r_step=1 - cell.v_r_step)
    if event is Event.E8 and not cell.v_r_set:
        yield cell._replace(v_r_set=True)


@pytest.mark.proves("K-FRAME-002")
def test_every_spoiled_cell_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = 0
    for event, row in list(farm1.TABLE.items()):
        for state in State:
            for cell in _spoiled(event, state, row[state.value]):
                cells = list(row)
                cells[state.value] = cell
                with monkeypatch.context() as patch:
                    patch.setitem(farm1.TABLE, event, (cells[0], cells[1], cells[2]))
                    assert not _cell_holds(event.name, state), (event, state, cell)
                spoiled += 1
    assert spoiled > 250


# --- edges --------------------------------------------------------------------------------------------------------


@pytest.mark.proves("K-FRAME-002")
def test_starts_open_with_v_r_zero() -> None:
    fields = decode(Farm1(0).clcw())
    assert fields is not None
    assert (fields.report_value, fields.lockout, fields.wait, fields.retransmit, fields.farm_b) == (0,) + (
        False,
    ) * 3 + (0,)


@pytest.mark.proves("K-FRAME-002")
@pytest.mark.parametrize("window", [2, 20, 254])
def test_every_n_s_falls_into_the_part_of_the_window_that_the_book_names(window: int) -> None:
    half = window // 2
    for n_s in range(256):
        d, m = (n_s - 77) % 256, (77 - n_s) % 256
        expected = "E1" if d == 0 else "E3" if 1 <= d <= half - 1 else "E4" if 1 <= m <= half else "E5"
        assert Farm1(0, window, v_r=77).accept(_frame(n_s), room=True).event.name == expected


@pytest.mark.parametrize("wrong", [{"window": 0}, {"window": 21}, {"window": 256}, {"v_r": 256}, {"vcid": 64}])
def test_wrong_parameters_are_misuse(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        Farm1(**{"vcid": 0, **wrong})


def test_the_physical_layers_bits_are_the_callers() -> None:
    assert Farm1(0).clcw(no_rf=True, no_bit_lock=True, status=5) == 0x1500C000


@pytest.mark.proves("K-AUTO-005")
@pytest.mark.parametrize("copy", ["v_r", "_second", "_inverse"])
def test_a_flipped_bit_of_v_r_is_outvoted_and_counted(copy: str) -> None:
    farm = Farm1(0, v_r=5)
    farm.mend()
    assert farm.mended == 0
    setattr(farm, copy, getattr(farm, copy) ^ 8)
    farm.mend()
    assert (farm.v_r, farm.mended) == (5, 1)
    farm.mend()
    assert farm.mended == 1
