"""The pytest plugin, by test files as a payload engineer writes them, run in a session of their own."""

import re
import shlex
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hil.observer import Finding, Observer
from hil.rules import invariants
from hil.rungs.virtual_end import VirtualEnd
from hil.testing import pytest_bench
from hil.written.fault_kinds import Ability

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
USUAL = ("-p", "hil.testing.pytest_bench", "-p", "no:cacheprovider", "-q")

PING = """
    import pytest

    @pytest.mark.proves("R-PING")
    def test_ping(bench, measure):
        answer = bench.command("ping").completes(within=2)
        measure("latency", 1000 * answer.latency_s, high=2000, unit="ms")

    def test_limit(bench):
        bench.command("environment.measure", period_ms=500).completes()
        bench.surroundings({"environment.offset_cdegc": 4000})
        bench.expects("event system.limit_crossed state = high", not_seeing="event system.stopping", within=5)
        bench.command("power.switch", load=31, on=True).refused(code=0x10)

    def test_power_off(bench):
        bench.lander("notice", circuit="ops", action="off", seconds=8)
        bench.expects("event power.ready_for_off clean = 1", within=8)
        bench.expects("lander power_off", within=10)
        assert bench.boots().values["reset_cause"] == "READY_FOR_OFF"
        bench.expects("parameter system.mode = nominal", within=3)
        assert bench.value("system.mode") == "NOMINAL"
"""


def run(pytester: pytest.Pytester, *words: str, **files: str) -> pytest.RunResult:
    if files:
        pytester.makepyfile(**files)
    return pytester.runpytest_inprocess(*USUAL, *words)


def properties(file: Path) -> dict[str, dict[str, str]]:
    cases = ET.parse(file).getroot().iter("testcase")
    return {
        case.get("name", ""): {p.get("name", ""): p.get("value", "") for p in case.iter("property")} for case in cases
    }


def text_of(file: Path) -> str:
    return " ".join("".join(ET.fromstring(file.read_text()).itertext()).split())


@pytest.mark.proves("K-BENCH-032")
def test_a_payload_engineers_file_runs_and_is_reported(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--junitxml=j.xml", "--bench-report=r.html", "--bench-seed=7", test_payload=PING)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["bench report: r.html"])
    said = properties(pytester.path / "j.xml")["test_ping"]
    assert said["proves"] == "R-PING"
    assert said["bench.seed"] == "7"
    assert said["bench.rung"] == "sim"
    assert re.fullmatch(r"\d+ ms \( … 2000\)", said["measure.latency"])
    assert re.fullmatch(r"[0-9a-f]{64}", said["bench.database"])
    page = text_of(pytester.path / "r.html")
    for word in ("passed 3", "R-PING", "seed7", "latency", said["bench.database"], "ping completed", "0.1.0, code "):
        assert word in page, word
    for plot in ("Power, mW", "Temperature, degC", "Link use", "Queues", "Command latency"):
        assert plot in page, plot


def test_the_page_about_testing_shows_a_file_that_runs(pytester: pytest.Pytester) -> None:
    shown = re.search(r"```python\n(.*?)```", (ROOT / "hil" / "testing" / "TESTING.md").read_text(), re.DOTALL)
    assert shown
    run(pytester, test_shown=shown[1]).assert_outcomes(passed=1)


@pytest.mark.proves("K-BENCH-033")
def test_the_same_seed_gives_the_same_page(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_payload=PING)
    pages = []
    for _ in range(2):
        run(pytester, "--bench-report=r.html", "--bench-seed=3").assert_outcomes(passed=3)
        pages.append((pytester.path / "r.html").read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.proves("K-BENCH-033")
def test_a_failure_says_what_when_what_instead_and_how_to_repeat_it(pytester: pytest.Pytester) -> None:
    body = """
        def test_it(bench):
            bench.fault("power_cut", lasting="3 s")
            bench.expects("event system.booted reset_cause = watchdog", within=20)
    """
    result = run(pytester, "--bench-seed=11", test_cut=body)
    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert re.search(
        r"event system.booted reset_cause = watchdog did not come within 20 s \(waited from [\d.]+ s to", said
    )
    assert re.search(r"E +[\d.]+ s  event system\.booted \(boot_count 2 reset_cause CUT", said), said
    assert re.search(r"E +[\d.]+ s  lander power_off", said)
    again = re.search(r"again: pytest (.*)", said)
    assert again
    assert "--bench-seed=11" in again[1]
    words = [word for word in shlex.split(again[1]) if word not in ("-p", "hil.testing.pytest_bench")]
    second = run(pytester, *words)
    wanted = [line for line in said.splitlines() if line.startswith("E  ")]
    assert [line for line in second.stdout.str().splitlines() if line.startswith("E  ")] == wanted


def test_what_came_before_the_question_counts_and_what_came_before_the_act_does_not(pytester: pytest.Pytester) -> None:
    body = """
        import pytest
        from hil.testing.bench_words import Missed

        def test_it(bench):
            bench.command("environment.read").completes()
            at = bench.now_s
            bench.waits(5)
            bench.expects("packet environment.report", within=0)
            assert bench.now_s == at + 5
            bench.command("ping").completes()
            with pytest.raises(Missed):
                bench.expects("packet environment.report", within=2)
            with pytest.raises(Missed, match="packet pong came, which must not"):
                bench.expects("event system.booted", not_seeing="packet pong", within=2)
            bench.expects(not_seeing=["packet environment.report", "event system.stopping"], within=2)
            bench.expects("link ready", within=0)
    """
    run(pytester, test_it=body).assert_outcomes(passed=1)


def test_the_last_words_on_a_command(pytester: pytest.Pytester) -> None:
    body = """
        import pytest
        from hil.testing.bench_words import Missed, WordsError

        def test_it(bench):
            assert bench.command("power.switch", load=31, on=False).fails().code == 0x10
            for wrong in ("completes", "rejected"):
                with pytest.raises(Missed, match="power.switch ended failed .UNKNOWN_ID .0x10.: no such identifier"):
                    getattr(bench.command("power.switch", load=31, on=False), wrong)()
            with pytest.raises(Missed, match="not failed with code 0x11"):
                bench.command("power.switch", load=31, on=False).fails(code=0x11)
            assert "ping" in bench.command("pink").refused_by_ground()
            with pytest.raises(WordsError, match="the ground refuses pink: .*ping"):
                bench.command("pink").completes()
            with pytest.raises(Missed, match="the ground has sent ping"):
                bench.command("ping").refused_by_ground()
            bench.lander("cut", circuit="ops")
            with pytest.raises(Missed, match="ping was not completed within 3 s; heard of it: sent"):
                bench.command("ping").completes(within=3)
    """
    run(pytester, test_it=body).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('bench.expects("event system.bootet")', "no event 'system.bootet'; did you mean 'system.booted'?"),
        ('bench.expects("evnt system.booted")', "'evnt' is no kind of word; did you mean 'event'?"),
        ('bench.value("system.mod")', "no parameter 'system.mod'; did you mean 'system.mode'?"),
        ("bench.expects()", "something to wait for"),
        ("bench.waits(-1)", "-1 seconds are no time to wait"),
        ('bench.lander("notise")', "did you mean 'notice'?"),
        ('bench.surroundings({"environment.warm": 1})', "did you mean 'environment.warm_cdegc'?"),
        ('bench.surroundings({"environment.warm_cdegc": 10**6})', "must be from"),
        ('bench.fault("bit_error")', "did you mean 'bit_errors'?"),
        ('bench.fault("silence", lasting="3 sek")', "unknown unit 'sek'"),
    ],
)
def test_what_there_is_not_is_a_sentence(pytester: pytest.Pytester, line: str, sentence: str) -> None:
    result = run(pytester, test_it=f"def test_it(bench):\n    {line}\n")
    result.assert_outcomes(failed=1)
    assert sentence in result.stdout.str()
    assert "WordsError" in result.stdout.str()


@pytest.mark.proves("K-BENCH-032")
def test_measures_are_all_taken_before_they_judge(pytester: pytest.Pytester) -> None:
    body = """
        def test_it(measure):
            assert measure("drop", 3.5, 0, 2, "V") == 3.5
            measure("rise", 1.0, 0, 2, "V")
            measure("free", 1.0)
    """
    result = run(pytester, "--junitxml=j.xml", "--bench-report=r.html", test_it=body)
    result.assert_outcomes(failed=1)
    assert "measure drop is 3.5 V (0 … 2)" in result.stdout.str()
    said = properties(pytester.path / "j.xml")["test_it"]
    assert (said["measure.drop"], said["measure.rise"], said["measure.free"]) == ("3.5 V (0 … 2)", "1 V (0 … 2)", "1")
    assert "measure drop is 3.5 V" in text_of(pytester.path / "r.html")


@pytest.mark.proves("K-BENCH-032")
def test_a_broken_rule_fails_a_test_that_has_seen_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Strict:
        def finish(self, now: int) -> list[Finding]:
            return [Finding("planted", 1_500_000, "it was seen", True)]

    usual = invariants.all_of

    def planted(*arguments: object) -> list[Observer]:
        return [*usual(*arguments), Strict()]  # type: ignore[arg-type]

    monkeypatch.setattr(invariants, "all_of", planted)
    result = run(
        pytester, "--bench-report=r.html", test_it="def test_it(bench):\n    bench.command('ping').completes()\n"
    )
    result.assert_outcomes(failed=1)
    assert "rule broken: planted at 1.500 s: it was seen" in result.stdout.str()
    assert "planted at 1.500 s: it was seen" in text_of(pytester.path / "r.html")


@pytest.mark.proves("K-BENCH-034")
def test_what_a_rung_cannot_do_is_not_exercised_and_no_pass(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VirtualEnd, "abilities", frozenset((Ability.LINE, Ability.POWER)))
    body = """
        import pytest

        def test_by_word(bench):
            bench.fault("disk_full", lasting="3 s")
            raise AssertionError("never reached")

        @pytest.mark.bench(faults=["disk_full@1s+3s", "silence@2s+1s"])
        def test_by_mark(bench):
            bench.waits(10)
    """
    result = run(pytester, "-rs", "--bench-report=r.html", test_it=body)
    result.assert_outcomes(skipped=2)
    assert result.stdout.str().count("not exercised: ") == 2
    page = text_of(pytester.path / "r.html")
    assert "not exercised 2" in page
    assert "passed 1" not in page


@pytest.mark.proves("K-BENCH-031")
def test_faults_of_the_mark_are_scheduled_and_reported(pytester: pytest.Pytester) -> None:
    body = """
        import pytest

        @pytest.mark.bench(faults=["power_cut@20s+4s"], lander="short-line", housekeeping=False)
        def test_it(bench):
            bench.expects("lander power_off", within=25)
            bench.expects("event system.booted reset_cause = cut", within=20)
    """
    result = run(pytester, "--junitxml=j.xml", "--bench-report=r.html", test_it=body)
    result.assert_outcomes(passed=1)
    said = properties(pytester.path / "j.xml")["test_it"]
    assert (said["bench.faults"], said["bench.lander"]) == ("power_cut@20s+4s", "short-line")
    assert "injected power_cut@20s+4s" in text_of(pytester.path / "r.html").replace("injectedpower", "injected power")


def test_verdicts_that_are_no_failures(pytester: pytest.Pytester) -> None:
    body = """
        import pytest

        @pytest.mark.xfail(strict=True, reason="autonomy")
        def test_not_yet(bench):
            bench.expects("event system.stopping", within=1)

        def test_other_day(bench):
            pytest.skip("no")
    """
    result = run(pytester, "--bench-report=r.html", test_it=body)
    result.assert_outcomes(xfailed=1, skipped=1)
    page = text_of(pytester.path / "r.html")
    assert "expected failure 1" in page
    assert "skipped 1" in page


def test_requirements_have_their_texts(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", reqs='[[requirement]]\nid = "R-PING"\ntext = "It answers."\n')
    pytester.makeini("[pytest]\nbench_requirements = reqs.toml\n")
    run(pytester, "--bench-report=r.html", "-k", "ping", test_payload=PING).assert_outcomes(passed=1)
    assert "It answers." in text_of(pytester.path / "r.html")


@pytest.mark.parametrize(
    ("words", "mark", "sentence"),
    [
        (("--bench-report=no/r.html",), "", "--bench-report: there is no folder"),
        (("--bench-seed=-1",), "", "--bench-seed: seeds begin at 0"),
        (("--bench-lander=generik",), "", "generik"),
        (("--bench-mission=nowhere",), "", "nowhere"),
        (("--rung=/dev/no-such-port",), "", "/dev/no-such-port"),
        ((), "@pytest.mark.bench(landr='x')\n", "the mark bench knows no landr"),
        ((), "@pytest.mark.bench(faults=['silense@1s'])\n", "did you mean 'silence'?"),
    ],
)
def test_a_wrong_set_up_is_a_sentence(
    pytester: pytest.Pytester, words: tuple[str, ...], mark: str, sentence: str
) -> None:
    result = run(pytester, *words, test_it=f"import pytest\n{mark}def test_it(bench):\n    pass\n")
    assert result.ret != 0
    assert sentence in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_an_installed_package_brings_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"kratai-bench": pytest_bench.__name__}


@pytest.mark.process
def test_a_parallel_session_has_one_page(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_payload=PING)
    result = pytester.runpytest_subprocess(*USUAL, "-n", "2", "--bench-report=r.html")
    result.assert_outcomes(passed=3)
    assert "passed 3" in text_of(pytester.path / "r.html")


@pytest.mark.process
@pytest.mark.proves("K-BENCH-032")
def test_the_same_file_runs_against_the_flight_program(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_payload=PING)
    result = pytester.runpytest_subprocess(*USUAL, "--rung=pty", "-k", "test_ping", "--bench-report=r.html", timeout=90)
    result.assert_outcomes(passed=1)
    assert "rungpty" in text_of(pytester.path / "r.html")
