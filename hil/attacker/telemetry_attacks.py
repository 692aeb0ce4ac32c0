"""Attacks on the ground: frames of telemetry in the payload's name, so that it believes what is not.

A maker takes `Means` and gives TM frames as they come to the ground's receiver, one a datagram.
"""

from struct import pack
from typing import Final

from hil.attacker import forging
from hil.attacker.blow import Means
from hil.attacker.forging import IV_MAX, MAC, SDLS_HEADER, SPI_TM, tm_frame
from hil.attacker.wiretap import IDLE_VCID, Tm

_IDLE_FHP: Final = 0x7FE
_U32: Final = 0xFFFF_FFFF
COMPLETED: Final = 7
STAGES: Final = (1, 3, 7, 2, 4, 8)
_OVERHEAD: Final = 12


def word(means: Means, *, wait: bool = False) -> int:
    """A control word with any V(R), and with flags or without."""
    dice = means.dice
    v_r = dice.pick((dice.whole(0, 255), 0, means.tap.v_r, means.tap.v_r + 1)) & 255
    flags = dice.pick((0, 0x2000, 0x0800, 0x2800)) | (0x1000 if wait else 0)
    return 0x0100_0000 | flags | dice.whole(0, 3) << 9 | v_r


def _counts(means: Means) -> tuple[int, int]:
    newest = means.tap.newest
    return (0, 0) if newest is None else (newest.mcfc + 1 & 255, means.dice.whole(0, 255))


def _frame(means: Means, vcid: int, data: bytes, fhp: int = 0) -> bytes:
    size = means.tap.tm_frame_octets - _OVERHEAD
    return tm_frame(vcid, _counts(means), fhp, forging.idle_to(data, size), word(means))


def _pending(means: Means) -> bytes:
    """Request id of what an operator waits for: the attacker cannot read it, and guesses."""
    return pack(">HH", 0x1820, 0xC000 | means.dice.whole(0, 400))


def control_words(means: Means) -> list[bytes]:
    """Idle frames are clear: control words of one's own in them."""
    size = means.tap.tm_frame_octets - _OVERHEAD
    return [
        tm_frame(IDLE_VCID, _counts(means), _IDLE_FHP, b"\x55" * size, word(means, wait=means.dice.chance(300_000_000)))
        for _ in range(means.dice.whole(1, 3))
    ]


def clear_reports(means: Means) -> list[bytes]:
    """Verification, an event and a time in clear on the channel of live telemetry and on that of what is replayed."""
    packets = b"".join(forging.report(0x020, 1, means.dice.pick(STAGES), _pending(means), n) for n in range(4))
    booted = forging.report(0x020, 5, 1, pack(">HIB", 1, means.dice.whole(0, 99), 0) + bytes(20))
    time = forging.summed(pack(">HHH", 0, 0xC000, 10) + b"\x04\x1e" + pack(">IH", means.dice.whole(0, _U32), 0) + b"\2")
    return [_frame(means, vcid, packets + booted + time) for vcid in (0, 3)]


def reports_for_the_lander(means: Means) -> list[bytes]:
    """The same on the lander's channel, which is clear; the lander keeps that for itself: the ground takes none."""
    return [_frame(means, 2, frame[6:-6]) for frame in clear_reports(means)[:1]]


def signed_with_an_old_key(means: Means) -> list[bytes]:
    """A completion, protected with a key of a generation before, or with that of another association."""
    room = means.tap.tm_frame_octets - _OVERHEAD - SDLS_HEADER - MAC
    packets = forging.idle_to(forging.report(0x020, 1, COMPLETED, _pending(means)), room)
    iv = means.dice.magnitude(0, IV_MAX)
    keys = [(SPI_TM, means.loot.old), (SPI_TM + 3, means.loot.old)]
    keys += [(one, key) for spi, key in means.loot.others if spi != SPI_TM for one in (SPI_TM, spi)]
    return [tm_frame(0, _counts(means), 0, forging.protected(key, spi, iv, packets, bytes(6)), 0) for spi, key in keys]


def replayed_telemetry(means: Means) -> list[bytes]:
    """Heard frames once more, as they were and under other counters."""
    heard = [means.dice.pick(tuple(means.tap.telemetry)) for _ in range(means.dice.whole(1, 12))]
    return [tm.octets for tm in heard] + [_again(means, tm, tm.data) for tm in heard[:2]]


def _again(means: Means, tm: Tm, data: bytes) -> bytes:
    return tm_frame(tm.vcid, _counts(means), tm.fhp if tm.fhp >= _IDLE_FHP else 0, data, word(means))


def flipped_telemetry(means: Means) -> list[bytes]:
    """Bits of a heard frame's field, its checksum right."""
    tm = means.report
    return [_again(means, tm, forging.flipped(tm.data, means.bits(0, 8 * len(tm.data)))) for _ in range(3)]


def moved_telemetry(means: Means) -> list[bytes]:
    """A heard field on another channel, with its SPI and with that channel's."""
    tm = means.report
    vcid = means.dice.pick(tuple(one for one in (0, 1, 3) if one != tm.vcid))
    data = (SPI_TM + vcid).to_bytes(2, "big") + tm.data[2:]
    return [tm_frame(vcid, _counts(means), 0, one, word(means)) for one in (tm.data, data)]


def overtaking_word(means: Means) -> list[bytes]:
    """The payload's newest frame with another control word, before the frame itself: no MAC covers the word.

    What is inside is the payload's own; the frame that was overtaken is a repetition then.
    """
    tm = means.report
    return [tm_frame(tm.vcid, (tm.mcfc, tm.vcfc), tm.fhp, tm.data, word(means))]


def rubbish(means: Means) -> list[bytes]:
    """Datagrams that are no frame of ours."""
    newest = means.tap.newest
    heard = b"\x02\xaf" + bytes(40) if newest is None else newest.octets
    return [
        means.octets(1, 300),
        heard[: means.dice.whole(1, len(heard) - 1)],
        forging.flipped(heard, means.bits(0, 8 * len(heard))),
        forging.summed(forging.flipped(heard[:-2], means.bits(0, 48))),
    ]
