"""Lander profiles: the contract's numbers, and one sentence for whatever is wrong."""

from pathlib import Path

import pytest

from hil.lander.profiles import CIRCUITS, PHASES, ProfileError, folder, load, parse

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


@pytest.mark.proves("K-LANDER-012")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[line]\ncarrier = "slip-ip"', "x.toml:2: line.carrier is 'slip-ip'; did you mean 'slip-ip-udp'?"),
        ('\n[downlink]\noverflow = "latest"', "x.toml:3: downlink.overflow is 'latest'; "),
        ("[downlink]\npriorities = [0, 2]", "x.toml:2: downlink.priorities is [0, 2], must be a list of the channels"),
        ("[downlink]\npriorities = [1, 1]", "x.toml:2: downlink.priorities is [1, 1], has a channel twice"),
        (
            '[rates]\ntransit_phases = ["cruise", "crise"]',
            "x.toml:2: rates.transit_phases has 'crise'; there are: off,",
        ),
        (
            "[circuits.heater]\nfitted = false\non = true",
            "x.toml:3: circuits.heater.on is true, and the circuit is not",
        ),
        ("[circuits.ops]\non = false\nfitted = false", "x.toml:1: circuits.ops must be fitted: without it"),
        (
            "[circuits.heater]\nbus_mv = 0",
            "x.toml:2: circuits.heater.bus_mv is 0, must be a whole number from 1 to 65535",
        ),
        ("[heater]\non_below_cdegc = 5", "x.toml:2: heater.on_below_cdegc must be below off_above_cdegc"),
        ("[board]\nloads_mw = [1, -1]", "x.toml:2: board.loads_mw is [1, -1], must be a list of whole numbers"),
        ("[thermal]\ncapacity_mj_k = 1", "thermal.conductance_uw_k leads heat off within a minute"),
        ('[[phases]]\nphase = "night"\nat = "10 parsec"', "x.toml:3: phases.at is '10 parsec': unknown unit 'parsec'"),
        ('[[phases]]\nat = "2 h"\nphase = "nigt"', "x.toml:3: phases.phase is 'nigt'; did you mean 'night'?"),
        (
            '[[phases]]\nat = "2 h"\nphase = "night"\n[[phases]]\nat = "1 h"\nphase = "dusk"',
            "x.toml:5: phases.at must lie behind the phase before it",
        ),
        ('[[passes]]\nevery = "2 h"\naos_s = 3', "x.toml:3: passes.aos_s belongs to a single contact"),
        ('[[passes]]\nvisible = "2 h"', "x.toml:2: passes.visible belongs to contacts that come again"),
        (
            '[[passes]]\nevery = "2 h"\nvisible = "3 h"',
            "x.toml:3: passes.visible is '3 h', must be from 1000 to 7200000",
        ),
        ("[ancillary]\nsun = [1, 2]", "x.toml:2: ancillary.sun has 2 numbers, must have three"),
        ("[[phases]]\n" * 501, "x.toml:1: phases has 501 steps, at most 500"),
        ("[[passes]]\n" * 5001, "x.toml:1: passes has 5001 contacts, at most 5000"),
    ],
)
def test_the_sentence_names_the_line(text: str, sentence: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(text, "x.toml")
    assert sentence in str(caught.value)


@pytest.mark.proves("K-LANDER-012")
def test_the_shipped_landers_are_what_they_say() -> None:
    assert sorted(file.stem for file in folder().glob("*.toml")) == ["generic", "peregrine-like", "short-line"]
    flown = load("peregrine-like")
    assert (flown.baud, flown.carrier, flown.tm_frame_octets, flown.heartbeat_us) == (
        9_600,
        "slip-ip-udp",
        223,
        5_000_000,
    )
    assert (flown.downlink.transit_bps, PHASES.index("cruise") in flown.downlink.transit_phases) == (10, True)
    assert [circuit.fitted for circuit in flown.circuits] == [True, False, True]
    short = load("short-line")
    assert (short.baud, short.carrier, short.tm_frame_octets) == (921_600, "cltu-cadu", 892)
    for name in ("generic", "peregrine-like", "short-line"):
        assert "o provider verified it" in load(name).drawn_from
        assert load(name).name == name


@pytest.mark.parametrize("name", ["cltu_cadu", "cltu-cadu", "slip_ip_udp"])
def test_a_carrier_may_be_spelt_as_of_old(name: str) -> None:
    assert parse(f'[line]\ncarrier = "{name}"', "x.toml").carrier == name.replace("_", "-")


@pytest.mark.proves("K-LANDER-012")
def test_a_profile_may_lie_anywhere(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[[passes]]\nfrom = "1 h"\nuntil = "2 d"\nevery = "118 min"\nvisible = "72 min"\n')
    minute = 60_000_000
    assert load(str(file)).orbits == ((60 * minute, 2880 * minute, 118 * minute, 72 * minute),)
    file.write_text("baud = 9600\n")
    with pytest.raises(ProfileError, match=f"^{file}:1: baud is no key here; "):
        load(str(file))
