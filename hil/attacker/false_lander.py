"""Attacks in the lander's name: messages of its services on VC 2 with any values, and telecommands where it speaks.

What it does not say is what a real lander's word may do to commanding as well: that power goes off (an orderly stop),
that it is the descent or must be quiet (QUIET refuses most commands until the lander's next word), or a limit of power
below what the board needs. See README.md.
"""

from collections.abc import Callable
from struct import pack
from typing import Final

from hil.attacker import forging
from hil.attacker.blow import Means
from hil.attacker.forging import BYPASS, tc_frame
from hil.attacker.wiretap import LANDER_VCID

_U16: Final = 0xFFFF
_U32: Final = 0xFFFF_FFFF
_COUNT_MAX: Final = 0x3FFF
_PHASES: Final = 16
_DESCENT: Final = 9
_REDUCE: Final = 2
LEAST_MW: Final = 2_000
"""What a board draws with every load off is less."""


def _cuc(means: Means) -> bytes:
    """Any time."""
    return b"\x1e" + pack(">IH", means.dice.magnitude(0, _U32), means.dice.whole(0, _U16))


def _heartbeat(means: Means) -> bytes:
    u32 = means.dice.magnitude
    return pack(">IHII", u32(0, _U32), u32(0, _U16), u32(0, _U32), u32(0, _U32))


def _time(means: Means) -> bytes:
    return _cuc(means) + bytes((means.dice.whole(0, 255), means.dice.whole(0, 3), means.dice.whole(0, 255)))


def _mode(means: Means) -> bytes:
    """Any phase but descent, and no quiet: a real lander's word on those stops commands too, until its next one."""
    phase = means.dice.pick([phase for phase in range(_PHASES + 2) if phase != _DESCENT])
    return pack(">BIB", phase, means.dice.magnitude(0, _U32), 0)


def _notice(means: Means) -> bytes:
    """Another limit of power, but none that a board cannot stay inside."""
    dice = means.dice
    seconds, limit_mw = dice.magnitude(0, _U16), dice.magnitude(LEAST_MW, _U32)
    return pack(">BBHBI", dice.whole(0, 3), _REDUCE, seconds, dice.whole(0, 4), limit_mw)


def _power(means: Means) -> bytes:
    circuits = means.dice.whole(0, 4)
    status = b"".join(
        pack(">BBHHHHB", number, means.dice.whole(0, 1), *(means.dice.whole(0, _U16) for _ in range(4)), 0)
        for number in range(circuits)
    )
    return bytes((circuits,)) + status


def _link(means: Means) -> bytes:
    return _cuc(means) + _cuc(means) + pack(">III", *(means.dice.magnitude(0, _U32) for _ in range(3)))


def _ancillary(means: Means) -> bytes:
    return pack(">8hIB", *(means.dice.magnitude(-0x8000, 0x7FFF) for _ in range(8)), means.dice.whole(0, _U32), 0)


def _authorisation(means: Means) -> bytes:
    return bytes((means.dice.whole(0, 4),)) + _cuc(means) + _cuc(means) + pack(">I", means.dice.whole(0, _U32))


def _credit(means: Means) -> bytes:
    return pack(">BI", means.dice.whole(0, 7), means.dice.magnitude(0, _U32))


def _safe(means: Means) -> bytes:
    return pack(">HB", means.dice.magnitude(0, _U16), means.dice.whole(0, 255))


SAYS: Final[dict[int, Callable[[Means], bytes]]] = {
    0x010: _heartbeat, 0x011: _time, 0x012: _mode, 0x013: _notice, 0x014: _power,
    0x015: _link, 0x017: _ancillary, 0x018: _authorisation, 0x019: _credit, 0x01A: _safe,
}  # fmt: skip
"""What it says, by APID."""


def say(means: Means, apid: int) -> bytes:
    """One message in a frame of its own."""
    packet = forging.lander_packet(apid, SAYS[apid](means), means.dice.whole(0, _COUNT_MAX))
    return tc_frame(BYPASS, LANDER_VCID, 0, packet)


def answer(means: Means) -> list[bytes]:
    """Some messages, any."""
    apids = tuple(SAYS)
    return [say(means, means.dice.pick(apids)) for _ in range(means.dice.whole(1, 6))]


def replay_services(means: Means) -> list[bytes]:
    """What the lander has said, old times among it, once more."""
    heard = list(means.tap.services)[-means.dice.whole(1, 20) :]
    return [tc_frame(BYPASS, LANDER_VCID, 0, tc.data) for tc in heard]


def commands_for_it(means: Means) -> list[bytes]:
    """Telecommands on the lander's channel, clear and as they were heard protected."""
    count = means.dice.whole(0, _COUNT_MAX)
    clear = (
        forging.set_parameter(means.dice.whole(0, _U32), count),
        forging.telecommand(0x020, 17, 1, b"", count),
        forging.summed(forging.telecommand(means.dice.pick((0x010, 0x011, 0x01A, 0x020)), 17, 1, b"", count)[:-2]),
    )
    heard = [means.any_command.data] if means.tap.commands else []
    return [tc_frame(BYPASS, LANDER_VCID, 0, data) for data in (means.dice.pick(clear), *heard)]


def nonsense(means: Means) -> list[bytes]:
    """Messages that are cut, too long, of no APID, of chance."""
    apid = means.dice.pick((*SAYS, 0x016, 0x01B, 0x01F))
    packets = (
        forging.lander_packet(apid, means.octets(0, 60), 0),
        forging.lander_packet(apid, means.octets(1, 9), 0)[:-3],
        means.octets(1, 200),
    )
    return [tc_frame(BYPASS, LANDER_VCID, 0, packet) for packet in packets]
