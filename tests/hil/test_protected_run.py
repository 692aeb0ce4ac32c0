"""A protected run in virtual time: repeated to the octet, with keys of its own, and nothing readable on the line."""

import io
from pathlib import Path

import pytest

from fsw.capture.reader import Reader
from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.line.eye import Eye, simulated_keys
from hil.observer import Finding
from hil.plan import scenario
from hil.plan.scenario import Scenario
from hil.replay.replay import Replay, ReplayError
from hil.rules import invariants
from hil.rungs import virtual
from hil.rungs.virtual import Virtual
from hil.seed import Dice
from hil.written.toml_table import TomlError

MISSION = load_mission()
CONTACT = scenario.load("first-contact", MISSION)
PROTECTED = CONTACT._replace(protected=True)


@pytest.mark.proves("K-SEC-001")
def test_a_protected_contact_holds_and_is_repeated_to_the_octet() -> None:
    first, again, other, clear = (
        virtual.run(plan, MISSION, seed)
        for plan, seed in ((PROTECTED, 1), (PROTECTED, 1), (PROTECTED, 2), (CONTACT, 1))
    )
    assert first.ok, first
    assert first.digest == again.digest
    assert len({first.digest, other.digest, clear.digest}) == 3
    assert first.counters["ground.frames_bad"] == 0


@pytest.mark.proves("K-SEC-001")
def test_a_protected_flight_is_recorded_without_its_keys_and_replayed_with_them() -> None:
    file = io.BytesIO()
    flown = virtual.run(PROTECTED, MISSION, 1, record=lambda octets: file.write(octets) > 0)
    recording, keys = file.getvalue(), simulated_keys(Dice(1, PROTECTED.name))
    assert not any(key.octets in recording for key in keys.values())
    again = Replay(Reader(io.BytesIO(recording).read), MISSION, keys=keys).run()
    assert (again.digest, all(life.same for life in again.lives)) == (flown.digest, True)
    with pytest.raises(ReplayError, match="flew protected: give the keys"):
        Replay(Reader(io.BytesIO(recording).read), MISSION).run()


@pytest.mark.proves("K-SEC-001")
def test_a_mission_may_have_what_is_authenticated_only() -> None:
    wires = []
    for signing in (frozenset[int](), frozenset({0x20})):
        wire = Wire()
        run = Virtual(PROTECTED, MISSION._replace(signing=signing), 3, observers=lambda *_, wire=wire: [wire])
        try:
            run.advance(Micros(3_000_000))
            assert run.bench.session.link(run.clock.now()).frames_good > 1
        finally:
            run.close()
        wires.append(b"kratai 0.1.0" in wire.octets)
    assert wires == [False, True]


class Wire:
    """Every octet both ways."""

    def __init__(self) -> None:
        self.octets = b""

    def emitted(self, octets: bytes, now: Micros) -> None:
        self.octets += octets

    def reached(self, octets: bytes, now: Micros) -> None:
        self.octets += octets

    def finish(self, now: Micros) -> list[Finding]:
        return []


@pytest.mark.parametrize("plan", [CONTACT, PROTECTED], ids=["clear", "protected"])
def test_no_report_is_readable_on_a_protected_line(plan: Scenario) -> None:
    wire = Wire()
    run = Virtual(plan, MISSION, 3, observers=lambda plan, mission: [*invariants.all_of(plan, mission), wire])
    try:
        run.advance(Micros(5_000_000))
        assert [finding for finding in run.result().findings if finding.breach] == []
        assert bool(run.plan.keys) is plan.protected
    finally:
        run.close()
    assert (b"kratai 0.1.0" in wire.octets) is not plan.protected  # the boot event's version


def test_the_keys_of_a_run_are_its_seed_s_and_are_not_shown() -> None:
    first, again, other = (simulated_keys(Dice(seed, "plan")) for seed in (1, 1, 2))
    assert [key.octets for key in first.values()] == [key.octets for key in again.values()]
    assert len({key.octets for key in (*first.values(), *other.values())}) == 2 * len(first)
    assert first[0x10].octets.hex() not in repr(PROTECTED._replace(keys=first))


def test_an_eye_reads_what_is_authentic_and_nothing_else() -> None:
    clear = Eye()
    assert clear.clear
    assert clear.down(0, b"octets") == b"octets"
    eye = Eye(simulated_keys(Dice(1, "plan")))
    assert eye.down(0, bytes(40)) == eye.down(3, b"") == b""
    assert eye.down(2, b"octets") == b"octets"


@pytest.mark.parametrize(
    ("line", "protected"), [("", False), ("protected = true\n", True), ("protected = false\n", False)]
)
def test_a_plan_may_ask_for_a_protected_link(tmp_path: Path, line: str, protected: bool) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(f'title = "Plan"\n{line}')
    assert scenario.load(str(file), MISSION).protected is protected
    file.write_text('title = "Plan"\nprotected = "yes"\n')
    with pytest.raises(TomlError, match="protected"):
        scenario.load(str(file), MISSION)
