"""SIMULATED keys of a protected run, and the bench's own eyes: what a protected link carries, read with them.

The keys of a run follow from its dice, so that a run can be repeated; they protect nothing but a simulation. An eye
looks at no replay mark: whether what it reads may still act is for the rules to say.
"""

from fsw.ccsds.sdls import SPIS, SdlsReject, on_board, on_ground
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.key import KEY_OCTETS, NO_KEYS, Key, Keys, key_id
from hil.seed import Dice

_BYTE = 255


def simulated_keys(dice: Dice, slots: int = 1) -> dict[int, Key]:
    """SIMULATED: one key a SPI and slot, thrown from a run's dice."""
    thrown = dice.child("keys")
    ids = [key_id(spi, slot) for slot in range(slots) for spi in SPIS]
    return {key: Key(bytes(thrown.whole(0, _BYTE) for _ in range(KEY_OCTETS))) for key in ids}


class Eye:
    """Reads both directions; without keys the link is clear and everything is what it is."""

    __slots__ = ("_down", "_up", "clear")

    def __init__(self, keys: Keys = NO_KEYS) -> None:
        self.clear = not keys
        self._up = None if self.clear else on_board(keys)
        self._down = None if self.clear else on_ground(keys)

    def up(self, frame: TcFrame) -> TcFrame:
        """A TC frame with what it brings in clear: no octets where it is not authentic."""
        if self._up is None or frame.control:
            return frame
        data = self._up.opened(frame.vcid, frame.data)
        return frame._replace(data=b"" if isinstance(data, SdlsReject) else data)

    def down(self, vcid: int, field: bytes) -> bytes:
        """The data field of a TM frame in clear; no octets where it is not authentic."""
        if self._down is None:
            return field
        data = self._down.opened(vcid, field)
        return b"" if isinstance(data, SdlsReject) else data
