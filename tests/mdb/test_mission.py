"""Whatever is wrong in a mission folder is one sentence that names file and key or line."""

import shutil
from pathlib import Path

import pytest

from fsw.mdb.mission import BUILT_IN, INSTRUMENTS_MAX, MissionError, load, load_simulated

INSTRUMENT = "instruments/dosimeter.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILT_IN, tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__")))


def refusal(folder: Path) -> str:
    with pytest.raises(MissionError) as caught:
        load(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def test_the_built_in_mission_and_a_copy_elsewhere_are_the_same(folder: Path) -> None:
    here, there = load(), load(folder)
    assert (here.name, here.line, here.base_mw) == ("rabbit", "default", 1_100)
    assert [entry.name for entry in here.instruments] == ["dosimeter", "environment"]
    assert [(e.row, e.period_ticks, e.budget_us, e.priority) for e in here.instruments] == [
        (0, 10, 2_000, 2),
        (1, 10, 2_000, 1),
    ]
    assert there.database.digest() == here.database.digest()


def test_a_mission_without_instruments_flies(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_text("")
    mission = load(tmp_path)
    assert mission.instruments == ()
    assert mission.name == tmp_path.name
    assert mission.signing == frozenset()
    assert mission.database.command_by(0x020, 17, 1) is not None


@pytest.mark.proves("K-MDB-003")
@pytest.mark.parametrize(
    ("toml", "names"),
    [
        ("lime = 'default'", ["unknown key lime", "did you mean line"]),
        ("zzz = 1", ["unknown key zzz", "base_mw"]),
        ("line = 'quick'", ["line is one of slow, default, fast", "'quick'"]),
        ("base_mw = 'much'", ["base_mw must be int", "'much'"]),
        ("base_mw = true", ["base_mw must be int", "True"]),
        ("name = 3", ["name must be str"]),
        ("[[stores]]\nid = 1", ["name is missing"]),
        ("instruments = 3", ["instruments must be dict"]),
        ("[instruments]\ndosimeter = 3", ["instruments.dosimeter must be a table"]),
        ("[instruments.comms]", ["instruments.comms: a name is", "none of comms, power, system"]),
        ('[instruments."../evil"]', ["instruments.../evil: a name is"]),
        ("[instruments.dosimeter]\nperiod = 3", ["instruments.dosimeter.period", "did you mean period_ms"]),
        ("[instruments.dosimeter]\nperiod_ms = 9", ["instruments.dosimeter.period_ms must be 10 to 60000, not 9"]),
        ("[instruments.dosimeter]\nperiod_ms = 1.5", ["instruments.dosimeter.period_ms", "1.5"]),
        ("[instruments.dosimeter]\nbudget_us = 99", ["instruments.dosimeter.budget_us must be 100 to 1000000"]),
        ("[instruments.dosimeter]\npriority = 256", ["instruments.dosimeter.priority must be 0 to 255"]),
        ("[instruments.dosimeter]\npriority = true", ["instruments.dosimeter.priority", "True"]),
        ("signing = [0x0010, 0x0022]", ["signing has 34", "0x0010, 0x0011, 0x0020, 0x0021, 0x0023"]),
        ("signing = ['0010']", ["signing has '0010'"]),
        ("base_mw = 1\nline = = 3", ["at line 2"]),
        ("[instruments.camera]", ["camera.py", "cannot be read"]),
        ("".join(f"[instruments.n{n}]\n" for n in range(INSTRUMENTS_MAX + 1)), ["25 instruments, at most 24"]),
    ],
)
def test_a_wrong_key_is_named(folder: Path, toml: str, names: list[str]) -> None:
    (folder / "mission.toml").write_text(toml)
    sentence = refusal(folder)
    for name in [str(folder), *names]:
        assert name in sentence


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path}/mission.toml cannot be read" in refusal(tmp_path)
    (tmp_path / "mission.toml").write_bytes(b"\xff\xfe")
    assert "mission.toml cannot be read" in refusal(tmp_path)


@pytest.mark.proves("K-MDB-003")
@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import os", "may not import os"),
        ("import os.path", "may not import os.path"),
        ("from time import sleep", "may not import time"),
        ("import fsw.app", "may not import fsw.app"),
        ("from fsw import app", "may not import fsw.app"),
        ("from fsw.hal import child", "may not import fsw.hal.child"),
        ("from fsw.hal.serial_port import SerialLine", "may not import fsw.hal.serial_port"),
        ("from fsw.pus import tc", "may not import fsw.pus.tc"),
        ("from fsw.kernelx import y", "may not import fsw.kernelx"),
        ("from . import other", "may not import ."),
        ("from .math import other", "may not import .math"),
        ("from ..system import modes", "may not import ..system"),
        ("import hil.lander.lander", "may not import hil.lander.lander"),
        ("def f() -> None:\n    import socket", "may not import socket"),
        ("__import__('os')", "may not use __import__"),
        ("x = open('/dev/i2c-1')", "may not use open"),
        ("x = (", "was never closed"),
    ],
)
def test_a_forbidden_import_is_named_with_its_line(folder: Path, line: str, names: str) -> None:
    source = (folder / INSTRUMENT).read_text()
    first = source.count("\n") + 1
    (folder / INSTRUMENT).write_text(source + line + "\n")
    sentence = refusal(folder)
    assert names in sentence
    assert f"{folder / INSTRUMENT}:{first + line.count(chr(10))}:" in sentence


@pytest.mark.parametrize(
    "line",
    [
        "import math",
        "from collections import deque",
        "from fsw.hal import ports",
        "from fsw.hal.ports import Sensor",
        "from fsw.pus import ids",
        "import fsw.kernel.clock",
    ],
)
def test_what_an_instrument_needs_it_may_import(folder: Path, line: str) -> None:
    (folder / INSTRUMENT).write_text((folder / INSTRUMENT).read_text() + line + "\n")
    load(folder)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x: int = 1\n", "no INSTRUMENT"),
        ("x = undefined\n", "NameError"),
        ("x = 1 / 0\n", "ZeroDivisionError"),
        ("INSTRUMENT = 3\n", "INSTRUMENT"),
    ],
)
def test_a_file_that_is_no_instrument_is_named(folder: Path, source: str, names: str) -> None:
    (folder / INSTRUMENT).write_text(source)
    sentence = refusal(folder)
    assert names in sentence
    assert str(folder / INSTRUMENT) in sentence


@pytest.mark.proves("K-MDB-002")
def test_a_declaration_that_collides_is_named(folder: Path) -> None:
    source = (folder / INSTRUMENT).read_text()
    (folder / INSTRUMENT).write_text(
        source.replace('Parameter(0x3101, "dosimeter.dose', 'Parameter(1, "dosimeter.dose')
    )
    sentence = refusal(folder)
    assert "dosimeter.dose" in sentence
    assert "system.boot_count" in sentence


def test_a_twin_that_is_missing_is_named(folder: Path) -> None:
    (folder / "simulated/dosimeter.py").unlink()
    with pytest.raises(MissionError, match=r"simulated/dosimeter\.py"):
        load_simulated(load(folder), "dosimeter")


@pytest.mark.proves("K-SEC-001")
def test_a_mission_says_which_associations_authenticate_only(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_text("signing = [0x0020, 0x0023]\n")
    assert load(tmp_path).signing == {0x20, 0x23}
