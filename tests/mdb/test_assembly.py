"""What cannot stand together is refused with a sentence that names both sides, or the bound."""

from types import ModuleType

import pytest

from fsw.mdb import standard_services
from fsw.mdb.assembly import DeclarationError
from fsw.mdb.database import Database, DecodedReport
from fsw.mdb.model import (
    EVERY_PROCESS,
    I8,
    U8,
    U16,
    U32,
    Parameter,
    Process,
    Severity,
    Structure,
    array,
    command,
    event,
    lander_packet,
    octets,
    payload_packet,
    report,
    rest,
    telecommand,
    u8,
    u16,
)
from fsw.pus.tm import encode_tm


def module(**names: object) -> ModuleType:
    made = ModuleType("instrument")
    vars(made).update(names)
    return made


def refused(sentence: str, **names: object) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        Database(module(**names))


DOSE = Parameter(0x3101, "dosimeter.dose", U32, limit_high=5_000)


@command(0x031, function=1)
class Measure:
    """Measure."""


@command(0x031, function=1)
class Clear:
    """Another command with the same id."""


@command(0x031, function=2, name="measure")
class MeasureAgain:
    """Another command with the same name."""


@command(0x021, function=1)
class Elsewhere:
    """The same function id, of another process."""


@event(0x031, 0x3101, Severity.LOW)
class Saturated:
    """An event."""


@event(0x031, 0x3101, Severity.LOW)
class Drained:
    """Another event with the same id."""


@event(0x032, 0x3101, Severity.LOW)
class Gust:
    """Another process's event with the same id."""


@event(EVERY_PROCESS, 0x3102, Severity.LOW)
class Bored:
    """One event that every process has."""


def test_an_instrument_file_declares_by_naming_things() -> None:
    made = module(Measure=Measure, DOSE=DOSE, also=DOSE, number=3, word="x", __hidden__=Clear)
    database = Database(made, module(Measure=Measure, Elsewhere=Elsewhere))
    assert database.command_names() == ["dosimeter.measure", "power.elsewhere"]
    assert database.parameters == {0x3101: DOSE}
    assert {apid: process.name for apid, process in database.processes.items()} == {0x021: "power", 0x031: "dosimeter"}


def test_parameters_are_found_in_tuples_mappings_and_structures() -> None:
    one, two, three = (Parameter(pid, f"p.{pid}", U8) for pid in (1, 2, 3))
    database = Database(module(a=(one,), b={"x": two}, c=Structure(1, "s", (three, one))))
    assert list(database.parameters) == [1, 2, 3]
    assert list(database.structures) == [1]


def test_an_event_of_every_process_is_one_event() -> None:
    database = Database(module(Measure=Measure, Elsewhere=Elsewhere, Bored=Bored))
    assert [entry.name for entry in database.tables.events.values()] == ["power.bored", "dosimeter.bored"]


@pytest.mark.proves("K-MDB-002")
def test_collisions() -> None:
    refused(
        r"telecommand \(8,1\) function 1 of APID 0x031 is claimed by dosimeter.measure \(.*Measure\) and by "
        r"dosimeter.clear \(.*Clear\)",
        a=Measure, b=Clear,
    )  # fmt: skip
    refused(r"the name dosimeter.measure is claimed by .*Measure\) and by .*MeasureAgain\)", a=Measure, b=MeasureAgain)
    refused(r"event 12545 of APID 0x031 is claimed by .*Saturated\) and by .*Drained\)", a=Saturated, b=Drained)
    refused(r"event id 0x3101 is claimed by dosimeter.saturated .* and by environment.gust", a=Saturated, b=Gust)
    refused("parameter id 0x3101 is claimed by dosimeter.dose and by other", a=DOSE, b=Parameter(0x3101, "other", U8))
    refused("the name dosimeter.dose is claimed by", a=DOSE, b=Parameter(0x3102, "dosimeter.dose", U8))
    one, two = Structure(7, "one", (DOSE,)), Structure(7, "two", (DOSE,))
    refused("structure id 7 is claimed by one and by two", a=one, b=two)
    refused("APID 0x041 is claimed by radar and by lidar", a=Process(0x041, "radar"), b=Process(0x041, "lidar"))
    refused("the name radar is claimed by", a=Process(0x041, "radar"), b=Process(0x042, "radar"))

    @report(3, 25)
    class First:
        """A report."""

    @report(3, 25)
    class Second:
        """The same report."""

    refused(r"report \(3,25\) of APID 0x020 is claimed by first .* and by second", a=First, b=Second)

    @lander_packet(0x013)
    class Up:
        """A packet."""

    @payload_packet(0x013)
    class Down:
        """The same APID."""

    refused("APID 0x013 is claimed by up .* and by down", a=Up, b=Down)


def test_processes_need_a_name() -> None:
    @command(0x041, function=1)
    class Ping:
        """A command of a mission's own process."""

    refused("Ping: no Process names APID 0x041", a=Ping)
    refused("process radar: APID 0x7ff lies outside", a=Process(0x7FF, "radar"))
    assert Database(module(a=Ping, b=Process(0x041, "radar"))).command_names() == ["radar.ping"]


@pytest.mark.proves("K-MDB-002")
def test_sizes() -> None:
    @command(0x031, function=1)
    class Wide:
        """Two octets of function id and 1003 of arguments."""

        some: bytes = octets(1003)

    @telecommand(200, 1)
    class Fitting:
        """As much as fits."""

        some: bytes = rest(1004)

    @event(0x031, 1, Severity.INFO)
    class Long:
        """Two octets of event id and 1008 of data."""

        some: tuple[int, ...] = array(u16(), u8, high=255)
        more: bytes = octets(497)

    refused("Wide can take 1005 octets where 1004 fit", a=Wide)
    refused("Long can take 1010 octets where 1009 fit", a=Long)
    assert Database(module(a=Fitting)).command_names() == ["fitting"]


def test_ids() -> None:
    @command(0x031, function=0x1_0000)
    class Far:
        """A function id of 17 bits."""

        one: int = u8()

    refused("Far: id 65536 does not fit 16 bits", a=Far)


@pytest.mark.proves("K-MDB-002")
@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        (Parameter(0, "p", U8), "parameter p: id 0 lies outside 1 to 65535"),
        (Parameter(0x1_0000, "p", U8), "parameter p: id 65536 lies outside 1 to 65535"),
        (Parameter(1, "p", U8, high=256), "parameter p: a u8 cannot hold the range 0..256"),
        (Parameter(1, "p", U8, low=9, high=3), "parameter p: a u8 cannot hold the range 9..3"),
        (Parameter(1, "p", U8, limit_low=-1), "parameter p: a u8 cannot hold limit_low -1"),
        (Parameter(1, "p", U8, limit_high=256), "parameter p: a u8 cannot hold limit_high 256"),
        (Parameter(1, "p", U8, absent=256), "parameter p: a u8 cannot hold absent 256"),
        (Parameter(1, "p", U8, initial=-1), "parameter p: a u8 cannot hold initial -1"),
        (Parameter(1, "p", U8, limit_low=5, limit_high=4), "parameter p: limit_low lies above limit_high"),
        (Parameter(1, "p", U8, writable=True, low=1), "parameter p: initial 0 lies outside 1..255"),
        (Parameter(1, "p", I8, guarded=True), "parameter p: only an unsigned value that is always there"),
        (Parameter(1, "p", U8, absent=7, guarded=True), "parameter p: only an unsigned value that is always there"),
    ],
)
def test_parameters(parameter: Parameter, sentence: str) -> None:
    refused(sentence, a=parameter)


@pytest.mark.proves("K-MDB-002")
@pytest.mark.parametrize(
    ("structure", "sentence"),
    [
        (Structure(0, "s", (DOSE,)), "structure s: id 0 lies outside 1 to 65535"),
        (Structure(1, "s", (DOSE,), interval=0), "structure s: interval 0 lies outside 1 to 65535"),
        (Structure(1, "s", ()), "structure s must hold parameters, and each but once"),
        (Structure(1, "s", (DOSE, DOSE)), "structure s must hold parameters, and each but once"),
        (
            Structure(1, "s", tuple(Parameter(pid, f"p{pid}", U16) for pid in range(1, 505))),
            "structure s takes 1010 octets where 1009 fit",
        ),
    ],
)
def test_structures(structure: Structure, sentence: str) -> None:
    refused(sentence, a=structure)


def test_the_largest_structure_can_be_read_back() -> None:
    parameters = tuple(Parameter(pid, f"p{pid}", U8) for pid in range(1, 1008))
    made = Structure(1, "s", parameters)
    database = Database(standard_services, module(a=made))
    data = database.encode_hk(made, {parameter.pid: 1 for parameter in parameters})
    packet = encode_tm(0x020, 0, 0, 3, 25, 0, 0, b"\x1e" + bytes(6), data)
    decoded = database.decode_tm(packet)
    assert isinstance(decoded, DecodedReport)
    assert len(decoded.values) == 1007
