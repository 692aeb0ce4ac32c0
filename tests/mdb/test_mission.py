"""Mission folders: the built-in one flies, and each mistake in one is a sentence with file and line or key."""

import shutil
from pathlib import Path

import pytest

from fsw.mdb.mission import BUILT_IN, MissionError, check_imports, load, load_simulated


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the built-in mission, to be spoiled."""
    return Path(shutil.copytree(BUILT_IN, tmp_path / "mission"))


def refused(folder: Path) -> str:
    with pytest.raises(MissionError) as caught:
        load(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_the_built_in_mission_has_its_two_instruments_and_their_twins(folder: Path) -> None:
    mission = load()
    assert (mission.name, mission.line, mission.base_mw) == ("rabbit", "default", 1100)
    rows = [
        (entry.name, entry.row, entry.period_ticks, entry.budget_us, entry.priority) for entry in mission.instruments
    ]
    assert rows == [("dosimeter", 0, 10, 2000, 2), ("environment", 1, 10, 2000, 1)]
    assert {0x031, 0x032} <= mission.database.processes.keys()
    for entry in mission.instruments:
        assert hasattr(load_simulated(mission, entry.name), "Device")
    assert load(folder).database.digest() == mission.database.digest(), (
        "the digest is of what is declared, not of where"
    )


@pytest.mark.proves("K-MDB-003")
@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('line = "default"', 'lines = "default"', "unknown key lines; did you mean line?"),
        ('line = "default"', 'line = "quick"', "line is one of slow, default, fast, not 'quick'"),
        ('line = "default"', "line = 3", "line must be str, not 3"),
        ("base_mw = 1100", "base_mw = true", "base_mw must be int, not True"),
        ("base_mw = 1100", "colour = 1100", "unknown key colour; it knows name, line, base_mw, instruments"),
        ("priority = 2", "prority = 2", "unknown key instruments.dosimeter.prority; did you mean priority?"),
        ("priority = 2", "priority = 256", "instruments.dosimeter.priority must be 0 to 255, not 256"),
        ("period_ms = 100\nbudget_us = 2000\npriority = 1", "period_ms = 9",
         "instruments.environment.period_ms must be 10 to 60000, not 9"),
        ("[instruments.dosimeter]", "[instruments]\nlidar = 3\n[instruments.dosimeter]",
         "instruments.lidar must be a table"),
        ("base_mw = 1100", "base_mw = = 1100", "Invalid value (at line 4, column 11)"),
    ],
)  # fmt: skip
def test_a_wrong_mission_file_is_one_sentence_with_its_key_or_line(
    folder: Path, was: str, becomes: str, said: str
) -> None:
    file = folder / "mission.toml"
    text = file.read_text()
    assert was in text
    file.write_text(text.replace(was, becomes, 1))
    assert refused(folder) == f"{file}: {said}"


def test_a_folder_that_is_no_mission_is_one_sentence(tmp_path: Path, folder: Path) -> None:
    assert refused(tmp_path).startswith(f"{tmp_path / 'mission.toml'} cannot be read: ")
    (folder / "mission.toml").write_bytes(b"\xff\xfe")
    assert refused(folder).startswith(f"{folder / 'mission.toml'} cannot be read: ")
    more = "".join(f"[instruments.i{n}]\n" for n in range(25))
    (folder / "mission.toml").write_text(more)
    assert "25 instruments, at most 24" in refused(folder)


@pytest.mark.proves("K-MDB-003")
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import os", "os"),
        ("import math, socket", "socket"),
        ("import fsw.app", "fsw.app"),
        ("import xml.dom as math", "xml.dom"),
        ("from time import sleep as struct", "time"),
        ("from fsw import app", "fsw.app"),
        ("from fsw.hal import serial_port", "fsw.hal.serial_port"),
        ("from fsw.pus.tc import encode", "fsw.pus.tc"),
        ("from . import neighbour", "."),
        ("def late():\n    import subprocess", "subprocess"),
    ],
)
def test_an_instrument_file_may_import_little(folder: Path, line: str, name: str) -> None:
    file = folder / "instruments" / "dosimeter.py"
    text = file.read_text()
    file.write_text(f"{text}{line}\n")
    at = text.count("\n") + line.count("\n") + 1
    assert refused(folder) == f"{file}:{at}: an instrument file may not import {name}"


def test_an_instrument_file_may_import_what_touches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "quiet.py"
    file.write_text(
        "import math\nfrom collections.abc import Mapping\nfrom fsw.mdb.model import u8\nfrom fsw.hal import ports\n"
    )
    check_imports(file)


@pytest.mark.proves("K-MDB-003")
def test_an_instrument_file_that_does_not_work_is_one_sentence(folder: Path) -> None:
    file = folder / "instruments" / "dosimeter.py"
    text = file.read_text()
    lines = text.count("\n")
    file.write_text(f"{text}def (:\n")
    assert refused(folder).startswith(f"{file}:{lines + 1}: ")
    file.write_text(f"{text}1 / 0\n")
    assert refused(folder) == f"{file}: ZeroDivisionError: division by zero"
    file.write_text(text.replace("INSTRUMENT", "NOTHING"))
    assert refused(folder) == f"{file}: no INSTRUMENT is declared"
    file.write_text(text.replace("function=3", "function=2"))
    assert "is claimed by dosimeter.measure" in refused(folder)
    file.unlink()
    assert refused(folder).startswith(f"{file} cannot be read: ")
