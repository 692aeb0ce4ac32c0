"""Telecommands, times and names inside an operator's words, held against octets that are written by hand."""

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb import comms, lander, power, standard_services, system, verification
from fsw.mdb.database import Database
from fsw.mdb.mission import load as load_mission
from fsw.mdb.words import split
from fsw.pus.ids import TimeStatus
from tests.tools import carrying
from tests.tools.session_bench import Bench
from tests.tools.spacecraft import crc
from tools.cli.send import scheduled
from tools.ground import nested
from tools.ground.board_time import BoardTime
from tools.ground.nested import Encoded
from tools.ground.records import OnboardTime
from tools.ground.request import Refusal, parse_words, sentence_words
from tools.ground.session import Session

DATABASE = Database(standard_services, comms, lander, power, system, verification, carrying)
TAI_2026_11_23_10_15_S = (
    1_795_428_900 + 378_691_200 + 37
)  # date -u -d 2026-11-23T10:15Z +%s; 1958 to 1970; leap seconds


def closed(octets: str) -> bytes:
    """Octets with their CRC-16 behind them."""
    return bytes.fromhex(octets) + crc(bytes.fromhex(octets))


def encoded(sentence: str, *, tai_us: int | None = 1_000_000, counts: dict[int, int] | None = None) -> Encoded:
    name, *listed = sentence_words(sentence)
    arguments = parse_words(listed)
    assert not isinstance(arguments, Refusal), arguments
    found = nested.encode(DATABASE, name, arguments, counts=counts or {}, source_id=5, tai_us=tai_us)
    assert isinstance(found, Encoded), found
    return found


def refused(sentence: str, *, tai_us: int | None = 1_000_000) -> str:
    name, *listed = sentence_words(sentence)
    arguments = parse_words(listed)
    assert not isinstance(arguments, Refusal), arguments
    found = nested.encode(DATABASE, name, arguments, counts={}, source_id=5, tai_us=tai_us)
    assert isinstance(found, Refusal), found
    return found.sentence


PING_7 = closed("1820 c007 0006 29 11 01 0005")  # APID 0x020, count 7, ack acceptance and completion, source 5
PING_8 = closed("1820 c008 0006 29 11 01 0005")
ENABLE_9 = closed("1820 c009 000c 29 03 05 0005 0002 0001 0002")


@pytest.mark.proves("K-GND-006")
def test_a_list_of_telecommands_with_times() -> None:
    found = encoded(
        "late.insert group=3 "
        "activities=+30s:ping(),2026-11-23T10:15:00Z:ping(),+1.5min:housekeeping.enable( sids=1, 2 )",
        counts={0x20: 7, 0x21: 4},
    )
    date = TAI_2026_11_23_10_15_S.to_bytes(4, "big").hex()
    assert found.command.data == (
        bytes.fromhex("03 03 1e 0000001f 0000") + PING_7
        + bytes.fromhex(f"1e {date} 0000") + PING_8
        + bytes.fromhex("1e 0000005b 0000") + ENABLE_9
    )  # fmt: skip
    assert found.counts == {0x20: 10, 0x21: 4}
    assert [(each.name, each.sequence_count) for each in found.inside] == [
        ("ping", 7), ("ping", 8), ("housekeeping.enable", 9),
    ]  # fmt: skip
    assert found.inside[2].request_id == bytes.fromhex("1820c009")


def test_telecommands_inside_telecommands() -> None:
    found = encoded("late.wrap request=late.insert(group=1,activities=+1s:power.ping(),+2s:ping())")
    ping_power = closed("1821 c000 0006 29 11 01 0005")
    ping = closed("1820 c000 0006 29 11 01 0005")
    data = "01 02 1e 00000002 0000" + ping_power.hex() + "1e 00000003 0000" + ping.hex()
    length = len(bytes.fromhex(data)) + 6
    assert found.command.data == closed(f"1820 c001 {length:04x} 29 c9 04 0005 {data}")
    assert found.counts == {0x20: 2, 0x21: 1}


def test_octets_in_hex_stay_as_they_are() -> None:
    assert encoded(f"late.wrap request={PING_7.hex()}").command.data == PING_7
    assert encoded(f"late.insert group=0 activities=1e000000010000:{PING_7.hex()}").command.data == (
        bytes.fromhex("00 01 1e 00000001 0000") + PING_7
    )


def test_names_and_lists_inside_structures() -> None:
    found = encoded("late.watch watched=system.scratch:(1,2),2:(),3:7")
    assert found.command.data == bytes.fromhex("03 000a 02 01 02 0002 00 0003 01 07")


@pytest.mark.parametrize(
    ("word", "octets"),
    [
        ("all", "00"),
        ("+1s..1958-01-01T00:01:00Z", "01 1e 00000002 0000 1e 00000046 0000"),  # UTC of 1958 is taken 10 s behind TAI
        ("+1s..", "02 1e 00000002 0000"),
        ("..+1s", "03 1e 00000002 0000"),
        ("021e000000020000", "02 1e 00000002 0000"),
    ],
)
def test_windows_of_time(word: str, octets: str) -> None:
    assert encoded(f"late.between window={word}").command.data == bytes.fromhex(octets)


@pytest.mark.proves("K-GND-002")
@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("late.wrap request=pong()", "there is no command 'pong'; did you mean 'ping'?"),
        ("late.wrap request=ping(", "must be a telecommand such as ping(), not 'ping('"),
        ("late.wrap request=ping(x=1)", "request of ping: there is no argument x"),
        ("late.wrap request=ping(x)", "ping: 'x' is not of the form key=value"),
        ("late.wrap request=power.switch(load=1,on=2)", "power.switch: on must be on or off, not '2'"),
        ("late.insert group=1 activities=ping()", "activities must be at:request, not 'ping()'"),
        ("late.insert group=1 activities=+5:ping()", "must be a time from now such as +30s (ms, s, min, h, d)"),
        ("late.insert group=1 activities=2026-13-23T10:15:00Z:ping()", "such as 2026-11-23T10:15:00Z"),
        ("late.insert group=1 activities=2026-11-23T10:15:00:ping()", "such as 2026-11-23T10:15:00Z"),
        ("late.insert group=1 activities=1e00:ping()", "or its CUC in hex, not '1e00'"),
        ("late.insert group=1 activities=+99999999999d:ping()", "must be a time before 2094"),
        ("late.between window=..", "must be a window of time (all, T..T, T.. or ..T)"),
        ("late.between window=soon..", "window must be a time"),
        ("late.between window=0505", "window "),
        ("late.watch watched=system.scratchy:1", "there is no 'system.scratchy'; did you mean 'system.scratch'?"),
        ("late.wrap request=" + "late.wrap(request=" * 5 + "ping()" + ")" * 5, "more than 4 deep"),
        ("late.wrap request=late.wrap(request=" + "18" * 40 + ")", "must be a packet of at most 200 octets"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(sentence: str, said: str) -> None:
    assert said in refused(sentence)


def test_a_time_from_now_needs_a_payload_that_knows_it() -> None:
    assert "no telemetry has told the payload's time" in refused(
        "late.insert group=1 activities=+5s:ping()", tai_us=None
    )
    assert nested.check(DATABASE, "late.insert", {"group": "1", "activities": "+5s:ping()"}) is None


def test_parts_of_a_word() -> None:
    assert split("a(b,c(d,e)),f", ",") == ["a(b,c(d,e))", "f"]
    assert split("2026-11-23T10:15Z:x(t=2026-11-23T10:15:00Z):9", ":") == [
        "2026-11-23T10:15Z", "x(t=2026-11-23T10:15:00Z)", "9",
    ]  # fmt: skip
    assert split("a),b(,c", ",") == ["a)", "b(,c"]
    assert split("", ",") == [""]


def test_a_sentence_may_have_blanks_inside_parentheses() -> None:
    assert sentence_words("a  b=x( c=1, d=2 )  e=3") == ["a", "b=x(c=1,d=2)", "e=3"]


def test_the_session_takes_the_counts_of_all_that_it_sends() -> None:
    bench = Bench()
    bench.session = Session(DATABASE, bench.session.profile, bench.now, counts={0x20: 7})
    bench.step(5)
    assert isinstance(bench.session.send("late.wrap", {"request": "pong()"}, 5, bench.now), Refusal)
    assert bench.session.counts == {0x20: 7}
    ticket = bench.send("late.wrap", request="ping()")
    assert ticket.sequence_count == 8
    assert bench.session.counts == {0x20: 9}
    bench.step(2)
    assert bench.craft.executed[0].app_data == PING_7


def test_the_payloads_time_is_carried_on() -> None:
    time = BoardTime(one_way_us=1_000_000)
    assert time.tai_us(Micros(5)) is None
    time.hear(OnboardTime(50_000_000, TimeStatus.NEVER_SET), Micros(5_000_000))
    assert time.tai_us(Micros(5_000_000)) is None
    time.hear(OnboardTime(100_000_000, TimeStatus.LOCKED), Micros(5_000_000))
    assert time.tai_us(Micros(7_000_000)) == 103_000_000
    time.hear(OnboardTime(100_500_000, TimeStatus.LOCKED), Micros(10_000_000))  # it waited on the lander
    assert time.tai_us(Micros(10_000_000)) == 106_000_000
    time.hear(OnboardTime(150_000_000, TimeStatus.FLYWHEEL), Micros(66_000_000))  # the only word within a minute
    assert time.tai_us(Micros(66_000_000)) == 151_000_000
    time.hear(None, Micros(67_000_000))
    time.hear(OnboardTime(1_000_000, TimeStatus.NEVER_SET), Micros(68_000_000))
    assert time.tai_us(Micros(68_000_000)) is None


@pytest.mark.proves("K-GND-006")
def test_send_at_puts_a_command_into_the_schedule() -> None:
    name, listed = scheduled("power.switch", ["load=1", "on=on"], "2026-11-23T10:15:00Z")
    arguments = parse_words(listed)
    assert not isinstance(arguments, Refusal)
    database = load_mission().database
    found = nested.encode(database, name, arguments, counts={0x21: 3}, source_id=5, tai_us=None)
    assert isinstance(found, Encoded)
    assert (found.command.service, found.command.subtype) == (11, 4)
    date = TAI_2026_11_23_10_15_S.to_bytes(4, "big").hex()
    switch = closed("1821 c003 000a 29 08 01 0005 0002 01 01")
    assert found.command.data == bytes.fromhex(f"00 01 1e {date} 0000") + switch
    assert nested.check(database, *_checked("ping", ["x=1"])) is not None


def _checked(name: str, listed: list[str]) -> tuple[str, dict[str, str]]:
    name, listed = scheduled(name, listed, "+5min")
    arguments = parse_words(listed)
    assert not isinstance(arguments, Refusal)
    return name, arguments
