"""On a protected link what comes clear is nobody's word: only the control word of idle frames is heard."""

import struct
from binascii import crc_hqx

import pytest

from fsw.ccsds.depacketizer import PacketReceived
from fsw.ccsds.sdls import on_ground
from fsw.kernel.key import Key
from tools.ground.downlink import ControlWord, Downlink, FrameRejected

KEYS = {spi: Key(bytes([spi]) * 32) for spi in (0x20, 0x21, 0x23)}
PACKET = struct.pack(">HHH", 0x0820, 0xC000, 3) + b"word"


def frame(vcid: int, fhp: int = 0) -> bytes:
    data = PACKET + struct.pack(">HHH", 0x07FF, 0xC000, 434 - 10 - 7) + bytes(434 - 10 - 6)
    head = struct.pack(">HBBH", 42 << 4 | vcid << 1 | 1, 0, 0, 0x1800 | fhp)
    octets = head + data + struct.pack(">I", 0x0100_0007)
    return octets + struct.pack(">H", crc_hqx(octets, 0xFFFF))


@pytest.mark.proves("K-SEC-024")
@pytest.mark.parametrize("vcid", range(7))
def test_no_clear_frame_is_taken(vcid: int) -> None:
    downlink = Downlink(42, protection=on_ground(KEYS))
    (found,) = downlink.receive(frame(vcid))
    assert isinstance(found, FrameRejected)
    assert (downlink.frames_good, downlink.frames_bad) == (0, 1)


@pytest.mark.proves("K-SEC-024")
def test_the_word_of_an_idle_frame_is_heard() -> None:
    downlink = Downlink(42, protection=on_ground(KEYS))
    assert downlink.receive(frame(7, 0x7FE)) == [ControlWord(0x0100_0007)]


def test_a_clear_link_takes_them() -> None:
    found = Downlink(42).receive(frame(2))
    assert PacketReceived(2, PACKET) in found
