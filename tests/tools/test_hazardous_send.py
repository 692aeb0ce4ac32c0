"""`kratai send` of a hazardous command: a process against a payload written by hand, and a person who is asked."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import typer
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from tests.tools.spacecraft import Spacecraft
from tests.tools.test_ground_process import Rig
from tools.cli.following import Sending
from tools.cli.hazardous import Hazardous, needs_somebody
from tools.ground.client import Client
from tools.ground.protocol import Message

NONCE = 0xA1B2C3D4


class Payload:
    """Arms and executes as the interface says; `asked` are the functions that came."""

    def __init__(self, operators: int = 1, code: int = 0) -> None:
        self.operators = operators
        self.code = code
        self.inner: PusTc | None = None
        self.asked: list[int] = []

    def __call__(self, craft: Spacecraft, tc: PusTc) -> list[bytes]:
        function = int.from_bytes(tc.app_data[:2], "big")
        self.asked.append(function)
        if function == 60:
            octets = bytes(tc.app_data[2:])
            self.inner = PusTc.unpack(octets)
            told = struct.pack(
                ">I4sBBHHHBIB", NONCE, octets[:4], 8, 1, 30, int.from_bytes(octets[-2:], "big"), 1, self.operators,
                1 << 11, 60,
            )  # fmt: skip
            return [craft.verify(tc, 1), craft.verify(tc, 3), craft.report(8, 190, told), craft.verify(tc, 7)]
        if function == 61 and self.code:
            return [craft.verify(tc, 1), craft.verify(tc, 4, struct.pack(">H", self.code))]
        if function == 61:
            assert self.inner is not None
            words = [craft.verify(tc, 1), craft.verify(tc, 3), craft.verify(tc, 7)]
            return words + [craft.verify(self.inner, n) for n in (1, 3, 7)]
        return [craft.verify(tc, 1), craft.verify(tc, 3), craft.verify(tc, 7)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "ground")
    yield made
    made.close()


@pytest.mark.process
@pytest.mark.proves("K-CLI-020")
def test_with_yes_it_is_armed_and_executed_and_every_step_is_said(rig: Rig) -> None:
    payload = Payload()
    rig.craft.execute = payload
    status, out, err = rig.serve("send", "system.restart", "--yes", "--json")
    said = json.loads(out)
    assert (status, said["verdict"], err) == (0, "completed", "")
    assert payload.asked == [60, 61]
    assert payload.inner is not None
    assert (payload.inner.service, bytes(payload.inner.app_data)) == (8, b"\x00\x1e")
    assert (said["armed"]["nonce"], said["armed"]["within_s"]) == (NONCE, 60)
    assert [step["name"] for step in said["steps"]] == ["system.arm", "system.execute", "system.restart"]
    assert said["steps"][1]["arguments"] == {"nonce": str(NONCE)}
    assert said["steps"][2]["stages"][-1]["state"] == "completed"


@pytest.mark.process
@pytest.mark.proves("K-CLI-020")
def test_where_nobody_can_be_asked_nothing_leaves(rig: Rig) -> None:
    payload = Payload()
    rig.craft.execute = payload
    for words in (["--json"], []):
        status, out, err = rig.serve("send", "system.restart", *words)
        assert (status, out) == (2, "")
        assert "--yes" in err
    status, _, err = rig.serve("send", "system.restart", "--at", "2090-01-01T00:00:00Z", "--yes")
    assert (status, payload.asked) == (2, [])
    assert "stored on board" in err


@pytest.mark.process
@pytest.mark.proves("K-CLI-020")
def test_a_refusal_is_the_verdict_and_people_read_the_number(rig: Rig) -> None:
    rig.craft.execute = Payload(code=0x14)
    status, out, _ = rig.serve("send", "system.restart", "--yes")
    assert status == 1
    assert f"armed by number {NONCE}, for 60 s" in out
    assert "HAZARDOUS  system.restart()" in out
    assert "not executed" in out


class Replay:
    """A session that arms; what it was asked to send."""

    def __init__(self, operators: int) -> None:
        self.about = {"hazards": {"system.restart": {"phases": ["night"], "operators": operators}}}
        self.sent: list[tuple[str, dict[str, str]]] = []
        self.request = 0

    def ask(self, op: str, **fields: object) -> int:
        self.request += 1
        if op == "send":
            self.sent.append((str(fields["name"]), cast("dict[str, str]", fields["arguments"])))
        return self.request

    def messages(self, seconds: float) -> Iterator[Message]:
        name, asked = self.sent[-1][0], self.request
        armed: Message = {
            "nonce": 7, "request_id": "1820c001", "checksum": 0xBEEF, "operators": 1, "within_s": 60,
        }  # fmt: skip
        stage: Message = {
            "name": name, "stage": "completed", "state": "completed", "final": True, "step": None, "failed_at": "",
            "text": "", "request_id": "1820c001",
        }  # fmt: skip
        yield {"id": asked, "ticket": {"request_id": "1820c009", "link": "active", "service": 8, "apid": 0x20}}
        if name == "system.arm":
            report: Message = {"kind": "packet", "service": 8, "apid": 0x20, "name": "system.armed", "time": None}
            yield {"id": asked - 1, "record": {**report, "values": armed}}
        yield {"id": asked, "stage": stage}
        yield {"id": 3, "record": {"kind": "stage", **stage}}


def ask(monkeypatch: pytest.MonkeyPatch, operators: int, answer: bool | None) -> tuple[int, Replay, list[str]]:
    """One hazardous command of a person who answers; None: by Ctrl-C."""
    questions: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        questions.append(text)
        if answer is None:
            raise typer.Abort
        return answer

    monkeypatch.setattr(typer, "confirm", confirm)
    session = Replay(operators)
    command = Hazardous("system.restart", [], False, Sending(None, False, 1.0, "los"))
    status = command.run(cast("Client", session), {"phases": ["night"], "operators": operators}, False)
    return status, session, questions


@pytest.mark.proves("K-CLI-020")
def test_a_person_sees_and_says_yes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, session, questions = ask(monkeypatch, 1, True)
    assert status == 0
    assert questions == ["Execute it?"]
    assert session.sent == [("system.arm", {"packet": "system.restart()"}), ("system.execute", {"nonce": "7"})]
    said = capsys.readouterr().out
    for word in ("system.restart()", "beef", "phases night", "number 7", "60 s"):
        assert word in said


@pytest.mark.proves("K-CLI-020")
@pytest.mark.parametrize("answer", [False, None])
def test_without_a_yes_it_is_disarmed(monkeypatch: pytest.MonkeyPatch, answer: bool | None) -> None:
    status, session, _ = ask(monkeypatch, 1, answer)
    assert status == 1
    assert [name for name, _ in session.sent] == ["system.arm", "system.disarm"]


@pytest.mark.proves("K-CLI-020")
def test_where_two_must_this_one_only_arms(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, session, questions = ask(monkeypatch, 2, True)
    assert (status, questions) == (0, ["Leave it armed for another operator?"])
    assert [name for name, _ in session.sent] == ["system.arm"]
    assert "kratai send system.execute nonce=7" in capsys.readouterr().out


@pytest.mark.proves("K-CLI-020")
def test_programs_must_say_yes() -> None:
    needs_somebody(yes=True, json_out=True)
    with pytest.raises(SystemExit):
        needs_somebody(yes=False, json_out=True)
