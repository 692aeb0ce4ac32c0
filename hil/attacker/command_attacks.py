"""Attacks with the ground's frames and without: repeated, reordered, cut, spliced, flipped, signed with other keys.

A maker takes `Means` and gives frames; whether they come in on the ground's way or on the line is not its choice.
"""

from binascii import crc_hqx
from typing import Final

from hil.attacker import forging
from hil.attacker.blow import Means
from hil.attacker.forging import AD, BC, BYPASS, IV_MAX, MAC, RESERVED, SDLS_HEADER, SPI_TC, tc_frame
from hil.attacker.wiretap import Tc

BURST_MAX: Final = 24
UNLOCK: Final = b"\x00"
_COUNT_MAX: Final = 0x3FFF


def set_v_r(v_r: int) -> bytes:
    """The control command."""
    return bytes((0x82, 0, v_r & 255))


def again(tc: Tc, *, flags: int = BYPASS, data: bytes | None = None, vcid: int | None = None) -> bytes:
    """A heard frame with other flags, data or channel, its checksum right."""
    return tc_frame(flags, tc.vcid if vcid is None else vcid, tc.n_s, tc.data if data is None else data)


def bd(data: bytes, vcid: int = 0) -> bytes:
    """A frame that FARM-1 lets through."""
    return tc_frame(BYPASS, vcid, 0, data)


# --- repeated ---------------------------------------------------------------------------------------------------------


def replay_newest(means: Means) -> list[bytes]:
    """The newest command once more."""
    return [means.command.octets]


def replay_old(means: Means) -> list[bytes]:
    """Any other."""
    return [means.any_command.octets]


def replay_burst(means: Means) -> list[bytes]:
    """All that was said lately, directives too, in its order."""
    heard = sorted((*means.tap.commands, *means.tap.directives), key=lambda tc: tc.at_us)
    return [tc.octets for tc in heard[-means.dice.whole(2, BURST_MAX) :]]


def replay_fitted(means: Means) -> list[bytes]:
    """FARM-1 is moved back to a heard frame's number, so that it lets that one through."""
    tc = means.any_command
    return [tc_frame(BC, 0, 0, UNLOCK), tc_frame(BC, 0, 0, set_v_r(tc.n_s)), tc.octets]


def replay_bypassing(means: Means) -> list[bytes]:
    """The protected field of a heard frame in a BD frame."""
    return [again(means.any_command)]


def held_back(means: Means) -> list[bytes]:
    """The receiver is moved, so that it discards the ground's newest frame; its field then comes as BD, soon or late.

    The ground sends what was discarded again, protected anew: both would be good.
    """
    tc = means.command
    moved = tc_frame(BC, 0, 0, set_v_r(tc.n_s + means.dice.pick((-3, 1))))
    return [moved, *(again(tc) for _ in range(means.dice.whole(1, 2)))]


def reorder(means: Means) -> list[bytes]:
    """Heard frames in another order, as BD so that each is looked at."""
    left = list(means.tap.commands)[-means.dice.whole(2, BURST_MAX) :]
    out = []
    while left:
        out.append(again(left.pop(means.dice.whole(0, len(left) - 1))))
    return out


def renumbered(means: Means) -> list[bytes]:
    """A heard frame under the number that comes next: the sequence number is not authenticated."""
    return [tc_frame(AD, 0, means.tap.v_r, means.any_command.data)]


# --- cut and joined ---------------------------------------------------------------------------------------------------


def truncate(means: Means) -> list[bytes]:
    """The front of a protected field, in a frame of its own whose length and checksum are right."""
    data = means.any_command.data
    return [bd(data[: means.dice.whole(1, len(data) - 1)])]


def beheaded(means: Means) -> list[bytes]:
    """The rear of one."""
    data = means.any_command.data
    return [bd(data[means.dice.whole(1, len(data) - 1) :])]


def splice_halves(means: Means) -> list[bytes]:
    """The head of one field and the tail of another."""
    one, other = means.any_command.data, means.any_command.data
    return [bd(one[: means.dice.whole(1, len(one) - 1)] + other[means.dice.whole(1, len(other) - 1) :])]


def splice_counter(means: Means) -> list[bytes]:
    """A heard field under a counter that was not used yet."""
    tc = means.any_command
    return [bd(tc.data[:2] + (means.iv(means.command) & IV_MAX).to_bytes(12, "big") + tc.data[SDLS_HEADER:])]


def splice_channel(means: Means) -> list[bytes]:
    """A field of VC 0 on VC 1, its SPI as it was or changed with the channel."""
    data = means.any_command.data
    spi = means.dice.pick((SPI_TC, SPI_TC + 1))
    return [bd(spi.to_bytes(2, "big") + data[2:], 1)]


def splice_packets(means: Means) -> list[bytes]:
    """Two fields in one frame, and a clear packet behind a field."""
    one, other = means.any_command.data, means.any_command.data
    clear = forging.set_parameter(means.dice.whole(0, 1 << 32), means.dice.whole(0, _COUNT_MAX))
    return [bd(one + other), bd(one + clear), bd(one[:SDLS_HEADER] + clear + one[-MAC:])]


# --- flipped ----------------------------------------------------------------------------------------------------------


def _flip(means: Means, low: int, high: int) -> list[bytes]:
    tc = means.any_command
    return [bd(forging.flipped(tc.data, means.bits(8 * low, 8 * (high if high > 0 else len(tc.data) + high))))]


def flip_spi(means: Means) -> list[bytes]:
    """Bits of the SPI."""
    return _flip(means, 0, 2)


def flip_iv(means: Means) -> list[bytes]:
    """Bits of the counter: it may be above the mark then."""
    return _flip(means, 2, SDLS_HEADER)


def flip_data(means: Means) -> list[bytes]:
    """Bits of what is encrypted."""
    return _flip(means, SDLS_HEADER, -MAC)


def flip_mac(means: Means) -> list[bytes]:
    """Bits of the MAC."""
    tc = means.any_command
    return [bd(forging.flipped(tc.data, means.bits(8 * (len(tc.data) - MAC), 8 * len(tc.data))))]


def flip_mended(means: Means) -> list[bytes]:
    """Bits of the telecommand inside, its own checksum made right: who only looked at that would execute another one.

    The cipher is a stream and the checksum is linear, so both can be done without a key. The counter is a new one in
    half of them: then the octets inside are those of chance.
    """
    data = means.command.data
    size = len(data) - SDLS_HEADER - MAC
    if size < 14:
        return _flip(means, SDLS_HEADER, -MAC)
    change = forging.flipped(bytes(size - 2), means.bits(8 * 2, 8 * (size - 2)))
    change += crc_hqx(change, 0).to_bytes(2, "big")
    inside = bytes(a ^ b for a, b in zip(data[SDLS_HEADER:-MAC], change, strict=True))
    head = data[:SDLS_HEADER]
    if means.dice.chance(500_000_000):
        head = data[:2] + (means.iv(means.command) & IV_MAX).to_bytes(12, "big")
    return [bd(head + inside + data[-MAC:])]


# --- signed -----------------------------------------------------------------------------------------------------------


def _own_command(means: Means) -> bytes:
    """A telecommand of the attacker's own."""
    dice = means.dice
    count = dice.whole(0, _COUNT_MAX)
    own = (
        forging.set_parameter(dice.whole(0, (1 << 32) - 1), count),
        forging.telecommand(dice.pick((0x020, 0x021, 0x022)), 17, 1, b"", count),
        forging.telecommand(0x020, 8, 1, means.octets(2, 12), count),
    )
    return dice.pick(own)


def old_key(means: Means) -> list[bytes]:
    """A command of one's own, signed with the key of a generation before, above the mark."""
    iv = means.dice.pick((means.iv(means.command), IV_MAX)) if means.tap.commands else means.dice.magnitude(0, IV_MAX)
    return [bd(forging.protected_tc(means.loot.old, SPI_TC, 0, iv & IV_MAX, _own_command(means)))]


def other_key(means: Means) -> list[bytes]:
    """The same with the key of another association: under the SPI of VC 0, and under its own on VC 0."""
    spi, key = means.dice.pick(means.loot.others)
    iv = means.dice.magnitude(0, IV_MAX)
    packet = _own_command(means)
    return [bd(forging.protected_tc(key, one, 0, iv, packet)) for one in (SPI_TC, spi)]


def signed_for_another_channel(means: Means) -> list[bytes]:
    """The same, authenticated for VC 1 and sent on VC 0: the channel is part of what a MAC covers."""
    key = dict(means.loot.others).get(SPI_TC + 1, means.loot.old)
    return [bd(forging.protected_tc(key, SPI_TC, 1, means.dice.magnitude(0, IV_MAX), _own_command(means)))]


def highest_counter(means: Means) -> list[bytes]:
    """Counters at the end of their range with a false MAC: none may move the mark."""
    iv = IV_MAX - means.dice.magnitude(0, 1 << 32)
    packet = _own_command(means)
    return [bd(SPI_TC.to_bytes(2, "big") + iv.to_bytes(12, "big") + packet + means.octets(MAC, MAC))]


# --- clear ------------------------------------------------------------------------------------------------------------


def clear_bd(means: Means) -> list[bytes]:
    """Commands as on a clear link."""
    return [bd(_own_command(means)) for _ in range(means.dice.whole(1, 4))]


def clear_ad(means: Means) -> list[bytes]:
    """The same under the number that comes next."""
    return [tc_frame(AD, 0, means.tap.v_r, _own_command(means))]


def short(means: Means) -> list[bytes]:
    """Fields that are shorter than what protects them."""
    return [bd(SPI_TC.to_bytes(2, "big") + means.octets(0, SDLS_HEADER + MAC - 2)), bd(means.octets(1, 1))]


def unlock(means: Means) -> list[bytes]:
    """A receiver is locked by a frame far ahead, and unlocked; or only one of the two."""
    ahead = tc_frame(AD, 0, means.tap.v_r + means.dice.whole(10, 245), means.octets(1, 60))
    return means.dice.pick(([ahead], [tc_frame(BC, 0, 0, UNLOCK)], [ahead, tc_frame(BC, 0, 0, UNLOCK)]))


def move_v_r(means: Means) -> list[bytes]:
    """V(R) is set, to any value."""
    return [tc_frame(BC, 0, 0, set_v_r(means.dice.whole(0, 255))) for _ in range(means.dice.whole(1, 3))]


def no_directive(means: Means) -> list[bytes]:
    """Control frames that say nothing that there is; and one on a channel without FARM-1."""
    return [tc_frame(BC, 0, 0, b"\x83" + means.octets(0, 8)), tc_frame(BC, 1, 0, UNLOCK)]


def wrong_header(means: Means) -> list[bytes]:
    """Another spacecraft, a reserved type, a version, a spare bit: frames for nobody."""
    data = means.octets(1, 60)
    frames = [
        tc_frame(BYPASS, 0, 0, data, means.dice.pick((0, 41, 43, 1023))),
        tc_frame(RESERVED, 0, 0, data),
        forging.summed(forging.flipped(bd(data)[:-2], (means.dice.whole(0, 1),))),
        forging.summed(forging.flipped(bd(data)[:-2], (means.dice.whole(4, 5),))),
    ]
    return [means.dice.pick(frames)]


def wrong_channel(means: Means) -> list[bytes]:
    """A channel that there is not, and AD where only BD is served."""
    data = means.tap.commands[-1].data if means.tap.commands else means.octets(1, 60)
    return [tc_frame(BYPASS, means.dice.whole(3, 63), 0, data), tc_frame(AD, 1, 0, data)]
