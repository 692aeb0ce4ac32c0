"""What an operator types: bodies, values, and the sentence that refuses the rest."""

from enum import IntEnum

import pytest

from fsw.mdb import power, standard_services, system
from fsw.mdb.fields import Field
from fsw.mdb.model import (
    F32,
    U8,
    Parameter,
    array,
    boolean,
    cuc,
    enumerated,
    f32,
    fields_of,
    octets,
    report,
    rest,
    text,
    u8,
    u16,
)
from fsw.mdb.words import Unreadable, allowed, body_from_words, raw_from_word, split, value_from_word


class Gain(IntEnum):
    LOW = 0
    HIGH = 3


@report(200, 9)
class Everything:
    """One field of every kind."""

    small: int = u8(high=10, unit="V", enum=Gain)
    real: float = f32(low=0, high=2.5)
    on: bool = boolean()
    gain: Gain = enumerated(Gain)
    time: bytes = cuc()
    key: bytes = octets(2)
    word: str = text(4)
    pairs: tuple[standard_services.SidInterval, ...] = array(standard_services.SidInterval, high=2)
    numbers: tuple[int, ...] = array(u16(), low=0, high=3, default=(7,))
    tail: bytes = rest(3, default=b"")


WORDS = {
    "small": "0x0a", "real": "1.5", "on": "ON", "gain": "high", "time": "1e010203040506", "key": "6b6b", "word": "ab",
    "pairs": "5:20,6:40",
}  # fmt: skip


def test_words_give_a_body() -> None:
    assert body_from_words(Everything, WORDS) == Everything(
        10, 1.5, True, Gain.HIGH, b"\x1e\1\2\3\4\5\6", b"kk", "ab",
        (standard_services.SidInterval(5, 20), standard_services.SidInterval(6, 40)), (7,), b"",
    )  # fmt: skip
    more = body_from_words(Everything, WORDS | {"small": "high", "on": "no", "gain": "0", "numbers": "", "tail": "ff"})
    assert isinstance(more, Everything)
    assert (more.small, more.on, more.gain, more.numbers, more.tail) == (3, False, Gain.LOW, (), b"\xff")
    assert body_from_words(system.SetMode, {"mode": "SAFE"}) == system.SetMode(system.CommandedMode.SAFE)
    assert body_from_words(standard_services.Ping, {}) == standard_services.Ping()


@pytest.mark.proves("K-GND-002")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"small": "11"}, "small must be 0 to 10 V, not 11"),
        ({"small": "ten"}, "small must be 0 to 10 V (LOW, HIGH), not 'ten'"),
        ({"real": "much"}, "real must be 0 to 2.5, not 'much'"),
        ({"real": "nan"}, "real must be 0 to 2.5, not nan"),
        ({"on": "maybe"}, "on must be on or off, not 'maybe'"),
        ({"gain": "mid"}, "gain must be one of LOW, HIGH, not 'mid'"),
        ({"gain": "1"}, "gain must be one of LOW, HIGH, not '1'"),
        ({"time": "zz"}, "time must be a time (2026-11-23T10:15:00Z, +30s) or its CUC in hex, not 'zz'"),
        ({"key": "6"}, "key must be 2 octets in hex, not '6'"),
        ({"key": "6b"}, "key must be 2 octets, not b'k'"),
        ({"word": "abcde"}, "word must be at most 4 printable ASCII characters, not 'abcde'"),
        ({"pairs": "5"}, "pairs must be sid:interval, not '5'"),
        ({"pairs": "5:x"}, "pairs interval must be 1 to 65535 100 ms, not 'x'"),
        ({"pairs": "5:0"}, "pairs [0] interval must be 1 to 65535 100 ms, not 0"),
        ({"numbers": "1,2,3,4"}, "numbers must be 0 to 3 items, not (1, 2, 3, 4)"),
        ({"tail": "0g"}, "tail must be up to 3 octets in hex, not '0g'"),
        ({"extra": "1"},
         "there is no argument extra; the arguments are: small, real, on, gain, time, key, word, pairs, numbers, tail"),
    ],
)  # fmt: skip
def test_words_are_refused_with_the_allowed_range(words: dict[str, str], sentence: str) -> None:
    assert body_from_words(Everything, WORDS | words) == Unreadable(sentence)


def test_a_missing_argument_is_asked_for() -> None:
    words = {name: word for name, word in WORDS.items() if name != "real"}
    assert body_from_words(Everything, words) == Unreadable("the argument real is missing: 0 to 2.5")
    assert body_from_words(standard_services.Ping, {"x": "1"}) == Unreadable(
        "there is no argument x; the arguments are: none"
    )
    assert body_from_words(power.SwitchLoad, {"load": "1"}) == Unreadable("the argument on is missing: on or off")


def test_every_kind_says_what_it_takes() -> None:
    said = [allowed(field) for field in fields_of(Everything).values()]
    assert said == [
        "0 to 10 V (LOW, HIGH)",
        "0 to 2.5",
        "on or off",
        "one of LOW, HIGH",
        "a time (2026-11-23T10:15:00Z, +30s) or its CUC in hex",
        "2 octets in hex",
        "up to 4 printable characters",
        "0 to 2 values with commas between, each sid:interval",
        "0 to 3 values with commas between, each 0 to 65535",
        "up to 3 octets in hex",
    ]


def test_parameters() -> None:
    assert raw_from_word(system.SCRATCH, "0x10") == 16
    assert raw_from_word(system.UPTIME, "1") == Unreadable("system.uptime_s cannot be written")
    assert raw_from_word(system.SCRATCH, "-1") == Unreadable("system.scratch must be 0 to 4294967295, not '-1'")
    rate = Parameter(1, "rate", F32, "Hz", writable=True, low=0.5, high=2, initial=1)
    assert raw_from_word(rate, "1.5") == 1.5
    assert raw_from_word(rate, "x") == Unreadable("rate must be 0.5 to 2 Hz, not 'x'")
    gain = Parameter(2, "gain", U8, writable=True, enum=Gain)
    assert raw_from_word(gain, "high") == 3


def test_a_field_alone() -> None:
    field = fields_of(Everything)["small"]
    assert isinstance(field, Field)
    assert value_from_word(field, "7") == 7


def test_a_time_is_not_split_at_its_colons() -> None:
    assert split("2026-11-23T10:15:00Z:ping(),b:c", ":") == ["2026-11-23T10:15:00Z", "ping(),b", "c"]
    assert split("a:(b:c):d", ":") == ["a", "(b:c)", "d"]
