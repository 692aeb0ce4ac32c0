"""Each promise in requirements.toml is proved by a test that names it, and no test names a promise that is not made.

Tests are read, not run: `@pytest.mark.proves("K-LINE-003", …)` on a function or a class, or `pytestmark` of a module.
"""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
REQUIREMENTS = tomllib.loads((TESTS / "requirements.toml").read_text())["requirement"]
ROOMS = {
    "LINE",
    "FRAME",
    "PKT",
    "VER",
    "LND",
    "FLY",
    "KERN",
    "MDB",
    "STORE",
    "SCHED",
    "MON",
    "ARCH",
    "MEM",
    "SEQ",
    "SEC",
    "FILE",
    "AUTO",
    "PARAM",
    "FATE",
    "TIME",
    "GND",
    "CLI",
    "BENCH",
    "FAULT",
    "LANDER",
    "REPLAY",
    "CAMPAIGN",
    "SIM",
}
IDENTIFIER = re.compile(r"K-([A-Z]+)-\d{3}")


def proved(source: str) -> list[str]:
    """Identifiers that the `proves` marks of a test file name."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    marks = (call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "proves")
    arguments = (argument for mark in marks for argument in mark.args)
    return [
        a.value
        for a in arguments
        if isinstance(a, ast.Constant) and isinstance(a.value, str) and a.value.startswith("K-")
    ]


PROVED = {path.relative_to(TESTS): proved(path.read_text()) for path in sorted(TESTS.rglob("test_*.py"))}


def test_marks_are_read() -> None:
    source = (
        '@pytest.mark.proves("K-A-001", "K-B-002", "because")\ndef test_it(): ...\n'
        'pytestmark = [pytest.mark.proves("K-C-003")]'
    )
    assert sorted(proved(source)) == ["K-A-001", "K-B-002", "K-C-003"]


def test_requirements_are_well_formed() -> None:
    assert [key for key, times in Counter(one["id"] for one in REQUIREMENTS).items() if times > 1] == []
    for one in REQUIREMENTS:
        assert one.keys() == {"id", "text", "why"}, one
        assert all(one.values()), one
        match = IDENTIFIER.fullmatch(one["id"])
        assert match, one
        assert match[1] in ROOMS, one


@pytest.mark.proves("K-CLI-005")
def test_every_requirement_is_proved_by_a_test() -> None:
    named = {identifier for identifiers in PROVED.values() for identifier in identifiers}
    unproved = [f"{one['id']} {one['text']}" for one in REQUIREMENTS if one["id"] not in named]
    assert not unproved, "\n".join(["no test names:", *unproved])


def test_no_test_names_an_unknown_requirement() -> None:
    known = {one["id"] for one in REQUIREMENTS}
    unknown = {path: sorted(set(named) - known) for path, named in PROVED.items()}
    assert not {path: named for path, named in unknown.items() if named}
