"""The operators' file and the door: tokens kept as salted hashes, nobody else reads them, closed when in doubt."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from tools.ground.credentials import CredentialsError, credentials
from tools.ground.door import Door
from tools.ground.operators import FILE, OPERATORS_MAX, Book, Operator, OperatorsError, load, save
from tools.ground.roles import Role

LOCAL = Operator("jane", Role.ENGINEER, None)


def of_three() -> tuple[Book, list[str]]:
    book, tokens = Book(), []
    for name, role in (("ann", Role.ENGINEER), ("bob", Role.OPERATOR), ("eve", Role.OBSERVER)):
        book, _, token = book.with_operator(name, role, None)
        tokens.append(token)
    return book, tokens


@pytest.mark.proves("K-GND-010")
def test_the_file_keeps_salted_hashes_and_is_its_owners(tmp_path: Path) -> None:
    book, tokens = of_three()
    save(tmp_path, book)
    path = tmp_path / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert all(token not in text for token in tokens)
    rows = json.loads(text)["operators"]
    assert [(row["name"], row["role"], row["source_id"]) for row in rows] == [
        ("ann", "engineer", 1), ("bob", "operator", 2), ("eve", "observer", 3),
    ]  # fmt: skip
    for row, token in zip(rows, tokens, strict=True):
        assert hashlib.sha256(bytes.fromhex(row["salt"]) + token.encode()).hexdigest() == row["sha256"]
        assert len(bytes.fromhex(row["salt"])) == 16
        assert len(token) == 43, "32 octets of the system's generator"
    assert len({row["salt"] for row in rows}) == 3
    assert load(tmp_path) == book


def test_a_token_is_one_operators_and_nothing_else_is_a_token() -> None:
    book, tokens = of_three()
    assert [found.name for token in tokens if (found := book.who(token))] == ["ann", "bob", "eve"]
    for wrong in ("", tokens[0][:-1], tokens[0] + " ", "ann", "\ud800", "x" * 5_000):
        assert book.who(wrong) is None
    assert book.without("bob").who(tokens[1]) is None
    again, _, other = book.without("bob").with_operator("bob", Role.OBSERVER, None)
    assert again.who(tokens[1]) is None
    assert again.who(other) == Operator("bob", Role.OBSERVER, 2)


@pytest.mark.parametrize(
    ("name", "source", "part"),
    [
        ("ann", None, "there is an operator 'ann' already"),
        ("ground", None, "is no name"),
        ("Bob", None, "is no name"),
        ("a\nb", None, "is no name"),
        ("", None, "is no name"),
        ("a" * 33, None, "is no name"),
        ("carl", 1, "source id 1 is ann's"),
        ("carl", 0, "must be 1 to 65535"),
        ("carl", 65_536, "must be 1 to 65535"),
    ],
)
def test_what_is_no_operator_is_refused(name: str, source: int | None, part: str) -> None:
    book, _ = of_three()
    with pytest.raises(OperatorsError, match=part):
        book.with_operator(name, Role.OPERATOR, source)


def test_operators_are_bounded() -> None:
    book = Book()
    for number in range(OPERATORS_MAX):
        book, _, _ = book.with_operator(f"o{number}", Role.OBSERVER, None)
    with pytest.raises(OperatorsError, match="64 operators at most"):
        book.with_operator("more", Role.OBSERVER, None)


GOOD = {"name": "ann", "role": "engineer", "source_id": 1, "salt": "00" * 16, "sha256": "00" * 32}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"operators": 3}', '{"operators": [3]}', "\xff", "[" * 5_000, " " * 70_000,
        *(json.dumps({"operators": [{**GOOD, **wrong}]}) for wrong in (
            {"role": "root"}, {"source_id": "1"}, {"source_id": True}, {"salt": "00"}, {"sha256": "zz"}, {"name": 1},
            {"name": "ground"}, {"source_id": 0}, {"role": None},
        )),
        json.dumps({"operators": [GOOD, GOOD]}),
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(OperatorsError) as told:
        load(tmp_path)
    assert "\n" not in str(told.value)
    with pytest.raises(OperatorsError):
        Door(tmp_path, LOCAL, "local-token")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_open_to_others_lets_nobody_in(tmp_path: Path, mode: int) -> None:
    save(tmp_path, of_three()[0])
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(OperatorsError, match="open to others"):
        load(tmp_path)


@pytest.mark.proves("K-GND-010")
def test_without_operators_the_local_user_is_an_engineer_and_with_them_nobody_in_particular(tmp_path: Path) -> None:
    door = Door(tmp_path, LOCAL, "local-token")
    assert door.token == "local-token"
    assert door.who("local-token") == LOCAL
    assert door.who("") is None
    assert door.knows(LOCAL)
    book, tokens = of_three()
    save(tmp_path, book)
    assert door.look() == "there are 3 operators now"
    assert door.look() is None
    assert door.who("local-token") is None
    assert not door.knows(LOCAL)
    assert door.token == ""
    assert door.who(tokens[2]) == Operator("eve", Role.OBSERVER, 3)


@pytest.mark.proves("K-GND-010")
def test_a_door_in_doubt_is_closed(tmp_path: Path) -> None:
    book, tokens = of_three()
    save(tmp_path, book)
    door = Door(tmp_path, LOCAL, "local-token")
    (tmp_path / FILE).write_text("{")
    said = door.look()
    assert said is not None
    assert said.endswith("nobody is let in")
    assert all(door.who(token) is None for token in (*tokens, "local-token"))
    (tmp_path / FILE).unlink()
    said = door.look()
    assert said is not None
    assert "is gone" in said
    assert all(door.who(token) is None for token in (*tokens, "local-token"))
    save(tmp_path, book)
    door.look()
    assert door.who(tokens[0]) is not None
    save(tmp_path, Book())
    with pytest.raises(OperatorsError, match="names nobody"):
        Door(tmp_path, LOCAL, "local-token")


def test_credentials_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    path.chmod(0o600)
    assert credentials({}) == ("", None, None)
    assert credentials({"KRATAI_TOKEN": "secret"}).token == "secret"
    assert credentials({"KRATAI_TOKEN_FILE": str(path)}).token == "secret"
    elsewhere = {"KRATAI_GROUND": "[::1]:7000", "KRATAI_CA": "/ca.pem", "KRATAI_TOKEN": "secret"}
    assert credentials(elsewhere) == ("secret", ("::1", 7000), Path("/ca.pem"))
    path.chmod(0o644)
    for wrong in (
        {"KRATAI_TOKEN": "secret", "KRATAI_TOKEN_FILE": str(path)},
        {"KRATAI_TOKEN_FILE": str(path)},
        {"KRATAI_TOKEN_FILE": str(tmp_path / "none")},
        {"KRATAI_GROUND": "host", "KRATAI_TOKEN": "secret"},
        {"KRATAI_GROUND": "host:99999", "KRATAI_TOKEN": "secret"},
        {"KRATAI_GROUND": "host:9"},
    ):
        with pytest.raises(CredentialsError) as told:
            credentials(wrong)
        assert "secret" not in str(told.value)
