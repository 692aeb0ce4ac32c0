"""A campaign on real processes: what a worker's death, an endless run and Ctrl-C cost; the command as people type it.

The work is the stand-in's; each process ends with its test.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hil.campaign.campaign import Ask, Campaign, Job, Summary, plan
from hil.campaign.campaign_kept import RESULTS
from hil.campaign.campaign_pool import Cluster, Driver, PoolError, Processes, attempt
from tests.hil.seed_stand_in import run_seed

pytestmark = pytest.mark.process
ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60
STAND_IN = """
import sys, tests.hil.seed_stand_in, tools.cli.campaign
sys.modules["hil.rungs.virtual"] = tests.hil.seed_stand_in
tools.cli.campaign.planned = lambda *_: None
"""


def carried_out(scenario: str, seeds: int, lanes: int, limit_s: float = DEADLINE_S) -> tuple[Summary, list[str]]:
    campaign = Campaign(plan([scenario], range(seeds)), {scenario: "aa"})
    lines: list[str] = []
    with Processes(lanes) as crew:
        Driver(campaign, crew, run_seed, keep=lines.append, look=lambda: None, limit_s=limit_s).run()
    return campaign.summary(), lines


@pytest.mark.proves("K-CAMPAIGN-004")
def test_one_worker_and_three_give_the_same_verdict() -> None:
    one, lines = carried_out("thirds", 12, 1)
    three, _ = carried_out("thirds", 12, 3)
    assert one == three
    assert (one.done, len(one.failures)) == (12, 4)
    assert list(one.failures[0].shrunk) == ["rule once"]
    assert len(lines) == 13


@pytest.mark.proves("K-CAMPAIGN-003")
def test_an_exception_costs_its_own_run_only() -> None:
    summary, _ = carried_out("raises", 8, 2)
    assert (summary.done, dict(summary.marks)) == (8, {"error LookupError": 1})
    text = str(summary.failures[0].result["text"])
    assert text.startswith("nothing there (seed_stand_in.py:")


@pytest.mark.proves("K-CAMPAIGN-003")
def test_a_worker_that_dies_costs_its_own_run_only() -> None:
    summary, lines = carried_out("dies", 12, 3)
    assert (summary.done, dict(summary.marks)) == (12, {"error WorkerDied": 1})
    assert [failure.job.seed for failure in summary.failures] == [4]
    assert sorted(json.loads(line)["seed"] for line in lines) == [*range(4), *range(5, 12)], "it is tried again"


@pytest.mark.proves("K-CAMPAIGN-003")
def test_a_run_without_an_end_costs_its_own_run_only() -> None:
    summary, _ = carried_out("hangs", 8, 2, limit_s=3)
    assert (summary.done, dict(summary.marks)) == (8, {"error NoEnd": 1})
    assert summary.failures[0].result["text"] == "no end within 3 s"


def test_in_this_process_too_an_exception_is_a_result() -> None:
    result = attempt(run_seed, Ask(Job("raises", 4)))
    assert (result["ok"], result["error"], result["seed"]) == (False, "LookupError", 4)
    assert attempt(run_seed, Ask(Job("raises", 5)))["ok"]


def test_a_cluster_without_its_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PoolError, match="needs the package distributed"):
        Cluster("tcp://127.0.0.1:1")


def typed(*words: str) -> "subprocess.Popen[str]":
    """The command line, with the stand-in for its work, in a process group of its own."""
    # A job in the background is born deaf to SIGINT, and with it this one.
    hearing = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    code = (
        f"{hearing}\n{STAND_IN}\nsys.argv = ['kratai', 'campaign', *{words!r}]\nfrom tools.cli.main import run\nrun()"
    )
    command = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)  # type: ignore[call-overload, no-any-return]


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        if process.poll() is None:
            process.kill()
    return process.returncode, out, err


@pytest.mark.proves("K-CAMPAIGN-001")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_keeps_its_finished_seeds_and_says_so(tmp_path: Path, number: signal.Signals) -> None:
    words = ("hangs", "--seeds", "0:9", "--workers", "2", "--state", str(tmp_path))
    process = typed(*words)
    assert process.stderr is not None
    for line in process.stderr:  # all but the one that hangs
        if line.startswith("8 of 9 seeds"):
            break
    os.killpg(process.pid, number)
    status, out, err = ended(process)
    assert status == 130, err
    assert f"interrupted; 8 finished seeds are kept in {tmp_path}: the same command goes on" in " ".join(err.split())
    assert "Traceback" not in err
    assert "8 of 9 seeds, 8 held, 0 failed" in out
    assert len((tmp_path / RESULTS).read_text().splitlines()) == 8
    status, out, err = ended(typed(*words[:1], "--seeds", "0:4", "--json", "-", *words[3:]))
    assert status == 0, err
    assert json.loads(out)["done"] == 4
    assert "4 of 4 seeds are finished already" in " ".join(err.split())


def test_the_verdict_is_the_exit_status_and_failures_say_how_they_are_repeated(tmp_path: Path) -> None:
    status, out, _ = ended(typed("thirds", "--seeds", "0:4", "--workers", "1", "--state", str(tmp_path)))
    assert status == 1
    said = " ".join(out.split())
    assert "failed thirds seed 0: once at 0.000 s: ran twice" in said
    assert "2 of 6 faults are enough" in said
    assert "tools/kratai sim thirds --seed 0 --faults 'boot_text@2s:octets=2;boot_text@5s:octets=5'" in said
    assert "4 of 4 seeds, 2 held, 2 failed" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sound", "--seeds", "x"), "seeds are A:B"),
        (("sound", "--workers", "2", "--cluster", "tcp://127.0.0.1:1"), "not both"),
        (("sound", "--workers", "0"), "--workers"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    status, _, err = ended(typed(*words, "--state", str(tmp_path)))
    assert status == 2
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_verdict_of_one_process() -> None:
    distributed = pytest.importorskip("distributed", reason="tools/locks/cluster.txt is not installed")
    campaign = Campaign(plan(["thirds"], range(9)), {"thirds": "aa"})
    local = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with local, Cluster(local.scheduler_address) as crew:
        Driver(campaign, crew, run_seed, keep=lambda _: None, look=lambda: None).run()
    assert campaign.summary() == carried_out("thirds", 9, 1)[0]
