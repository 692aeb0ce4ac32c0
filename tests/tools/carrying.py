"""Telecommands that carry others, as a schedule does: declared for the tests of what stands inside words."""

from fsw.mdb.model import array, cuc, packet, rest, structure, telecommand, u8, u16, window


@structure
class Timed:
    """A time, a telecommand."""

    at: bytes = cuc()
    request: bytes = packet(60)


@structure
class Watched:
    """A parameter and a list of bounds."""

    parameter: int = u16()
    bounds: tuple[int, ...] = array(u8(), high=3)


@telecommand(201, 4, name="late.insert")
class Insert:
    """A list of telecommands with times."""

    group: int = u8()
    activities: tuple[Timed, ...] = array(Timed, high=5, octets=300)


@telecommand(201, 5, name="late.wrap")
class Wrap:
    """One telecommand."""

    request: bytes = packet(200)


@telecommand(201, 6, name="late.watch")
class Watch:
    """Parameters and bounds."""

    watched: tuple[Watched, ...] = array(Watched, high=5, octets=60)


@telecommand(201, 7, name="late.big")
class Big:
    """Much."""

    octets: bytes = rest(1_000)


@telecommand(201, 8, name="late.between")
class Between:
    """A window of time."""

    window: bytes = window()
