"""The class maker: what a body class is, and which declarations it refuses with a sentence."""

from enum import IntEnum

import pytest

from fsw.mdb import fields
from fsw.mdb.model import (
    EVERY_PROCESS,
    Role,
    array,
    boolean,
    command,
    counted,
    declaration_of,
    f32,
    fields_of,
    fixed_octets,
    i8,
    i16,
    i32,
    octets_max,
    packet,
    rest,
    structure,
    u8,
    u16,
    u32,
)


class Gain(IntEnum):
    LOW = 0
    HIGH = 3


@structure
class Pair:
    sid: int = u16()
    gain: int = u8(high=3)


@command(0x031, function=4)
class MeasureTwice:
    """Measure, and measure again.

    The second line is not part of the dictionary.
    """

    period_ms: int = u16(low=100, unit="ms")
    on: bool = boolean(default=True)
    pairs: tuple[Pair, ...] = array(Pair, u16, high=2, default=())


def test_bodies_are_values() -> None:
    first = MeasureTwice(100, pairs=(Pair(1, 2),))
    same = MeasureTwice(period_ms=100, on=True, pairs=(Pair(gain=2, sid=1),))
    assert first == same
    assert hash(first) == hash(same)
    assert first != MeasureTwice(101)
    assert first.__eq__(Pair(1, 2)) is False
    assert repr(first) == "MeasureTwice(period_ms=100, on=True, pairs=(Pair(sid=1, gain=2),))"
    assert (first.period_ms, first.on, first.pairs[0].gain) == (100, True, 2)


def test_bodies_do_not_change() -> None:
    body = Pair(1, 2)
    with pytest.raises(AttributeError, match="Pair is immutable: sid"):
        body.sid = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="Pair is immutable: sid"):
        del body.sid


def test_construction_takes_each_field_once() -> None:
    with pytest.raises(TypeError, match="Pair misses gain"):
        Pair(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Pair takes each of \(sid, gain\) once"):
        Pair(1, 2, 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Pair takes each of \(sid, gain\) once"):
        Pair(1, sid=2)  # type: ignore[call-arg, misc]
    with pytest.raises(TypeError, match=r"Pair takes each of \(sid, gain\) once"):
        Pair(1, 2, other=3)  # type: ignore[call-arg]


def test_declaration_is_attached() -> None:
    declared = declaration_of(MeasureTwice)
    assert (declared.role, declared.name, declared.apid, declared.number) == (Role.COMMAND, "measure_twice", 0x031, 4)
    assert declared.doc == "Measure, and measure again."
    assert declaration_of(MeasureTwice(100)) is declared
    assert EVERY_PROCESS < 0


def test_sizes() -> None:
    assert fixed_octets(Pair) == 3
    assert fixed_octets(MeasureTwice) is None
    assert octets_max(MeasureTwice) == 2 + 1 + 2 + 2 * 3
    assert list(fields_of(MeasureTwice)) == ["period_ms", "on", "pairs"]


def test_a_field_keeps_its_bounds() -> None:
    bounds = {
        i8(): (-128, 127),
        i16(): (-32768, 32767),
        i32(): (-(2**31), 2**31 - 1),
        u8(): (0, 255),
        u16(): (0, 65535),
        u32(): (0, 2**32 - 1),
    }
    for field, (low, high) in bounds.items():
        assert isinstance(field, fields.Field)
        assert (field.low, field.high) == (low, high)
    real: object = f32(low=-1.5)
    assert isinstance(real, fields.Field)
    assert real.low == -1.5


def test_refused_declarations() -> None:
    with pytest.raises(ValueError, match=r"a u8 cannot hold the range 0\.\.256"):
        u8(high=256)
    with pytest.raises(ValueError, match="u16 cannot hold the range 5"):
        u16(low=5, high=4)
    with pytest.raises(ValueError, match="are counted with u8 or u16"):
        array(u8(), u32)
    with pytest.raises(ValueError, match="says itself where it ends"):
        array(rest(3))
    with pytest.raises(ValueError, match="a u8 cannot count to 256"):
        array(u8(), high=256)
    with pytest.raises(ValueError, match=r"an array cannot have 5\.\.4 items"):
        array(u8(), low=5, high=4)
    with pytest.raises(ValueError, match="a u8 cannot count to 256"):
        counted(256)
    with pytest.raises(ValueError, match="a packet has at least 7 octets"):
        packet(6)
    with pytest.raises(ValueError, match=r"Bare: count has no field"):

        @structure
        class Bare:
            count: int

    with pytest.raises(ValueError, match=r"rest\(\) can only be the last field"):

        @structure
        class Early:
            some: bytes = rest(4)
            more: int = u8()


def test_what_is_no_body_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="is no packet body"):
        fields_of(3)
    with pytest.raises(AssertionError, match="is not declared"):
        declaration_of(Pair)
