"""What the READMEs say can be typed and opened: commands and options are the program's, links lead somewhere.

The two commands of the first page are played elsewhere: `demo` by tests/tools/test_demo.py, `test` by running this.
"""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from fsw.__main__ import parse
from tools.cli.main import COMMANDS, build

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("fsw", "hil", "tools", "tests")
PAGES = [*sorted(ROOT.glob("*.md")), *(page for house in HOUSES for page in sorted((ROOT / house).rglob("*.md")))]
TYPED = re.compile(r"tools/kratai ([^`\n]+)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
LINK = re.compile(r"\]\(([^)#\s]+)\)")


def said(page: Path) -> list[str]:
    """The command lines of a page, without the remark behind them and without quoted arguments."""
    lines = (found[1].partition("#")[0] for found in TYPED.finditer(page.read_text()))
    return [re.sub(r"'[^']*'|\"[^\"]*\"", "", line) for line in lines]


def options(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    if name != "fly":
        return {option for one in get_command(build(name)).commands[name].params for option in one.opts}  # type: ignore[attr-defined]
    with pytest.raises(SystemExit):
        parse(["--help"])
    return set(OPTION.findall(capsys.readouterr().out))


def test_the_first_page_shows_the_two_commands_and_names_every_house() -> None:
    page = ROOT / "README.md"
    assert [line.split()[0] for line in said(page)[:2]] == ["demo", "test"]
    assert {house for house in HOUSES if f"`{house}/`" in page.read_text()} == set(HOUSES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_says_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in said(page):
        name = line.split()[0]
        assert name in COMMANDS, f"{page.name}: {line}"
        unknown = set(OPTION.findall(line.partition(":")[0])) - options(name, capsys) - {"--help"}
        assert not unknown, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    dead = [link for link in LINK.findall(page.read_text()) if "://" not in link and not (page.parent / link).exists()]
    assert not dead
