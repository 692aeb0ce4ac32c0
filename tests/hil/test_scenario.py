"""Scenario files: what a good one says, and the sentence for each wrong one."""

from pathlib import Path

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.written.expectation import Condition, Kind
from hil.written.toml_table import TomlError

MISSION = load_mission()
GOOD = """title = "A day"
until = "2 d"
nominal_within = "90 s"

[[fault]]
kind = "silence"
at = "10 min"
for = "30 s"

[[leg]]
name = "session"
at = "1 h"
every = "12 h"
times = 3

[[leg.step]]
order = { do = "on", circuit = "ops" }
expect = ["event system.booted boot_count rises", "parameter power.load_mw <= 2000"]
never = "lander trip"
within = "20 s"

[[leg.step]]
name = "heat"
wait = "5 s"
surroundings = { "environment.offset_cdegc" = -500 }
send = "power.switch load=0 on=false"
verdict = "refused"
code = 0x14
"""


def read(folder: Path, text: str) -> scenario.Scenario:
    file = folder / "plan.toml"
    file.write_text(text)
    return scenario.load(str(file), MISSION)


@pytest.mark.proves("K-BENCH-001")
def test_a_plan_says_what_its_file_says(tmp_path: Path) -> None:
    plan = read(tmp_path, GOOD)
    assert (plan.name, plan.title, plan.until_us, plan.nominal_within_us) == (
        "plan",
        "A day",
        172_800_000_000,
        90_000_000,
    )
    (fault,) = plan.faults
    assert (fault.kind, fault.at_us, fault.for_us) == ("silence", 600_000_000, 30_000_000)
    (leg,) = plan.legs
    assert (leg.name, leg.at_us, leg.every_us, leg.times) == ("session", 3_600_000_000, 43_200_000_000, 3)
    boot, heat = leg.steps
    assert boot.name == "step 1"
    assert boot.order is not None
    assert (boot.order.verb, boot.order.values) == ("on", {"circuit": "ops"})
    assert [one.kind for one in boot.expects] == [Kind.EVENT, Kind.PARAMETER]
    assert boot.expects[1].conditions == (Condition("", "<=", 2000.0),)
    assert boot.never[0].name == "trip"
    assert heat.surroundings == {"environment.offset_cdegc": -500}
    assert heat.send is not None
    assert (heat.send.name, heat.send.verdict, heat.send.code) == ("power.switch", "refused", 0x14)


@pytest.mark.parametrize("name", scenario.names(MISSION))
@pytest.mark.parametrize("lander", ["", "generic"])
def test_every_scenario_of_the_mission_can_be_read(name: str, lander: str) -> None:
    plan = scenario.load(name, MISSION, lander)
    assert plan.title
    assert plan.about


WRONG = [
    ('title = "A day"', 'titel = "A day"', r"plan\.toml:1: titel is no key here; did you mean 'title'"),
    ('until = "2 d"', 'until = "2 days ago"', r"plan\.toml:2: until .*"),
    ('until = "2 d"', 'until = "2 x"', r"plan\.toml:2: until .*unknown unit 'x'"),
    ('until = "2 d"', 'until = "500 d"', r"plan\.toml:2: until .*"),
    ('kind = "silence"', 'kind = "silense"', r"plan\.toml:6: kind is 'silense'; did you mean 'silence'"),
    ('at = "10 min"', "at = 600", r"plan\.toml:7: at is 600, must be a duration"),
    ("times = 3", "times = 5", r"plan\.toml:12: .*behind the end of the scenario"),
    ('every = "12 h"\n', "", r"plan\.toml:13: leg\.times needs `every`"),
    ('do = "on"', 'do = "om"', r"plan\.toml:17: leg\.step\.order .*'om'; did you mean 'on'"),
    ('circuit = "ops"', 'circuit = "opps"', r"plan\.toml:17: .*did you mean 'ops'"),
    ("system.booted", "system.boted", r"plan\.toml:18: .*no event 'system\.boted'; did you mean 'system\.booted'"),
    ("power.load_mw", "power.load_nw", r"plan\.toml:18: .*did you mean 'power\.load_mw'"),
    ("boot_count rises", "boot_count grows", r"plan\.toml:18: .*is no condition"),
    ('never = "lander trip"', 'never = "lender trip"', r"plan\.toml:19: .*did you mean 'lander'"),
    ("offset_cdegc", "ofset_cdegc", r"plan\.toml:25: .*did you mean 'environment\.offset_cdegc'"),
    ("= -500", "= -50000", r"plan\.toml:25: .*must be a whole number from -20000 to 20000"),
    ("power.switch load", "power.swich load", r"plan\.toml:26: .*power\.swich"),
    ("load=0", "load=99", r"plan\.toml:26: .*"),
    ('verdict = "refused"', 'verdict = "refuse"', r"plan\.toml:27: .*did you mean 'refused'"),
    ("code = 0x14", "kode = 0x14", r"plan\.toml:28: .*did you mean 'code'"),
    ('send = "power.switch load=0 on=false"\n', "", r"plan\.toml:26: .*stands without `send`"),
    ('within = "20 s"', "within = '20 s", r"plan\.toml: "),
]


@pytest.mark.proves("K-BENCH-002")
@pytest.mark.parametrize(("good", "bad", "sentence"), WRONG)
def test_a_wrong_plan_is_refused_with_file_line_and_nearest_name(
    tmp_path: Path, good: str, bad: str, sentence: str
) -> None:
    assert good in GOOD
    with pytest.raises(TomlError, match=sentence) as caught:
        read(tmp_path, GOOD.replace(good, bad, 1))
    assert "\n" not in str(caught.value)


def test_an_unknown_scenario_is_named_with_the_nearest() -> None:
    with pytest.raises(TomlError, match="did you mean 'first-contact'"):
        scenario.load("first-contakt", MISSION)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TomlError, match="No such file"):
        scenario.load(str(tmp_path / "none.toml"), MISSION)
