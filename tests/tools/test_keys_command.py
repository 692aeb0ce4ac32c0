"""`kratai keys` as a person and a program meet it: ten boards by one command, and no octet of a key in any output."""

import json
from pathlib import Path

import pytest

from tests.tools.key_search import shown
from tests.tools.test_main import kratai

pytestmark = pytest.mark.process


@pytest.mark.proves("K-SEC-012", "K-SEC-013")
def test_ten_boards_by_one_command_and_no_key_in_any_word(tmp_path: Path) -> None:
    boards, state = tmp_path / "boards", tmp_path / "state"
    said = []

    def run(*words: str, status: int = 0) -> str:
        done = kratai("keys", *words)
        said.append(done.stdout + done.stderr)
        assert done.returncode == status, done
        return done.stdout or done.stderr

    made = json.loads(run("new", "--boards", "10", "--into", str(boards), "--json"))
    assert [one["name"] for one in made] == [f"board-{n:02d}" for n in range(1, 11)]
    assert "no key twice" in run("new", "rover", "--into", str(boards))
    assert run("new", "rover", "--into", str(boards), status=2).endswith(
        "rover is there already: no keys are ever written over\n"
    )
    assert "15 keys brought in" in run("install", str(boards / "rover" / "ground"), "--state", str(state))
    told = json.loads(run("install", str(boards / "rover" / "recovery"), "--state", str(state), "--json"))
    assert (told["new"], told["there"]) == (["0310", "0311", "0320", "0321", "0323"], [])
    assert "holds another key already" in run("install", made[0]["ground"], "--state", str(state), status=2)
    shown_keys = json.loads(run("show", str(state), "--json"))[0]["keys"]
    assert {(row["key"], row["spi"], row["slot"], row["channel"]) for row in shown_keys} >= {
        ("0010", "0010", 0, "TC VC 0"), ("0311", "0011", 3, "TC VC 1"), ("0223", "0023", 2, "TM VC 3"),
    }  # fmt: skip
    assert "recovery" in run("show", str(boards / "rover"))
    (state / "keys" / "0010.key").chmod(0o640)
    assert "chmod 600" in run("show", str(state), status=1)
    keys = {path.read_bytes() for path in tmp_path.rglob("*.key")}
    assert len(keys) == 11 * 20
    assert shown(keys, "".join(said).encode()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("new", "rover"), "--into DIR"),
        (("new", "--into", "x"), "names of boards"),
        (("show",), "one folder"),
        (("show", "nowhere"), "has no keys"),
        (("install", "a", "b"), "one folder"),
    ],
)
def test_a_wrong_word_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = kratai("keys", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
