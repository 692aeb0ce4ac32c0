"""The dictionary, completion and words of the operator's commands, as a shell and a person meet them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fsw.mdb.mission import load
from tools.ground.request import completions

ROOT = Path(__file__).resolve().parents[2]
DATABASE = load().database


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "incomplete", "expected"),
    [
        ("power.switch", "", {"load=", "on="}),
        ("power.switch", "lo", {"load="}),
        ("power.switch", "on=", {"on=on", "on=off"}),
        ("system.mode", "mode=n", {"mode=NOMINAL"}),
        ("parameter.set", "system.scr", {"system.scratch="}),
        ("parameter.report", "parameters=system.scratch,system.boot", {"parameters=system.scratch,system.boot_count"}),
        ("housekeeping.enable", "sids=system", {"sids=system.housekeeping"}),
        ("connection_test", "apid=pow", {"apid=power"}),
        ("nothing", "", set()),
    ],
)
def test_words_are_completed_from_the_database(name: str, incomplete: str, expected: set[str]) -> None:
    assert {word for word, _ in completions(DATABASE, name, incomplete)} == expected


@pytest.mark.process
def test_a_shell_completes_names_and_words() -> None:
    shell = {"_KRATAI_COMPLETE": "complete_bash"}
    done = run(**shell, COMP_WORDS="kratai send power.sw", COMP_CWORD="2")
    assert done.stdout.split() == ["power.switch"]
    done = run(**shell, COMP_WORDS="kratai send power.switch lo", COMP_CWORD="3")
    assert done.stdout.split() == ["load="]


@pytest.mark.process
def test_the_dictionary_for_programs() -> None:
    commands = json.loads(run("commands", "--json").stdout)
    assert {each["name"] for each in commands} == set(DATABASE.command_names())
    (switch,) = json.loads(run("commands", "power.switch", "--json").stdout)
    assert [argument["name"] for argument in switch["arguments"]] == ["load", "on"]
    telemetry = json.loads(run("telemetry", "power.bus_mv", "--json").stdout)
    assert [each["unit"] for each in telemetry["parameters"]] == ["mV"]


@pytest.mark.process
def test_the_dictionary_for_people() -> None:
    done = run("commands", COLUMNS="200")
    assert done.returncode == 0
    assert "load=  0 to 31" in done.stdout
    done = run("telemetry", "system.disk_used", COLUMNS="200")
    assert ".. 980" in done.stdout
    done = run("commands", "power.swich")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'power.switch'" in done.stderr
