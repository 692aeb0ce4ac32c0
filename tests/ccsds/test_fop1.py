"""FOP-1 against executed traces, and what its users may rely on."""

import json
from pathlib import Path
from typing import Any

import pytest

from fsw.ccsds.clcw import Clcw, encode
from fsw.ccsds.fop1 import Fop1
from fsw.ccsds.fop1_table import State
from fsw.ccsds.fop1_words import Abort, Alert, Directive, FopEvent, Kind, Response, Service, Suspend, Transmit
from fsw.kernel.clock import Micros

TRACES = json.loads((Path(__file__).parents[1] / "vectors" / "fop1_traces.json").read_text())["vectors"]
KINDS = {Kind.ACCEPT: "ACCEPT", Kind.REJECT: "REJECT", Kind.CONFIRM: "CONFIRM", Kind.NEGATIVE_CONFIRM: "NEGCONF"}
T0 = Micros(0)


class Player:
    """Plays a trace: the lower layer takes every frame at once; T1 expires when the trace says so."""

    def __init__(self, **parameters: int) -> None:
        self.fop = Fop1(0, **parameters)
        self.now = T0
        self.n_s: dict[int, int] = {}

    def play(self, event: str) -> tuple[list[str], list[str]]:
        name, _, value = event.partition(":")
        match name:
            case "AD":
                self.fop.send_ad(b"\x55", self.now)
            case "BD":
                self.fop.send_bd(b"\x55", self.now)
            case "CLCW":
                n_r, retransmit, wait, lockout = (int(part) for part in value.split(","))
                word = Clcw(0, n_r, retransmit=bool(retransmit), wait=bool(wait), lockout=bool(lockout))
                assert self.fop.clcw(encode(word), self.now)
            case "TIMEOUT":
                assert self.fop.due is not None
                self.now = self.fop.due
                self.fop.tick(self.now)
            case _:
                directive, _, argument = value.partition(":")
                self.fop.directive(Directive[directive], self.now, int(argument or 0))
        return self._collect()

    def _collect(self) -> tuple[list[str], list[str]]:
        sent: list[str] = []
        events: list[FopEvent] = []
        while taken := self.fop.take():
            for event in taken:
                events.append(event)
                if isinstance(event, Transmit):
                    self.n_s[event.request_id] = event.n_s
                    sent.append(_frame(event))
                    self.fop.lower_accept(event.service, self.now)
        return sent, sorted(self._notice(event) for event in events if _is_notice(event))

    def _notice(self, event: FopEvent) -> str:
        if isinstance(event, Alert):
            return f"ALERT:{event.reason.name.removeprefix('ALERT_')}"
        if isinstance(event, Suspend):
            return "SUSPEND"
        assert isinstance(event, Response)
        what = event.of.name
        if event.of is Service.AD and event.request_id in self.n_s:
            what += f":{self.n_s[event.request_id]}"
        return f"{KINDS[event.kind]}/{what}"


def _is_notice(event: FopEvent) -> bool:
    """The traces do not record aborts, nor the negative confirm of a directive that an alert cut off."""
    if isinstance(event, Response) and event.kind is Kind.NEGATIVE_CONFIRM:
        return event.of is Service.AD
    return not isinstance(event, Transmit | Abort)


def _frame(event: Transmit) -> str:
    if event.service is Service.AD:
        return f"AD:{event.n_s}"
    if event.service is Service.BD:
        return "BD"
    return "BC:UNLOCK" if event.data == b"\x00" else f"BC:SET_VR={event.data[2]}"


@pytest.mark.proves("K-FRAME-003")
@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["name"])
def test_traces(trace: dict[str, Any]) -> None:
    """Two of these, `retransmit_wait_then_release` and `s3_e10`, differ from the program that made the others: it does
    not look for an FDU in S3 on E10. The table of the fact sheet does, and another implementation too: so do we.
    A third, `window_K2_blocks_third`, differs since that program counts a waiting frame in V(S)."""
    given = trace["input"]
    player = Player(window=given["K"], limit=given["transmission_limit"], timeout_type=given["timeout_type"])
    for step in trace["expected"]:
        sent, notices = player.play(step["event"])
        seen = {"event": step["event"], "tx": sent, "notify": notices, "state": player.fop.state.name[:2]}
        assert seen == step


def test_the_traces_were_all_there() -> None:
    assert len(TRACES) == 13
    assert sum(trace["n_third_party"] for trace in TRACES) == 10


def _active(**parameters: int) -> Player:
    player = Player(**parameters)
    player.play("D:INIT_AD_WITHOUT_CLCW")
    return player


def test_a_control_word_of_another_channel_or_procedure_is_not_ours() -> None:
    player = _active()
    player.play("AD")
    before = player.fop.state
    assert not player.fop.clcw(encode(Clcw(1, 1)), T0)
    assert not player.fop.clcw(encode(Clcw(0, 1, cop_in_effect=2)), T0)
    assert (player.fop.state, player.fop.outstanding, player.fop.take()) == (before, 1, [])


def test_t1_does_not_expire_early_nor_while_it_does_not_run() -> None:
    player = _active(t1_us=100)
    player.fop.tick(Micros(1_000))
    assert player.fop.due is None
    player.play("AD")
    player.fop.tick(Micros(99))
    assert player.fop.take() == []
    player.fop.tick(Micros(100))
    assert player.fop.take() == [Abort(Service.AD), Transmit(Service.AD, 0, b"\x55", 2)]


def test_a_busy_lower_layer_is_waited_for() -> None:
    fop = Fop1(0)
    fop.directive(Directive.INIT_AD_WITHOUT_CLCW, T0)
    first, second = fop.send_ad(b"1", T0), fop.send_ad(b"2", T0)
    third = fop.send_ad(b"3", T0)
    responses = [event for event in fop.take() if not isinstance(event, Transmit)]
    assert Response(Kind.REJECT, Service.AD, third) in responses
    assert not fop.room
    fop.lower_accept(Service.AD, T0)
    assert fop.take() == [Response(Kind.ACCEPT, Service.AD, second), Transmit(Service.AD, 1, b"2", second)]
    assert fop.room
    fop.lower_reject(Service.AD, T0)
    assert [event.request_id for event in fop.take() if isinstance(event, Response)] == [first, second]
    assert fop.state is State.S6_INITIAL


def test_go_back_repeats_in_order_oldest_first() -> None:
    player = _active(window=4)
    for _ in range(4):
        player.play("AD")
    assert player.play("CLCW:1,1,0,0") == (["AD:1", "AD:2", "AD:3"], ["CONFIRM/AD:0"])
    assert player.fop.state is State.S2_RETRANSMIT


def test_v_s_runs_over_the_wrap() -> None:
    player = Player()
    player.play("D:SET_V_S:255")
    player.play("D:INIT_AD_WITHOUT_CLCW")
    assert player.play("AD")[0] == ["AD:255"]
    assert player.play("AD")[0] == ["AD:0"]
    assert player.play("CLCW:1,0,0,0")[1] == ["CONFIRM/AD:0", "CONFIRM/AD:255"]


def test_an_initiation_cut_off_is_answered() -> None:
    fop = Fop1(0)
    request_id = fop.directive(Directive.INIT_AD_WITH_CLCW, T0)
    fop.clcw(encode(Clcw(0, 9)), T0)
    negative = Response(Kind.NEGATIVE_CONFIRM, Directive.INIT_AD_WITH_CLCW, request_id)
    assert negative in fop.take()


def test_a_suspended_initiation_started_over_is_answered() -> None:
    fop = Fop1(0, timeout_type=1, t1_us=10)
    request_id = fop.directive(Directive.INIT_AD_WITH_CLCW, T0)
    fop.tick(Micros(10))
    assert Suspend(4) in fop.take()
    fop.directive(Directive.INIT_AD_WITHOUT_CLCW, Micros(10))
    assert Response(Kind.NEGATIVE_CONFIRM, Directive.INIT_AD_WITH_CLCW, request_id) in fop.take()
    assert fop.suspend_state == 0


@pytest.mark.parametrize(
    "wrong",
    [{"vcid": 64}, {"window": 0}, {"window": 256}, {"t1_us": 0}, {"limit": 0}, {"limit": 256}, {"timeout_type": 2}],
)
def test_wrong_parameters_are_misuse(wrong: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        Fop1(**{"vcid": 0, **wrong})


def test_events_that_nobody_takes_are_misuse() -> None:
    fop = Fop1(0)
    for _ in range(2_048):
        fop.directive(Directive.TERMINATE, T0)
    with pytest.raises(AssertionError, match="takes the events"):
        fop.directive(Directive.TERMINATE, T0)
