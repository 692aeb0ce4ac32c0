"""A campaign's plan, memory and verdict, with workers played by hand: no process, any order."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.campaign.campaign import Ask, Campaign, CampaignError, Job, broken, plan, seeds_of
from hil.campaign.campaign_kept import RESULTS, Kept, KeptError
from hil.campaign.code_digest import code_digest, digest_with
from hil.written.fault import parse_compacts
from tests.hil.seed_stand_in import SIX, run_seed

DIGESTS = {"sound": "aa", "thirds": "aa"}


def campaign(seeds: int = 10, digests: dict[str, str] = DIGESTS, **options: int) -> Campaign:
    return Campaign(plan(digests, range(seeds)), digests, **options)


def worked_off(
    one: Campaign, choose: Callable[[int], int] = lambda count: 0, at_once: int = 3, stop_after: int = 10_000
) -> list[str]:
    """Everything run, at most so many under way, ended in the order that `choose` says; returns the lines to keep."""
    lines: list[str] = []
    running: list[Ask] = []
    while not one.finished and stop_after:
        while len(running) < at_once and (ask := one.next_ask()) is not None:
            running.append(ask)
        ask = running.pop(choose(len(running)))
        line = one.answer(ask, run_seed(*ask.job, ask.faults))
        lines += [] if line is None else [line]
        stop_after -= 1
    return lines


@pytest.mark.proves("K-CAMPAIGN-004")
@given(st.data(), st.integers(1, 7))
def test_the_verdict_does_not_depend_on_who_ends_first(data: st.DataObject, at_once: int) -> None:
    straight, crossed = campaign(), campaign()
    worked_off(straight, at_once=1)
    worked_off(crossed, lambda count: data.draw(st.integers(0, count - 1)), at_once)
    assert crossed.summary() == straight.summary()


@pytest.mark.proves("K-CAMPAIGN-001")
@given(st.integers(0, 40), st.integers(1, 5))
def test_an_interrupted_campaign_goes_on_to_the_same_end(stop_after: int, at_once: int) -> None:
    whole = campaign()
    worked_off(whole)
    lines = worked_off(campaign(), at_once=at_once, stop_after=stop_after)
    again = campaign()
    for line in lines:
        again.remember(line)
    asked: list[Job] = []
    finished = {Job(kept["scenario"], kept["seed"]) for kept in map(json.loads, lines) if "ok" in kept}
    while (ask := again.next_ask()) is not None:
        if ask.faults is None:
            asked.append(ask.job)
        again.answer(ask, run_seed(*ask.job, ask.faults))
    assert not finished & set(asked)
    assert len(finished) + len(asked) == 20
    assert again.summary() == whole.summary()


@pytest.mark.proves("K-CAMPAIGN-002")
def test_the_first_failure_of_a_kind_is_shrunk_and_its_command_repeats_it() -> None:
    one = campaign()
    lines = worked_off(one)
    summary = one.summary()
    assert [failure.job for failure in summary.failures] == [Job("thirds", seed) for seed in (0, 3, 6, 9)]
    assert dict(summary.marks) == {"rule once": 4}
    first = summary.failures[0]
    assert first.shrunk["rule once"].schedule == (SIX[1], SIX[4])
    assert [failure.shrunk for failure in summary.failures[1:]] == [{}] * 3
    words = shlex.split(first.command("rule once"))
    assert words[:5] == ["tools/kratai", "sim", "thirds", "--seed", "0"]
    assert words[5] == "--faults"
    assert [fault.at_us for fault in parse_compacts(words[6])] == [2_000_000, 5_000_000]
    assert sum("shrunk" in json.loads(line) for line in lines) == 1
    said = json.loads(json.dumps(summary.as_json()))
    assert (said["jobs"], said["done"], said["ok"], said["failed"]) == (20, 20, 16, 4)
    assert (said["simulated_s"], said["wall_s"]) == (200.0, 10.0)
    assert said["failures"][0]["shrunk"]["rule once"]["command"] == first.command("rule once")
    assert said["failures"][0]["shrunk"]["rule once"]["schedule"] == [SIX[1], SIX[4]]
    assert said["failures"][1]["command"].endswith(f"--seed 3 --faults '{';'.join(SIX)}'")


def test_nothing_is_shrunk_where_nobody_wants_it() -> None:
    one = campaign(shrunk_max=0)
    assert len(worked_off(one)) == 20
    assert [failure.shrunk for failure in one.summary().failures] == [{}] * 4


@pytest.mark.proves("K-CAMPAIGN-001")
def test_results_of_other_code_count_for_nothing() -> None:
    lines = worked_off(campaign())
    other = campaign(digests={"sound": "aa", "thirds": "bb"})
    for line in lines:
        other.remember(line)
    assert (other.done, other.stale) == (10, 11)  # ten results and what one of them was shrunk to
    ask = other.next_ask()
    assert ask is not None
    assert ask.job.scenario == "thirds"


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "null", "{}", '{"scenario": "sound"}', '{"scenario": [], "seed": 1, "code": "aa"}']
)
def test_a_line_that_says_nothing_is_counted_and_skipped(line: str) -> None:
    one = campaign()
    one.remember(line)
    assert (one.done, one.unread) == (0, 1)


def test_seeds_of_another_plan_are_left_alone() -> None:
    one = campaign(5)
    for line in worked_off(campaign(10)):
        one.remember(line)
    assert (one.done, one.stale, one.unread) == (10, 0, 0)


def test_an_exception_is_a_failure_by_its_name() -> None:
    one = Campaign(plan(["sound"], range(1)), DIGESTS)
    ask = one.next_ask()
    assert ask == Ask(Job("sound", 0))
    one.answer(ask, broken(ask, "LookupError", "nothing there", 0.25))
    summary = one.summary()
    assert dict(summary.marks) == {"error LookupError": 1}
    assert summary.failures[0].command() == "tools/kratai sim sound --seed 0"
    assert one.finished, "a run that did not come so far as to have faults has none to shrink"


def test_a_plan_takes_a_bit_of_each_scenario_first() -> None:
    assert plan(["a", "b", "a"], range(2)) == (Job("a", 0), Job("b", 0), Job("a", 1), Job("b", 1))
    with pytest.raises(CampaignError, match="1000001 runs"):
        plan(["a"], range(1_000_001))


@given(st.integers(0, 10**6), st.integers(1, 100))
def test_seeds_are_read_as_python_slices(first: int, count: int) -> None:
    assert list(seeds_of(f"{first}:{first + count}")) == list(range(first, first + count))
    assert list(seeds_of(str(first))) == [first]


@pytest.mark.parametrize("text", ["", ":", "a:b", "-1:5", "1:", ":7", "1:2:3", "5:5", "6:5", "٣:٤", "1" * 30, "1.5"])
def test_what_is_no_seeds_is_a_sentence(text: str) -> None:
    with pytest.raises(CampaignError, match="seeds"):
        seeds_of(text)


@pytest.mark.proves("K-CAMPAIGN-001")
def test_what_is_kept_survives_a_torn_line(tmp_path: Path) -> None:
    with Kept(tmp_path / "new") as kept:
        assert kept.lines == []
        kept.keep("one")
        kept.keep("two")
        with pytest.raises(KeptError, match="another campaign runs in"):
            Kept(tmp_path / "new")
    with (tmp_path / "new" / RESULTS).open("ab") as file:
        file.write(b"to")
    with Kept(tmp_path / "new") as kept:
        assert kept.lines == ["one", "two", "to"]
        kept.keep("three")
    with Kept(tmp_path / "new") as kept:
        assert kept.lines == ["one", "two", "to", "three"]
    with Kept(tmp_path / "new", clear=True) as kept:
        assert kept.lines == []


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeptError, match="cannot be made"):
        Kept(tmp_path / "file" / "below")
    (tmp_path / RESULTS).mkdir()
    with pytest.raises(KeptError, match=r"results\.jsonl cannot be used"):
        Kept(tmp_path)


def test_a_digest_follows_the_scenario_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("a")
    before = digest_with(str(file))
    assert before == digest_with(str(file)) != digest_with("a-name")
    file.write_text("b")
    assert digest_with(str(file)) != before
    assert len(code_digest()) == 64


@pytest.mark.proves("K-CAMPAIGN-002")
def test_each_mark_of_a_failure_is_shrunk_by_itself() -> None:
    """Each run breaks the rule that needs the second fault; odd seeds also the one that needs the fifth."""
    one = Campaign(plan(["sound"], range(4)), DIGESTS)

    def result(ask: Ask) -> dict[str, object]:
        had = SIX if ask.faults is None else ask.faults
        broken = [f"rule {rule} at 1 s: …" for rule, need in (("b", 1), ("e", 4)) if SIX[need] in had]
        found = [text.removeprefix("rule ") for text in broken if "e at" not in text or ask.job.seed % 2]
        return {**run_seed(*ask.job), "ok": not found, "faults": list(had), "findings": found}

    while (ask := one.next_ask()) is not None:
        one.answer(ask, result(ask))
    failures = one.summary().failures
    shrunk = [{mark: found.schedule for mark, found in failure.shrunk.items()} for failure in failures]
    assert shrunk == [{"rule b": (SIX[1],)}, {"rule e": (SIX[4],)}, {}, {}]


@pytest.mark.proves("K-CAMPAIGN-002")
def test_two_marks_of_one_failure_have_two_answers() -> None:
    one = Campaign(plan(["sound"], range(1)), DIGESTS)
    while (ask := one.next_ask()) is not None:
        had = SIX if ask.faults is None else ask.faults
        steps = [f"watch: no {need}: it came" for need in (0, 3) if SIX[need] in had]
        one.answer(ask, {**run_seed(*ask.job), "ok": not steps, "faults": list(had), "failed_steps": steps})
    found = one.summary().failures[0].shrunk
    assert {mark: shrunk.schedule for mark, shrunk in found.items()} == {
        "step watch: no 0": (SIX[0],),
        "step watch: no 3": (SIX[3],),
    }
