"""SDLS by another implementation: the Book's two procedures over whole frames, with PyCryptodome's AES and GHASH.

Ours never sees a whole frame, only what the masks leave of one; here the masks of 355.0-B are applied to all octets
from the frame's first to the security header's last, as they stand in the Book. OpenSSL has no part in it.
"""

from typing import NamedTuple

import pytest
from Crypto.Cipher import AES
from Crypto.Cipher._mode_gcm import GcmMode
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds import sdls, tc_frame, tm_frame
from fsw.ccsds.sdls import SdlsReject
from fsw.ccsds.tc_frame import TcFrame
from fsw.ccsds.tm_frame import TmFrame
from fsw.kernel.key import Key, Keys, by_table

SCID = 42
TM_OCTETS = 446
TC_MASK = bytes.fromhex("0000fc0000ffff" + 12 * "00")
TM_MASK = bytes.fromhex("000e00000000ffff" + 12 * "00")
KEYS = {spi: Key(bytes([spi]) * 32) for spi in sdls.SPIS}
COUNTERS = st.integers(0, sdls.IV_END - 2)
COUNTS = st.tuples(*3 * (st.integers(0, 255),))
DATA_FIELDS = st.binary(min_size=404, max_size=404)


class Association(NamedTuple):
    """What both ends have agreed on."""

    spi: int
    key: bytes
    mask: bytes
    encrypts: bool

    def _cipher(self, header: bytes, iv: bytes) -> GcmMode:
        cipher = AES.new(self.key, AES.MODE_GCM, nonce=iv, mac_len=16)
        cipher.update(bytes(octet & mask for octet, mask in zip(header, self.mask, strict=True)))
        return cipher

    def apply(self, primary: bytes, counter: int, data: bytes) -> bytes:
        """ApplySecurity: the frame from its first octet to the security trailer's last."""
        iv = counter.to_bytes(12, "big")
        header = primary + self.spi.to_bytes(2, "big") + iv
        cipher = self._cipher(header, iv)
        if self.encrypts:
            return header + cipher.encrypt(data) + cipher.digest()
        cipher.update(data)
        return header + data + cipher.digest()

    def process(self, primary: bytes, field: bytes) -> bytes | None:
        """ProcessSecurity: the data, or None for a frame that is not authentic."""
        iv, body, mac = field[2:14], field[14:-16], field[-16:]
        cipher = self._cipher(primary + field[:14], iv)
        try:
            if self.encrypts:
                return bytes(cipher.decrypt_and_verify(body, mac))
            cipher.update(body)
            cipher.verify(mac)
        except ValueError:
            return None
        return body


def keys_of(spi: int, *, signs: bool) -> Keys:
    return by_table(KEYS, (spi,) if signs else ())


def tc_primary(vcid: int, bypass: bool, data_octets: int, n_s: int) -> bytes:
    length = 5 + data_octets + 2 - 1
    word = bypass << 13 | SCID
    return word.to_bytes(2, "big") + (vcid << 10 | length).to_bytes(2, "big") + bytes((n_s,))


def tm_primary(vcid: int, mcfc: int, vcfc: int, fhp: int) -> bytes:
    return (SCID << 4 | vcid << 1 | 1).to_bytes(2, "big") + bytes((mcfc, vcfc)) + (3 << 11 | fhp).to_bytes(2, "big")


@pytest.mark.proves("K-SEC-001")
@given(
    st.sampled_from((0, 1)),
    st.booleans(),
    COUNTERS,
    st.integers(0, 255),
    st.binary(min_size=1, max_size=987),
    st.booleans(),
)
def test_telecommands_go_both_ways(vcid: int, bypass: bool, counter: int, n_s: int, data: bytes, signs: bool) -> None:
    spi = 0x10 + vcid
    other = Association(spi, KEYS[spi].octets, TC_MASK, not signs)
    primary = tc_primary(vcid, bypass, len(data) + 30, n_s)
    keys = keys_of(spi, signs=signs)

    theirs = tc_frame.decode(_checked(other.apply(primary, counter, data)), SCID)
    assert isinstance(theirs, TcFrame)
    assert (theirs.vcid, theirs.bypass, theirs.n_s) == (vcid, bypass, n_s)
    assert sdls.on_board(keys).check(vcid, theirs.data) == data

    ground = sdls.on_ground(keys)
    ground.senders[vcid].begin(counter, counter + 1)
    ours = tc_frame.encode(TcFrame(SCID, vcid, bypass, False, n_s, ground.protect(vcid, data)))
    assert ours[:5] == primary
    assert other.process(ours[:5], ours[5:-2]) == data
    assert ours == _checked(other.apply(primary, counter, data))


@pytest.mark.proves("K-SEC-001")
@given(st.sampled_from((0, 1, 3)), COUNTERS, COUNTS, DATA_FIELDS, st.booleans())
def test_telemetry_goes_both_ways(vcid: int, counter: int, counts: tuple[int, ...], data: bytes, signs: bool) -> None:
    spi = 0x20 + vcid
    other = Association(spi, KEYS[spi].octets, TM_MASK, not signs)
    mcfc, vcfc, fhp = counts
    clcw = 0x0100_0000
    primary = tm_primary(vcid, mcfc, vcfc, fhp)
    keys = keys_of(spi, signs=signs)

    sent = _checked(other.apply(primary, counter, data) + clcw.to_bytes(4, "big"))
    assert len(sent) == TM_OCTETS
    theirs = tm_frame.decode(sent, SCID, TM_OCTETS)
    assert isinstance(theirs, TmFrame)
    assert sdls.on_ground(keys).check(vcid, theirs.data) == data

    board = sdls.on_board(keys)
    board.senders[vcid].begin(counter, counter + 1)
    ours = tm_frame.encode(TmFrame(SCID, vcid, mcfc, vcfc, fhp, board.protect(vcid, data), clcw))
    assert ours[:6] == primary
    assert other.process(ours[:6], ours[6:-6]) == data
    assert ours == sent


@pytest.mark.proves("K-SEC-001")
@given(st.integers(0, 30 + 40 - 1), st.integers(0, 7), st.booleans())
def test_what_one_refuses_the_other_refuses(at: int, bit: int, signs: bool) -> None:
    other = Association(0x10, KEYS[0x10].octets, TC_MASK, not signs)
    primary = tc_primary(0, True, 30 + 40, 0)
    field = bytearray(other.apply(primary, 7, bytes(40))[5:])
    field[at] ^= 1 << bit
    assert other.process(primary, bytes(field)) is None
    found = sdls.on_board(keys_of(0x10, signs=signs)).check(0, bytes(field))
    assert found in ((SdlsReject.SPI, SdlsReject.CHANNEL) if at < 2 else (SdlsReject.MAC,))


def _checked(frame: bytes) -> bytes:
    """With the frame error control behind it: CRC-16, 0x1021 from 0xFFFF, bit by bit."""
    crc = 0xFFFF
    for octet in frame:
        crc ^= octet << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return frame + crc.to_bytes(2, "big")
