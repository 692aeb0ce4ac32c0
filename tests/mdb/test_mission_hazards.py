"""The hazardous commands of a mission file: what it says, and the sentence that refuses it."""

from pathlib import Path

import pytest

from fsw.mdb.autonomy import Restart
from fsw.mdb.lander import Phase
from fsw.mdb.mission import BUILT_IN, MissionError, load
from fsw.mdb.mission_hazards import Rule, read, words
from fsw.mdb.model import Hazard

MISSION = load()
NAME = "system.restart"


@pytest.mark.proves("K-VER-012")
def test_every_hazardous_command_has_a_rule() -> None:
    entries = MISSION.database.tables.commands.values()
    hazardous = {entry.body for entry in entries if entry.hazard is Hazard.HAZARDOUS}
    assert set(MISSION.hazards) == hazardous
    assert Restart in hazardous
    found = read({}, MISSION.database)
    assert not isinstance(found, str)
    rule = found[Restart]
    assert (rule.operators, rule.mask) == (1, 1 << 31 | 0x1FFFF), "any phase, and one that is not known"


@pytest.mark.proves("K-VER-012")
def test_what_a_mission_says() -> None:
    found = read({NAME: {"phases": ["night", "unknown"], "operators": 2}}, MISSION.database)
    assert not isinstance(found, str)
    assert found[Restart] == Rule(frozenset((Phase.NIGHT, None)), 2)
    assert found[Restart].mask == 1 << 31 | 1 << 14


@pytest.mark.proves("K-VER-012")
@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"system.restat": {}}, ["hazards", "'system.restat'", "did you mean system.restart?"]),
        ({"power.switch": {}}, ["hazards", "power.switch is dependent, not hazardous"]),
        ({NAME: 2}, ['hazards."system.restart"', "must be a table"]),
        ({NAME: {"phase": ["night"]}}, ["unknown key phase", "did you mean phases?"]),
        ({NAME: {"phases": ["nigth"]}}, ["no phase 'nigth'", "did you mean night?"]),
        ({NAME: {"phases": []}}, ["phases lists"]),
        ({NAME: {"phases": "night"}}, ["phases lists"]),
        ({NAME: {"phases": [14]}}, ["phases lists"]),
        ({NAME: {"operators": 3}}, ["operators must be 1 or 2, not 3"]),
        ({NAME: {"operators": 0}}, ["operators must be 1 or 2"]),
        ({NAME: {"operators": True}}, ["operators must be 1 or 2"]),
    ],
)
def test_what_is_refused_says_where_and_why(table: dict[str, object], words: list[str]) -> None:
    found = read(table, MISSION.database)
    assert isinstance(found, str)
    assert [word for word in words if word not in found] == [], found


@pytest.mark.proves("K-VER-012")
def test_a_wrong_file_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "mission.toml"
    path.write_text('name = "wrong"\n[hazards."system.restrat"]\noperators = 2\n')
    with pytest.raises(MissionError, match=r"mission.toml: hazards: .*did you mean system.restart\?"):
        load(tmp_path)


def test_the_built_in_mission_restarts_while_nothing_moves() -> None:
    assert BUILT_IN.is_dir()
    moving = {Phase.LAUNCH, Phase.SEPARATION, Phase.MANOEUVRE, Phase.DEPLOY_WINDOW, Phase.DESCENT}
    assert MISSION.hazards[Restart] == Rule(frozenset({*Phase, None} - moving), 1)


def test_rules_in_words() -> None:
    found = read({NAME: {"operators": 2}}, MISSION.database)
    assert not isinstance(found, str)
    assert found[Restart] == Rule(operators=2)
    told = words(found, MISSION.database)
    assert told[NAME][1] == 2
    assert {"night", "unknown"} <= set(told[NAME][0])
