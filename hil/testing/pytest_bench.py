"""The pytest plugin: fixtures `bench` and `measure`, for tests of a payload on any rung; JUnit properties and a report.

Loaded by the entry point of an installed package, or by `-p hil.testing.pytest_bench`. A test names what it proves with
`@pytest.mark.proves("ID", …)`, and what it needs with `@pytest.mark.bench(lander="short-line", faults=[…])`.

A measure outside its bounds and a broken always-on rule fail a test after its last line, so that everything is
measured first. What a rung cannot do ends a test as skipped, "not exercised": never as passed.
"""

import tomllib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from fsw.mdb.mission import Mission, MissionError
from fsw.mdb.mission import load as load_mission
from hil.campaign.code_digest import version
from hil.lander.profiles import ProfileError
from hil.testing.bench_run import BenchRun, Setting
from hil.testing.bench_stage import SIM, StageError
from hil.testing.bench_words import Missed, NotExercised, Words
from hil.testing.report import Part, page, part
from hil.written.fault import FaultError

RUN: Final = pytest.StashKey[BenchRun]()
MARKERS: Final = (
    "bench(lander, faults, powered, housekeeping): the lander profile, compact faults, whether it is switched on first",
    "proves(*ids): the requirements that the test proves",
)
NAME: Final = "kratai-bench"
FOUND: Final = "kratai_bench"
"""Attribute of a test's report under which its part of the page travels."""

Measuring = Callable[..., float]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a session; what a project always wants stands in its configuration file."""
    group = parser.getgroup("bench", "payload bench")
    group.addoption(
        "--rung", default=SIM, metavar="sim|pty|PORT", help="where the payload is: simulated, a process, a port"
    )
    group.addoption("--bench-seed", type=int, default=0, metavar="N", help="what chance decides follows from it")
    group.addoption(
        "--bench-report", type=Path, metavar="FILE", help="write one HTML page about the tests of the bench"
    )
    group.addoption("--bench-lander", metavar="PROFILE", help="lander profile: a name or a file")
    group.addoption("--bench-mission", type=Path, metavar="FOLDER", help="mission folder; default is the built-in one")
    group.addoption(
        "--bench-power-command", metavar="CMD", help="switches a real board when `on` or `off` stands behind it"
    )
    parser.addini("bench_lander", "lander profile: a name, or a file beside this one", default="generic")
    parser.addini("bench_mission", "mission folder, from here; default is the built-in one")
    parser.addini("bench_requirements", "TOML file with [[requirement]] id and text, for the report")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marks mean; find out before the first test that the report has no place."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    file: Path | None = config.getoption("--bench-report")
    if file is not None and not file.absolute().parent.is_dir():
        raise pytest.UsageError(f"--bench-report: there is no folder {file.absolute().parent}")
    if config.getoption("--bench-seed") < 0:
        raise pytest.UsageError("--bench-seed: seeds begin at 0")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(config), NAME)


# Fixtures


@pytest.fixture(scope="session")
def _bench_mission(pytestconfig: pytest.Config) -> Mission:
    named: Path | None = pytestconfig.getoption("--bench-mission")
    written = pytestconfig.getini("bench_mission")
    if named is None and written:
        named = pytestconfig.rootpath / str(written)
    try:
        return load_mission(named)
    except MissionError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def bench(request: pytest.FixtureRequest, _bench_mission: Mission) -> Iterator[Words]:
    """A payload with lander, line and ground, on the rung asked for; switched on and ready for commands."""
    config = request.config
    mark = request.node.get_closest_marker("bench")
    wanted: dict[str, Any] = dict(mark.kwargs) if mark else {}
    lander = wanted.pop("lander", None) or config.getoption("--bench-lander") or config.getini("bench_lander")
    setting = Setting(
        rung=config.getoption("--rung"),
        seed=config.getoption("--bench-seed"),
        lander=lander,
        faults=tuple(wanted.pop("faults", ())),
        power_command=config.getoption("--bench-power-command"),
    )
    powered, housekeeping = wanted.pop("powered", True), wanted.pop("housekeeping", True)
    if wanted or (mark and mark.args):
        pytest.fail(f"the mark bench knows no {', '.join(wanted) or 'value without a name'}", pytrace=False)
    run = run_of(request)
    try:
        words = run.begin(setting, _bench_mission)
    except (StageError, ProfileError, FaultError) as error:
        pytest.fail(str(error), pytrace=False)
    try:
        if powered:
            words.boots(housekeeping=housekeeping)
        yield words
    finally:
        run.close()


@pytest.fixture
def measure(request: pytest.FixtureRequest) -> Measuring:
    """`measure(name, value, low, high, unit)` notes a value and its bounds (None: none), and returns the value."""
    return run_of(request).measure


def run_of(request: pytest.FixtureRequest) -> BenchRun:
    """The run of this test, made by the first fixture that asks for it."""
    item = request.node
    if RUN not in item.stash:
        item.stash[RUN] = BenchRun(item.nodeid, again(request.config, item.nodeid))
    run: BenchRun = item.stash[RUN]
    return run


def again(config: pytest.Config, test: str) -> str:
    """The command that repeats a test."""
    plugins = config.pluginmanager.list_plugin_distinfo()
    installed = any(getattr(plugin, "__name__", "") == __name__ for plugin, _ in plugins)
    words = ["pytest", f"'{test}'", *([] if installed else ["-p", __name__])]
    for name in ("rung", "bench-seed", "bench-lander", "bench-mission", "bench-power-command"):
        value = config.getoption(f"--{name}")
        if value is not None:
            words.append(f"--{name}='{value}'" if " " in str(value) else f"--{name}={value}")
    return " ".join(words)


# Verdicts


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """After the test's last line: rules and measures. What the rung cannot do skips the test."""
    run = pyfuncitem.stash.get(RUN, None)
    try:
        result = yield
    except NotExercised as why:
        assert run is not None, "only a bench says this"
        run.not_exercised = str(why)
        pytest.skip(f"not exercised: {why}")
    if run is not None:
        if wrong := run.judge():
            pytest.fail(wrong, pytrace=False)
        if run.missing:
            pytest.skip(f"not exercised: {run.missing}")
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hand properties and the test's part of the page to whoever writes them, also from a parallel session's worker."""
    report = yield
    run = item.stash.get(RUN, None)
    if run is None or not (report.when == "call" or (report.when == "setup" and not report.passed)):
        return report
    requirements = [str(one) for mark in item.iter_markers("proves") for one in mark.args]
    text = str(call.excinfo.value) if call.excinfo and call.excinfo.errisinstance((Missed,)) else report.longreprtext
    case = run.case(verdict_of(report, run), "" if report.passed else text, requirements)
    properties = run.properties(requirements)
    item.user_properties.extend(properties)  # JUnit's file takes those of the teardown's report
    report.user_properties.extend(properties)
    setattr(report, FOUND, part(case)._asdict())
    return report


def verdict_of(report: pytest.TestReport, run: BenchRun) -> str:
    """A verdict of the page."""
    if report.when == "setup" and report.failed:
        return "error"
    if report.skipped:
        return "expected failure" if hasattr(report, "wasxfail") else "not exercised" if run.missing else "skipped"
    return report.outcome


class Reporter:
    """Gathers what the tests hand over, and writes the page at the end. Lives where the session is led."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._parts: dict[str, Part] = {}
        self._told = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has ended somewhere."""
        found: dict[str, Any] | None = getattr(report, FOUND, None)
        if found is not None:
            self._parts[report.nodeid] = Part(**{**found, "requirements": tuple(found["requirements"])})

    def pytest_sessionfinish(self) -> None:
        """Write the page."""
        file: Path | None = self._config.getoption("--bench-report")
        if file is None:
            return
        facts = {
            "version": version(),
            "rung": self._config.getoption("--rung"),
            "tests of the bench": str(len(self._parts)),
        }
        parts = [self._parts[test] for test in sorted(self._parts)]
        try:
            file.write_text(page(parts, facts, requirement_texts(self._config)), encoding="utf-8")
            self._told = f"bench report: {file}"
        except OSError as error:
            self._told = f"bench report: {file} cannot be written: {error.strerror}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where it lies."""
        if self._told:
            terminalreporter.write_line(self._told)


def requirement_texts(config: pytest.Config) -> dict[str, str]:
    """Texts of the requirements, by the file that the configuration names; none where that cannot be read."""
    written = config.getini("bench_requirements")
    if not written:
        return {}
    try:
        found = tomllib.loads((config.rootpath / str(written)).read_text(encoding="utf-8"))
        return {str(one["id"]): str(one["text"]) for one in found["requirement"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
