"""Frozen configuration: the line profiles of the contract's section 1, and what one flight process is started with."""

from typing import Final, NamedTuple

SCID: Final = 42
FARM_WINDOW: Final = 20


class LineProfile(NamedTuple):
    """Everything that depends on how fast the line is."""

    name: str
    baud: int
    tm_frame_octets: int
    release_us: int
    idle_us: int
    heartbeat_us: int


LINES: Final = {
    profile.name: profile
    for profile in (
        LineProfile("slow", 9_600, 223, 1_000_000, 10_000_000, 5_000_000),
        LineProfile("default", 115_200, 446, 100_000, 1_000_000, 1_000_000),
        LineProfile("fast", 921_600, 892, 50_000, 1_000_000, 1_000_000),
    )
}
BAUD_MIN: Final = 1_200
BAUD_MAX: Final = 3_000_000


def line_for_baud(baud: int) -> LineProfile:
    """The profile that a baud picks when none is named (contract, section 7)."""
    if baud <= 19_200:
        return LINES["slow"]
    return LINES["default"] if baud <= 230_400 else LINES["fast"]


class Config(NamedTuple):
    """What a flight process is started with; `line.baud` is the baud in force."""

    line: LineProfile
    carrier: str = "cltu-cadu"
