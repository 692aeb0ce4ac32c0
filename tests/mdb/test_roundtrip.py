"""Every declared body: decoding undoes encoding; any octets give a body or a named refusal, never an exception."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsw.mdb import codec, comms, lander, power, standard_services, system, verification
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.database import Database
from fsw.mdb.model import Structure, fields_of, octets_max
from fsw.mdb.values import StructureLayout
from tests.strategies import bodies, housekeeping

DATABASE = Database(system, power, comms, standard_services, verification, lander)
TABLES = DATABASE.tables
BODIES = sorted(
    {
        entry.body
        for table in (TABLES.commands, TABLES.reports, TABLES.events, TABLES.plain)
        for entry in table.values()
    },
    key=lambda body: (body.__module__, body.__qualname__),
)
SETTINGS = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.proves("K-MDB-001")
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__qualname__)
@SETTINGS
@given(data=st.data())
def test_decode_undoes_encode(body: type[object], data: st.DataObject) -> None:
    value = data.draw(bodies(body))
    octets = codec.encode(value)
    assert len(octets) <= octets_max(body)
    assert codec.decode(body, octets) == value


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__qualname__)
@SETTINGS
@given(data=st.data())
def test_any_octets_give_a_body_or_a_refusal(body: type[object], data: st.DataObject) -> None:
    octets = data.draw(st.binary(max_size=40) | bodies(body).map(codec.encode).flatmap(damaged))
    decoded = codec.decode(body, octets)
    if isinstance(decoded, DecodeError):
        assert decoded.reason in (DecodeReason.LENGTH, DecodeReason.RANGE)
        assert decoded.detail
    else:
        assert codec.encode(decoded) == octets


def damaged(octets: bytes) -> st.SearchStrategy[bytes]:
    """The octets with one of them changed, one dropped or one added."""
    if not octets:
        return st.just(b"\0")
    positions = st.integers(0, len(octets) - 1)
    changed = st.builds(
        lambda at, value: octets[:at] + bytes((value,)) + octets[at + 1 :], positions, st.integers(0, 255)
    )
    dropped = positions.map(lambda at: octets[:at] + octets[at + 1 :])
    return changed | dropped | st.just(octets + b"\0")


@pytest.mark.parametrize("structure", DATABASE.structures.values(), ids=lambda structure: structure.name)
@SETTINGS
@given(data=st.data())
def test_housekeeping_decode_undoes_encode(structure: Structure, data: st.DataObject) -> None:
    values = data.draw(housekeeping(structure))
    layout = StructureLayout(structure)
    decoded = layout.decode(layout.encode(values))
    assert decoded == {parameter.name: values[parameter.pid] for parameter in structure.parameters}


@settings(max_examples=300)
@given(st.binary(max_size=80))
def test_any_packet_is_read_or_refused(octets: bytes) -> None:
    DATABASE.decode_tm(octets)


@pytest.mark.proves("K-PKT-003")
@settings(max_examples=300)
@given(
    st.sampled_from(sorted(DATABASE.processes)),
    st.sampled_from([3, 5, 8, 9, 17, 20, 130]),
    st.integers(0, 32),
    st.binary(max_size=40),
)
def test_any_telecommand_is_understood_or_refused(apid: int, service: int, subtype: int, data: bytes) -> None:
    DATABASE.decode_command(apid, service, subtype, data)


def test_every_body_says_what_it_is() -> None:
    for body in BODIES:
        assert body.__doc__, body
        assert all(name == name.lower() for name in fields_of(body))
