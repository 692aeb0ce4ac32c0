"""Lander profiles: the contract's numbers, and one sentence for whatever is wrong."""

from pathlib import Path

import pytest

from hil.profiles import CIRCUITS, PHASES, ProfileError, load, parse

# Contract, section 1: line profile, baud, TM frame, heartbeat (s); section 4: power status (s).
CONTRACT = [("slow", 9_600, 223, 5, 10), ("default", 115_200, 446, 1, 1), ("fast", 921_600, 892, 1, 1)]


@pytest.mark.parametrize(("line", "baud", "frame", "heartbeat_s", "power_s"), CONTRACT)
def test_line_profiles_are_the_contracts(line: str, baud: int, frame: int, heartbeat_s: int, power_s: int) -> None:
    profile = load("generic", line=line)
    assert (profile.baud, profile.tm_frame_octets) == (baud, frame)
    assert profile.heartbeat_us == heartbeat_s * 1_000_000
    assert profile.power_status_us == power_s * 1_000_000


@pytest.mark.parametrize(
    ("baud", "line"),
    [
        (9_600, "slow"),
        (19_200, "slow"),
        (19_201, "default"),
        (230_400, "default"),
        (230_401, "fast"),
        (3_000_000, "fast"),
    ],
)
def test_a_bare_speed_picks_the_line_profile(baud: int, line: str) -> None:
    profile = load("generic", baud=baud)
    assert (profile.line, profile.baud) == (line, baud)


def test_numbers_on_the_wire() -> None:
    assert CIRCUITS == ["ops", "heater", "release"]
    assert PHASES.index("prelaunch") == 1
    assert PHASES.index("descent") == 9
    assert PHASES.index("end_of_mission") == 16


def test_generic_shows_the_defaults() -> None:
    generic = load("generic")
    assert generic._replace(drawn_from="") == parse('name = "generic"', "x.toml")


def test_a_file_says_what_it_wants(tmp_path: Path) -> None:
    file = tmp_path / "moon.toml"
    file.write_text(
        'name = "moon"\nphase = "descent"\none_way_ms = 1300\n[line]\nprofile = "slow"\nbaud = 19200\n'
        "[heartbeat]\ninterval_ms = 2000\n[circuits.heater]\non = true\nlimit_ma = 500\n"
        "[[passes]]\naos_s = 10\nlos_s = 20\n[[passes]]\naos_s = 30\nlos_s = 40\n"
    )
    profile = load(str(file))
    assert (profile.line, profile.baud, profile.heartbeat_us) == ("slow", 19_200, 2_000_000)
    assert (profile.phase, profile.one_way_us) == (9, 1_300_000)
    assert profile.circuits[1].on
    assert profile.circuits[1].limit_ma == 500
    assert [tuple(one) for one in profile.passes] == [(10_000_000, 20_000_000), (30_000_000, 40_000_000)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one_way = 3", ["bad.toml:1: one_way", "'one_way_ms'"]),
        ("\nzzz = 3", ["bad.toml:2: zzz", "there are: name"]),
        ("[line]\nbuad = 9600", ["bad.toml:2: line.buad", "'baud'"]),
        ('[line]\nprofile = "slw"', ["line.profile", "'slw'", "'slow'"]),
        ("[line]\nbaud = 10", ["line.baud", "1200", "3000000"]),
        ("[line]\nbaud = true", ["line.baud", "whole number"]),
        ('phase = "cruse"', ["phase", "'cruise'"]),
        ("[circuits.ops]\non = 1", ["circuits.ops.on", "true or false"]),
        ("[circuits.opps]\non = true", ["bad.toml:1: circuits.opps", "'ops'"]),
        ("[ancillary]\nsun = [1, 2]", ["ancillary.sun", "three"]),
        ("[ancillary]\nsun = [1, 2, 99999]", ["ancillary.sun", "32767"]),
        ("line = 3", ["line", "table"]),
        ("passes = 3", ["passes", "array of tables"]),
        ("[[passes]]\naos_s = 9\nlos_s = 9", ["bad.toml:2: passes.aos_s", "before los_s"]),
        ("[[passes]]\naos_s = 1\nlos_s = 9\n[[passes]]\naos_s = 5\nlos_s = 12", ["bad.toml:5: passes.aos_s"]),
        ("name = = 3", ["bad.toml", "line 1"]),
        ("name = 3", ["name", "text"]),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_key(text: str, words: list[str]) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(text, "bad.toml")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert all(word in sentence for word in ["bad.toml", *words]), sentence


@pytest.mark.proves("K-LANDER-012")
def test_unknown_names_and_files() -> None:
    with pytest.raises(ProfileError, match=r"'genric' does not exist; there are: .*generic"):
        load("genric")
    with pytest.raises(ProfileError, match="No such file"):
        load("nowhere/x.toml")
