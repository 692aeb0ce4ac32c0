"""What each frame that reaches a protected payload must cost, by the Books and the contract: a plain second reading.

No key and no cipher: whether a field is authentic is known from the ground's own mouth, which says what it has sent.
FARM-1 stands in sentences here, with its buffers always free. One `Book` is one life of the payload; the marks outlive
it in the `Ledger`.
"""

from collections import Counter
from typing import Final

from fsw.ccsds.tc_frame import TcFrame

TAKEN: Final = "taken"
CARRIED_OUT: Final = "carried out"
LANDER: Final = "for the lander's services"
_HALF: Final = 10
"""Of FARM-1's window (contract, section 2)."""
_SPI: Final = {0: 0x10, 1: 0x11}
_SHORTEST: Final = 31
_KEPT: Final = 4096
_IV: Final = slice(2, 14)
_SAYS_MORE: Final = b"KA"
"""An IV that begins so: a counter of 7 octets, a bit of service, 23 bits that say how long ago the data left first."""
_COUNTER: Final = slice(4, 11)
_SERVICE: Final = 11
_BACK: Final = slice(11, 14)


class Ledger:
    """What the owner of a direction has truly sent, and how far it was taken, by virtual channel."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, bytes], None] = {}
        self.mark: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._newest: dict[int, int] = {}

    def send(self, vcid: int, field: bytes) -> None:
        """A protected field has left its owner."""
        self._sent[vcid, field] = None
        if len(self._sent) > _KEPT:
            del self._sent[next(iter(self._sent))]

    def knows(self, vcid: int, field: bytes) -> bool:
        """Whether its owner has sent it."""
        return (vcid, field) in self._sent

    def take(self, vcid: int, field: bytes, *, bypass: bool = True) -> str:
        """Why an authentic field may not be taken; empty when it is: then nothing below it is from now on."""
        iv = int.from_bytes(field[_IV], "big")
        if iv <= self.mark.get(vcid, -1):
            return "sdls_replayed"
        if field[_IV].startswith(_SAYS_MORE):
            if bool(field[_SERVICE] & 0x80) != bypass:
                return "sdls_other_service"
            if not bypass and _first(field) <= self._first.get(vcid, -1):
                return "sdls_taken_before"
            if not bypass:
                self._first[vcid] = _first(field)
        self.mark[vcid] = iv
        self._newest[vcid] = int.from_bytes(field[_COUNTER], "big")
        return ""

    def begin(self) -> None:
        """A new life of who takes: what left for the first time before the newest that was taken is not taken again."""
        self._first = dict(self._newest)


def _first(field: bytes) -> int:
    """The counter under which the data of an AD frame left first."""
    back = int.from_bytes(field[_BACK], "big") & 0x7F_FFFF
    return int.from_bytes(field[_COUNTER], "big") - back


class Book:
    """Says of frame after frame what it costs, and counts that by the names of the payload's counters."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.counts: Counter[str] = Counter()
        self.v_r = 0
        self.locked = False

    def take(self, frame: TcFrame) -> str:
        """A valid frame has come whole."""
        word = self._judge(frame)
        self.counts[word] += 1
        return word

    def _judge(self, frame: TcFrame) -> str:
        if frame.vcid > 2:
            return "tc_channel_unknown"
        if frame.vcid:
            if frame.control or not frame.bypass:
                return "tc_service_not_on_channel"
            return LANDER if frame.vcid == 2 else self._authentic(frame)
        if frame.control:
            return self._directive(frame.data)
        refusal = "" if frame.bypass else self._sequence(frame.n_s)
        return refusal or self._authentic(frame)

    def _directive(self, data: bytes) -> str:
        if data == b"\x00":
            self.locked = False
            return CARRIED_OUT
        if len(data) == 3 and data[:2] == b"\x82\x00":
            if not self.locked:
                self.v_r = data[2]
            return CARRIED_OUT
        return "farm_directive_invalid"

    def _sequence(self, n_s: int) -> str:
        """Why FARM-1 does not let an AD frame through; empty when it does."""
        ahead = (n_s - self.v_r) % 256
        if self.locked:
            return "farm_locked_out"
        if ahead == 0:
            self.v_r = (self.v_r + 1) % 256
            return ""
        if ahead < _HALF:
            return "farm_ahead"
        if ahead >= 256 - _HALF:
            return "farm_repeated"
        self.locked = True
        return "farm_outside_window"

    def _authentic(self, frame: TcFrame) -> str:
        field, spi = frame.data, int.from_bytes(frame.data[:2], "big")
        if spi not in _SPI.values():
            return "sdls_spi_unknown"
        if spi != _SPI[frame.vcid]:
            return "sdls_spi_of_another_channel"
        if len(field) < _SHORTEST:
            return "sdls_short"
        if not self._ledger.knows(frame.vcid, field):
            return "sdls_not_authentic"
        return self._ledger.take(frame.vcid, field, bypass=frame.bypass) or TAKEN
