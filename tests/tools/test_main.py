"""The command line: the table of commands, wrong words, and that the list imports no command."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.cli.main import COMMANDS, build, first_word

ROOT = Path(__file__).resolve().parents[2]
OWN = [name for name in COMMANDS if name != "fly"]


def kratai(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tools.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.proves("K-CLI-003")
@pytest.mark.process
@pytest.mark.parametrize("name", OWN)
def test_every_command_has_help_with_an_example_and_json(name: str) -> None:
    assert find_spec(COMMANDS[name].module), name
    done = kratai(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Example: kratai {name}" in " ".join(done.stdout.split())
    assert "--json" in done.stdout


@pytest.mark.proves("K-CLI-003")
@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("lndr",), "kratai: No such command 'lndr'. Did you mean 'lander'?\n"),
        (("check", "--jsn"), "kratai: check: No such option: --jsn Did you mean --json?\n"),
        (("perf", "--only", "warp"), "kratai: perf: Invalid value for --only: 'warp' is none of "),
        (("test", "--frob"), "kratai: test: No such option: --frob\n"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = kratai(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence.partition(" Did")[0].rstrip())
    assert done.stderr.count("\n") == 1


@pytest.mark.process
def test_the_list_imports_no_command_and_no_flight_software() -> None:
    probe = "import sys, json, tools.cli.main as m; m.build(''); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert [name for name in loaded if name.partition(".")[0] in ("fsw", "hil", "construct", "serial")] == []
    assert [name for name in loaded if name.startswith("tools.cli.")] == ["tools.cli.main"]


@pytest.mark.process
def test_help_is_shown_when_nothing_is_asked() -> None:
    assert kratai().stdout == kratai("--help").stdout
    for name, entry in COMMANDS.items():
        assert f"{name} " in kratai().stdout.split("Commands:")[1], entry


def test_the_wanted_command_is_found_behind_options_and_while_completing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert first_word(["--x", "send", "ping"]) == "send"
    assert first_word([]) == ""
    monkeypatch.setenv("_KRATAI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "kratai export sys")
    assert first_word([]) == "export"


def test_a_command_whose_file_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.cli import main  # noqa: PLC0415

    entry = COMMANDS["decode"]._replace(module="tools.cli.not_there")
    monkeypatch.setattr(main, "COMMANDS", {**COMMANDS, "decode": entry})
    with pytest.raises(main.MissingError, match=r"decode is not part of this checkout: tools/cli/not_there\.py"):
        build("decode")
