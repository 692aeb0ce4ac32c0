"""What each datagram that comes to the ground must cost, by the Books and the contract: a plain second reading."""

from binascii import crc_hqx
from collections import Counter
from typing import Final

from hil.siege.book import Ledger

GOOD: Final = "good"
FRAME: Final = "ground_frame"
"""It is no frame of this link, or of a channel that is not the ground's."""
SDLS: Final = "ground_sdls"
"""It is not authentic, or was taken already."""
_PROTECTED: Final = (0, 1, 3)
_IDLE: Final = 7
_FHP_IDLE: Final = 0x7FE
_TRAILER: Final = 6
_HEADER: Final = 6


class GroundBook:
    """Says of datagram after datagram what becomes of it; `ledger` knows what the payload has emitted."""

    def __init__(self, ledger: Ledger, scid: int, tm_frame_octets: int) -> None:
        self._ledger = ledger
        self._octets = tm_frame_octets
        self._word = scid << 4 | 1
        self.counts: Counter[str] = Counter()

    def take(self, datagram: bytes) -> str:
        """A datagram has come."""
        word = self._judge(datagram)
        self.counts[word] += 1
        return word

    def _judge(self, datagram: bytes) -> str:
        if len(datagram) != self._octets or crc_hqx(datagram, 0xFFFF):
            return FRAME
        first, status = int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[4:6], "big")
        field = datagram[_HEADER:-_TRAILER]
        if first & 0xFFF1 != self._word or status & 0xF800 != 0x1800:
            return FRAME
        if len(field) <= status & 0x7FF < _FHP_IDLE:
            return FRAME
        vcid = first >> 1 & 7
        if vcid == _IDLE:
            return GOOD
        if vcid not in _PROTECTED:
            return FRAME
        taken = self._ledger.knows(vcid, field) and not self._ledger.take(vcid, field)
        return GOOD if taken else SDLS
