"""`perf`: collecting rows, their verdict as exit status, and a measurement that breaks."""

import json
from pathlib import Path

import pytest
import typer

from tools.cli import perf
from tools.cli.tool_runs import ROOT

ROWS = """
def fast(quick):
    return [{"name": "fast", "value": 1.0, "unit": "us", "peer": 6.0, "ratio": 6.0, "bound": 5.0, "holds": True}]
def slow(quick):
    return [{"name": "slow", "value": 9 if quick else 10, "unit": "us", "peer": 6.0, "ratio": 0.6, "bound": 5.0,
             "holds": False}]
def broken(quick):
    raise OSError("no pty left")
ROWS = {"fast": fast, "slow": slow, "broken": broken}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows_planted.py").write_text(ROWS)
    monkeypatch.setattr(perf, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("names", "status"), [(["fast"], 0), (["fast", "slow"], 1), (["broken"], 1), ([], 1)])
def test_exit_status_is_the_bounds(folder: Path, names: list[str], status: int) -> None:
    with pytest.raises(typer.Exit) as ended:
        perf.command(names[1:], only=names[:1], quick=False, file=folder / "rows.json")
    assert ended.value.exit_code == status
    rows = json.loads((folder / "rows.json").read_text())
    assert [row["name"] for row in rows] == (names or ["fast", "slow", "broken"])
    assert all(list(row) == list(perf.KEYS) for row in rows)


def test_names_in_two_files_are_a_bug(folder: Path) -> None:
    (folder / "rows_twice.py").write_text(ROWS)
    with pytest.raises(AssertionError, match="stands in another file too"):
        perf.collect(folder)


def test_quick_reaches_the_measurement(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        perf.command(None, only=["slow"], quick=True, file=Path("-"))
    assert json.loads(capsys.readouterr().out)[0]["value"] == 9


def test_the_projects_own_measurements_can_be_collected() -> None:
    assert {"kernel_tick", "pus_tc_decode"} <= perf.collect(ROOT / "tests" / "perf").keys()
