"""The rung `pty`: the flight program as a process, played against in real time, judged as in virtual time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fsw.mdb.mission import load as load_mission
from hil import run_result
from hil.board.twins import Twins
from hil.plan import scenario
from hil.plan.player import Outcome, StepResult
from hil.run_result import RunResult
from hil.rungs import virtual
from hil.rungs.pty_end import PtyEnd
from hil.rungs.pty_line import PtyLine
from hil.rungs.real_clock import RealClock
from hil.rungs.real_time import RealTime
from hil.rungs.sensor_files import SensorFiles

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
DEADLINE_S = 120


def played(name: str, folder: Path) -> RunResult:
    mission = load_mission()
    plan = scenario.load(name, mission)
    clock = RealClock()
    end = PtyEnd(plan.profile, mission, clock, folder)
    try:
        run = RealTime(plan, mission, 7, end, clock)
        run.run(plan.until_us)
        return run.result()
    finally:
        end.close()


def kratai(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tools.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


@pytest.mark.proves("K-BENCH-019")
def test_first_contact_is_the_same_on_a_pty_as_in_virtual_time(tmp_path: Path) -> None:
    real = played("first-contact", tmp_path)
    mission = load_mission()
    simulated = virtual.run(scenario.load("first-contact", mission), mission, 7)
    assert run_result.differences(simulated, real) == []
    assert len(real.steps) == 13
    assert {step.outcome for step in real.steps} == {Outcome.HELD}
    assert real.ok, real.findings
    assert real.rung == "pty"
    assert real.counters["board.lives"] == 2
    assert real.database == simulated.database
    assert json.loads(json.dumps(real.as_json()))["steps"][0]["outcome"] == "held"


PLAN = """
title = "What a process can and cannot do"
until = "60 s"
nominal_within = "5 s"

[[fault]]
kind = "bit_flip"
at = "1 s"

[[fault]]
kind = "silence"
at = "1 s"
for = "2 s"
direction = "down"

[[leg]]
name = "line"
[[leg.step]]
name = "link"
expect = "link ready"
[[leg.step]]
name = "after the silence"
wait = "3 s"
send = "ping"

[[leg]]
name = "memory"
[[leg.step]]
name = "flip"
fault = { kind = "bit_flip" }
[[leg.step]]
name = "and then"
send = "ping"

[[leg]]
name = "heat"
[[leg.step]]
name = "hot"
fault = { kind = "over_temperature", for = "2 s", cdegc = 9000, ramp_cdegc_s = 10000 }
expect = "event system.limit_crossed parameter = 5"
[[leg.step]]
name = "cold"
fault = { kind = "cold_start", for = "2 s" }
expect = "event system.booted reset_cause = cut"

[[leg]]
name = "sensors"
[[leg.step]]
name = "warm"
wait = "3 s"
surroundings = { "environment.offset_cdegc" = 4000 }
send = "environment.read"
expect = "parameter environment.temperature > 55"
"""


@pytest.mark.proves("K-BENCH-021")
def test_what_a_process_cannot_do_is_not_exercised_and_what_it_can_is(tmp_path: Path) -> None:
    (tmp_path / "cannot.toml").write_text(PLAN)
    result = played(str(tmp_path / "cannot.toml"), tmp_path / "board")
    assert {step.step: step.outcome for step in result.steps} == {
        "link": Outcome.HELD,
        "after the silence": Outcome.HELD,
        "flip": Outcome.NOT_EXERCISED,
        "and then": Outcome.NOT_EXERCISED,
        "hot": Outcome.HELD,
        "cold": Outcome.HELD,
        "warm": Outcome.HELD,
    }
    assert {one.fault.partition("@")[0]: one.exercised for one in result.faults} == {
        "bit_flip": False,
        "silence": True,
        "over_temperature": True,
        "cold_start": True,
    }
    assert result.ok, result.findings


def test_the_sensors_files_are_what_the_twins_show(tmp_path: Path) -> None:
    clock = RealClock()
    twins = Twins(load_mission(), clock)
    files = SensorFiles(twins, tmp_path)
    temperature, *_ = [path for path in twins.files if "temp" in path]
    files.write()
    shown = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert shown == set(twins.files)
    twins.stick("environment", True)
    files.write()
    assert (tmp_path / temperature).read_text() == f"{twins.sysfs(temperature)}\n"
    twins.vanish("environment", True)
    files.write()
    assert not (tmp_path / temperature).exists()
    twins.vanish("environment", False)
    files.write()
    assert (tmp_path / temperature).exists()


@pytest.mark.proves("K-BENCH-019")
def test_the_command_line_plays_shows_and_writes(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(
        'title = "Short"\nuntil = "30 s"\n[[leg]]\n[[leg.step]]\nname = "link"\nexpect = "link ready"\n'
    )
    words = ["--port", "pty", "--json", str(tmp_path / "told.json"), "--record", str(tmp_path / "kept")]
    done = kratai("hil", str(tmp_path / "short.toml"), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held" in done.stdout
    assert "1 held, 0 failed, 0 not exercised" in done.stdout
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["rung"] == "pty"
    assert [step["came"] for step in told["steps"]] == [["link ready"]]
    assert done.stderr == ""
    again = kratai("hil", str(tmp_path / "short.toml"), *words)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    replayed = kratai("replay", str(tmp_path / "kept" / "short-0.capture"))
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert ": same" in replayed.stdout


@pytest.mark.proves("K-BENCH-022")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["first-contct"], "did you mean 'first-contact'?"),
        (["first-contact", "--port", "/dev/ttyNONE"], "--port /dev/ttyNONE: No such file or directory"),
        (["first-contact", "--power-command", "relay"], "--power-command is for a real board"),
    ],
)
def test_what_cannot_be_played_is_one_sentence_and_status_2(words: list[str], said: str) -> None:
    done = kratai("hil", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.proves("K-BENCH-021")
def test_a_run_that_exercised_nothing_is_no_pass() -> None:
    line = PtyLine()  # a port with nothing behind it
    done = kratai("hil", "first-contact", "--port", line.path)
    line.close()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 held, 0 failed, 13 not exercised" in done.stdout
    assert "Nothing was exercised" in done.stdout


def test_transcripts_differ_where_runs_do() -> None:
    step = StepResult("leg", 0, "ping", 1, 2, Outcome.HELD, "ping completed in words", ("ping completed",))
    worse = step._replace(outcome=Outcome.FAILED, came=())
    result = RunResult("s", "t", 1, "sim", True, [step], [], [], {}, 1, 0.1, 9, "aa", "bb")
    later = step._replace(began_us=5, ended_us=9, text="ping completed in other words")
    assert run_result.differences(result, result._replace(rung="pty", steps=[later], digest="cc")) == []
    assert run_result.differences(result, result._replace(rung="pty", steps=[worse])) == [
        "--- sim",
        "+++ pty",
        "-leg: ping: held: ping completed",
        "+leg: ping: failed",
    ]
