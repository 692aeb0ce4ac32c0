"""Attacks with octets of the line, for who sits between lander and payload: half units, damaged ones, noise, floods.

A maker takes `Means` and gives pieces of octets that come one after the other without a gap.
"""

from typing import Final

from fsw.ccsds.cltu import BLOCK_OCTETS, START, TAIL
from hil.attacker import command_attacks, false_lander, forging
from hil.attacker.blow import Means
from hil.attacker.forging import unit

FLOOD_OCTETS_MAX: Final = 36_000
"""Of one flood, well under what the line's buffer holds: 3.1 s at 115 200 baud."""
FLOOD_FRAMES: Final = (60, 300)
NOISE_MAX: Final = 3_000


def cut_unit(means: Means) -> list[bytes]:
    """A heard CLTU up to any octet, and right behind it a whole one that is to be refused."""
    tc = means.any_command
    octets = unit(tc.octets)
    cut = octets[: means.dice.whole(1, len(octets) - 1)]
    return [cut, unit(command_attacks.again(tc))] if means.dice.chance(500_000_000) else [cut]


def cut_frame(means: Means) -> list[bytes]:
    """A CLTU around the front of a frame whose length field still says the whole, or whose checksum is wrong."""
    octets = means.any_command.octets
    part = octets[: means.dice.whole(8, len(octets) - 1)]
    resized = (part[2] << 8 & 0xFC00 | len(part) - 1).to_bytes(2, "big")
    return [unit(means.dice.pick((part, part[:2] + resized + part[4:])))]


def joined_units(means: Means) -> list[bytes]:
    """The head of one CLTU and the tail of another."""
    one, other = unit(means.any_command.octets), unit(means.any_command.octets)
    return [one[: means.dice.whole(2, len(one) - 1)] + other[means.dice.whole(0, len(other) - 1) :]]


def damaged_unit(means: Means) -> list[bytes]:
    """Bits of a CLTU are flipped: one in a block is corrected, more are not, all of it is old anyway."""
    octets = unit(means.any_command.octets)
    return [forging.flipped(octets, means.bits(16, 8 * len(octets), 12))]


def noise(means: Means) -> list[bytes]:
    """Octets of chance, strewn with start sequences and tails."""
    marks = (START, TAIL, START + START, b"\x55" * BLOCK_OCTETS)
    return [
        means.dice.pick(marks) if means.dice.chance(200_000_000) else means.octets(1, 60)
        for _ in range(means.dice.whole(1, NOISE_MAX // 60))
    ]


def promised(means: Means) -> list[bytes]:
    """The head of the longest frame there is, and nothing behind: a receiver must not wait for it."""
    head = forging.tc_frame(forging.BYPASS, 0, 0, bytes(1017))[:14]
    return [unit(head)[: -len(TAIL)]] * means.dice.whole(1, 3)


def _flood(means: Means, frames: list[bytes]) -> list[bytes]:
    """The frames over and over, as far as a flood goes."""
    units = [unit(frame) for frame in frames]
    out: list[bytes] = []
    octets = 0
    for number in range(means.dice.whole(*FLOOD_FRAMES)):
        piece = units[number % len(units)]
        octets += len(piece)
        if octets > FLOOD_OCTETS_MAX:
            break
        out.append(piece)
    return out


def flood_replays(means: Means) -> list[bytes]:
    """Hundreds of heard frames, as BD, each of which has to be looked at."""
    return _flood(means, [command_attacks.again(tc) for tc in means.tap.commands])


def flood_forged(means: Means) -> list[bytes]:
    """Hundreds of frames with a false MAC and higher and higher counters."""
    return _flood(means, [command_attacks.old_key(means)[0] for _ in range(8)])


def flood_clear(means: Means) -> list[bytes]:
    """Hundreds of clear commands and control frames."""
    makers = (command_attacks.clear_bd, command_attacks.move_v_r, command_attacks.unlock)
    return _flood(means, [frame for maker in makers for frame in maker(means)])


def flood_lander(means: Means) -> list[bytes]:
    """Hundreds of lander messages, right and wrong."""
    return _flood(means, [false_lander.answer(means)[0] for _ in range(12)] + false_lander.nonsense(means))


def flood_mixed(means: Means) -> list[bytes]:
    """All of it, with halves and noise between."""
    tc = means.any_command
    frames = [tc.octets, *command_attacks.clear_bd(means), *command_attacks.other_key(means)]
    pieces = _flood(means, [*frames, *command_attacks.wrong_channel(means), *false_lander.nonsense(means)])
    for _ in range(means.dice.whole(1, 8)):
        at = means.dice.whole(0, len(pieces) - 1)
        pieces[at] = means.octets(1, 80) + pieces[at][: means.dice.whole(0, len(pieces[at]))]
    return pieces


def flood_frames(means: Means) -> list[bytes]:
    """Hundreds of frames of every sort, each a datagram of its own where they go the ground's way."""
    frames = [tc.octets for tc in list(means.tap.commands)[-8:]]
    for maker in (command_attacks.clear_bd, command_attacks.old_key, command_attacks.other_key):
        frames += maker(means)
    many = [frames[n % len(frames)] for n in range(means.dice.whole(*FLOOD_FRAMES))]
    octets, kept = 0, []
    for frame in many:
        octets += len(unit(frame))
        if octets > FLOOD_OCTETS_MAX:
            break
        kept.append(frame)
    return kept
