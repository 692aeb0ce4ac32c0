"""Every command that is declared dependent, in a state that does not allow it: 0x14, whatever else it might ask for."""

import struct
from pathlib import Path

import pytest

from fsw.mdb.model import Hazard
from tests.system.bench import MISSION
from tests.system.operator import Operator

STATE = 0x14
DEPENDENT = {e.name for e in MISSION.database.tables.commands.values() if e.hazard is Hazard.DEPENDENT}
PREPARED = [
    "response.add responses=32:1:ping()",
    "response.on",
    "schedule.enable",
    "schedule.insert subschedule=0 activities=+1h:ping()",
    "sequence.load sequence=1 requests=ping():100",
]
QUIET = ["system.mode mode=QUIET"]
ARM = "system.arm packet=system.restart()"
CASES: dict[str, tuple[list[str], str]] = {
    "dosimeter.measure": (QUIET, ""),
    "dosimeter.preset": (QUIET, "dose_ngy=5"),
    "dosimeter.read": (QUIET, ""),
    "environment.measure": (QUIET, ""),
    "environment.read": (QUIET, ""),
    "file.create": (QUIET, "repository=/ file=a size_max=10 locked=off"),
    "file.delete": (QUIET, "repository=/ file=a"),
    "file.delete_directory": (QUIET, "repository=/ directory=a"),
    "file.unlock": (QUIET, "repository=/ file=a"),
    "memory.load": (QUIET, "object_id=PARAMETERS areas=0:00:0000"),
    "parameter.commit": ([], "checksum=0"),
    "parameter.set": (QUIET, "system.scratch=1"),
    "power.heater": (["NOTICE"], "on=on"),
    "power.switch": (["NOTICE"], "load=0 on=on"),
    "response.add": (QUIET, "responses=32:2:ping()"),
    "response.enable": (QUIET, "responses=32:1"),
    "response.on": (QUIET, ""),
    "schedule.delete": (QUIET, "requests=1:32:4"),
    "schedule.delete_window": (QUIET, "window=all"),
    "schedule.disable": (QUIET, ""),
    "schedule.disable_subschedules": (QUIET, "subschedules=0"),
    "schedule.enable": (QUIET, ""),
    "schedule.enable_subschedules": (QUIET, "subschedules=0"),
    "schedule.insert": (QUIET, "subschedule=0 activities=+1h:ping()"),
    "schedule.insert_late": (QUIET, "subschedule=0 activities=skip:+1h:ping()"),
    "schedule.reset": (QUIET, ""),
    "schedule.shift": (QUIET, "shift_s=5 requests=1:32:4"),
    "schedule.shift_all": (QUIET, "shift_s=5"),
    "schedule.shift_window": (QUIET, "shift_s=5 window=all"),
    "scrubbing.baseline": (QUIET, ""),
    "sequence.load": (QUIET, "sequence=2 requests=ping():100"),
    "sequence.start": (QUIET, "sequence=1"),
    "sequence.step": (QUIET, "sequence=1"),
    "sequence.unload": (QUIET, "sequence=1"),
    "storage.delete": (QUIET, "stores=2"),
    "storage.delete_content": (["storage.resume stores=2"], "tai_to=2090-01-01T00:00:00Z stores=2"),
    "storage.resize": (QUIET, "stores=2:100000"),
    "storage.start_tag": (["storage.resume stores=2"], "tai_from=2020-01-01T00:00:00Z stores=2"),
    "storage.to_bounded": (QUIET, "stores=2"),
    "storage.to_circular": (QUIET, "stores=2"),
    "system.activate_key": (QUIET, f"key=0x0110 proof={bytes(16).hex()}"),
    "system.arm": (QUIET, "packet=system.restart()"),
    "system.deactivate_key": (QUIET, f"key=0x0010 by=0x0110 proof={bytes(16).hex()}"),
    "system.disarm": ([ARM, "system.disarm nonce=NONCE"], "nonce=NONCE"),
    "system.execute": ([ARM, *QUIET], "nonce=NONCE"),
    "system.mode": (["system.mode mode=SAFE"], "mode=OBSERVE"),
    "system.response": (QUIET, "apid=32 event=1 state=OFF"),
    "system.storage.priority": (QUIET, "store=2 priority=1"),
}


NOTICE = struct.pack(">BBHBI", 0, 0, 60, 0, 0)
"""Contract 0x013: OPS goes off in 60 s, as planned."""


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(tmp_path)
    for sentence in PREPARED:
        assert made.say(sentence) is None, sentence
    return made


@pytest.mark.proves("K-VER-013")
def test_every_dependent_command_has_its_case() -> None:
    assert set(CASES) == DEPENDENT


@pytest.mark.proves("K-VER-013")
@pytest.mark.parametrize("name", sorted(CASES))
def test_in_a_state_that_does_not_allow_it_it_is_refused(name: str, operator: Operator) -> None:
    before, words = CASES[name]
    for sentence in before:
        if sentence == "NOTICE":
            operator.bench.lander(0x013, NOTICE)
            operator.bench.run(1)
        else:
            assert operator.say(sentence) is None, sentence
    assert operator.say(f"{name} {words}") == STATE


@pytest.mark.proves("K-VER-013")
def test_a_heater_is_not_asked_for_of_a_lander_that_is_silent(operator: Operator) -> None:
    assert operator.say("power.heater on=on") is None
    operator.bench.run(15)
    assert not operator.bench.app.board.lander_alive
    assert operator.say("power.heater on=off") == STATE
