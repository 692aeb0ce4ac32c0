"""House rules that no linter knows, held over every file of the checkout."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("fsw", "hil", "tools")
MADE = {".git", ".venv", "__pycache__", "build", "dist", "mutants"}  # folders that no one wrote
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
README_LINES = range(5, 31)
BANNED = {"utils", "util", "common", "helpers", "helper", "core", "manager", "base", "handler", "impl", "misc"}
BANNED_ENDS = ("Manager", "Handler", "Base", "Impl", "Helper")
UNTESTED = {  # modules that no test's imports reach, and what holds them instead
    "fsw/__main__.py": "started as a process",
    "tools/cli/__main__.py": "started as a process",
}
# written in pieces, so that this file does not find itself
MACHINE_PATH = re.compile(r"(?<![\w.>)}\]])/(?:wo" + r"rk|tm" + r"p|ro" + r"ot|ho" + r"me)/\w")
FOREIGN = re.compile(
    "|".join((r"\.\./sha" + "red", "pythonho" + r"sted\.org", "py" + r"pi\.org", r"--index" + r"-url \S"))
)
UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X|HA" + r"CK)\b|NotImplemented" + "Error")


def walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in MADE and not (path.name.startswith(".") and path.name != ".ci"):
            yield path
            yield from walk(path)
        elif path.is_file() and path.suffix != ".pyc" and not path.name.startswith((".coverage", ".venv")):
            yield path


PATHS = list(walk(ROOT))
FILES = [path for path in PATHS if path.is_file()]
SOURCES = {str(path.relative_to(ROOT)): path.read_text() for path in FILES if path.suffix == ".py"}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}
PRODUCT = {name: tree for name, tree in TREES.items() if name.startswith(HOUSES)}
TESTS = {name: tree for name, tree in TREES.items() if name.startswith("tests/")}


def imported(tree: ast.AST) -> set[str]:
    """Dotted names a file imports; `from a import b` gives both a and a.b."""
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_files_have_an_end() -> None:
    long = {name: text.count("\n") for name, text in SOURCES.items() if text.count("\n") > FILE_LINES_MAX}
    assert not long


def test_functions_have_an_end() -> None:
    long = {}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long[f"{name}:{node.lineno} {node.name}"] = lines
    assert not long


def test_names_say_what_a_thing_is() -> None:
    rooms = {part for name in TREES for part in Path(name).with_suffix("").parts if part in BANNED}
    bad = {name for name in TREES if rooms & set(Path(name).with_suffix("").parts)}
    for name, tree in PRODUCT.items():
        classes = (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        bad |= {f"{name}:{one}" for one in classes if one.endswith(BANNED_ENDS)}
    assert not bad


def test_flight_catches_everything_in_one_place() -> None:
    found = []
    for name, tree in PRODUCT.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and name.startswith("fsw/"):
                caught = ast.unparse(node.type) if node.type else "everything"
                if caught in ("Exception", "BaseException", "everything"):
                    found.append((name, caught))
    assert found == [("fsw/kernel/supervisor.py", "Exception")]


def test_each_service_ends_with_what_is_off_nominal() -> None:
    rooms = ("fsw/services/", "fsw/system/")
    silent = [
        name
        for name, tree in PRODUCT.items()
        if name.startswith(rooms) and not name.endswith("__init__.py")
        and "Off nominal: " not in (ast.get_docstring(tree) or "")
    ]  # fmt: skip
    assert not silent


def test_enums_are_unique() -> None:
    bad = []
    for name, tree in PRODUCT.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
                if bases & {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"} and "unique" not in marks:
                    bad.append(f"{name}:{node.lineno} {node.name}")
    assert not bad


def test_every_module_is_reached_from_a_test_or_named() -> None:
    """No dead file: from the tests' imports, import by import, every module is reached."""
    modules = {name.removesuffix(".py").replace("/", "."): name for name in PRODUCT if "missions" not in name}
    reached: set[str] = set()
    left = set().union(*(imported(tree) for tree in TESTS.values()))
    left |= {entry.module for entry in COMMANDS.values()}  # test_main.py starts each
    while left:
        reached |= left
        left = set().union(*(imported(PRODUCT[modules[one]]) for one in left if one in modules)) - reached
    unreached = {name for one, name in modules.items() if one not in reached and not name.endswith("__init__.py")}
    assert sorted(unreached - UNTESTED.keys()) == []
    assert sorted(UNTESTED.keys() - set(modules.values())) == [], "a named module that is not there"


def test_serial_ports_are_opened_in_two_files() -> None:
    users = {name for name, tree in PRODUCT.items() if "serial" in imported(tree)}
    assert users <= {"fsw/hal/serial_port.py", "hil/rungs/serial_port.py"}


def test_tests_that_start_processes_are_marked() -> None:
    starters = {name for name, tree in TESTS.items() if "subprocess" in imported(tree)}
    starters = {name for name in starters if Path(name).name.startswith("test_")}
    assert {name for name in starters if "pytest.mark.process" not in SOURCES[name]} == set()


def test_tests_do_not_sleep() -> None:
    sleepers = []
    for name, tree in TESTS.items():
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        sleepers += [f"{name}:{call.lineno}" for call in calls if ast.unparse(call.func) in ("time.sleep", "sleep")]
        sleepers += [name for one in imported(tree) if one == "time.sleep"]
    assert not sleepers


def test_each_folder_says_why_it_is_there() -> None:
    folders = [path for path in PATHS if path.is_dir() and path.name != ".ci"]
    silent = [str(path.relative_to(ROOT)) for path in folders if not (path / "README.md").exists()]
    assert not silent
    lines = {str(path.relative_to(ROOT)): len((path / "README.md").read_text().splitlines()) for path in folders}
    del lines["tests/vectors"]  # as long as the list of its files
    assert {name: count for name, count in lines.items() if count not in README_LINES} == {}
    assert (ROOT / "README.md").exists()


def test_vectors_cite_their_source() -> None:
    folder = ROOT / "tests" / "vectors"
    said = (folder / "README.md").read_text()
    assert [path.name for path in folder.iterdir() if path.name != "README.md" and path.name not in said] == []


def test_no_file_knows_this_machine() -> None:
    bad = []
    for path in FILES:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found = MACHINE_PATH.search(text) or FOREIGN.search(text)
        if found:
            bad.append(f"{path.relative_to(ROOT)}: {found[0]}")
    assert not bad


def test_nothing_is_left_for_later() -> None:
    bad = [f"{name}: {found[0]}" for name, text in SOURCES.items() if (found := UNFINISHED.search(text))]
    assert not bad
