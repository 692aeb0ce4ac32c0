"""What the Books let a payload accept: FARM-1 once more, and which telecommands the accepted frames bring.

A second transcription of 232.1-B section 6, in sentences instead of table 6-1, with its buffers always free. Where it
cannot be known from outside whether a frame was received (a boot, half a CLTU before it) both are held possible. An
execution then tells which was true; one that no possibility allows is what `ran` answers with False.
"""

from binascii import crc_hqx
from typing import Final, NamedTuple

from fsw.ccsds.tc_frame import TcFrame

POSSIBILITIES_MAX: Final = 64
WAITING_MAX: Final = 512
"""Telecommands that may have been accepted and have not been run; the oldest are forgotten."""
_EXPIRY: Final = bytes([130])
_SCHEDULE: Final = 11
_WRAPPED_AT: Final = 11 + 7
_READABLE_OCTETS: Final = 10
_DATA_AT: Final = 11
_TELECOMMAND_OCTETS_MIN: Final = 13
_SET_V_R: Final = b"\x82\x00"


class Carried(NamedTuple):
    """A telecommand inside another, kept on board for later. `once`: what keeps it lets it go once (a schedule)."""

    request_id: bytes
    once: bool


class Brought(NamedTuple):
    """A telecommand in an accepted frame. `sound`: whole, checksum right; else a report on it is all there may be."""

    request_id: bytes
    ack: int
    sound: bool
    carried: tuple[Carried, ...] = ()


class Possibility(NamedTuple):
    """One way things may stand: FARM-1's state, and the request ids that it has let in and that have not been run."""

    locked: bool
    v_r: int
    waiting: tuple[bytes, ...]


_FRESH: Final = Possibility(False, 0, ())


def brought_by(data: bytes) -> list[Brought]:
    """The telecommands of a frame's data field, wrapped ones beside their wrapper, up to the first that is cut."""
    found = []
    while len(data) >= _READABLE_OCTETS and data[0] < 0xE0:
        octets = 7 + int.from_bytes(data[4:6], "big")
        packet, data = data[:octets], data[octets:]
        sound = len(packet) == octets and crc_hqx(packet, 0xFFFF) == 0
        wraps = packet[7:8] == _EXPIRY
        carried = carried_by(packet) if sound and not wraps else ()
        found.append(Brought(bytes(packet[:4]), packet[6] & 0x0F, sound, carried))
        if wraps and sound:
            found += brought_by(packet[_WRAPPED_AT:-2])
    return found


def carried_by(packet: bytes) -> tuple[Carried, ...]:
    """Telecommands inside a sound one, wherever they lie: octets with the head, the length and the checksum of one."""
    once, data, at = packet[7] == _SCHEDULE, packet[_DATA_AT:-2], 0
    found: list[Carried] = []
    while at + _TELECOMMAND_OCTETS_MIN <= len(data):
        octets = 7 + int.from_bytes(data[at + 4 : at + 6], "big")
        inner = data[at : at + octets]
        head = inner[0] & 0xF8 == 0x18 and inner[2] >= 0xC0 and octets >= _TELECOMMAND_OCTETS_MIN
        if head and len(inner) == octets and crc_hqx(inner, 0xFFFF) == 0:
            found += (Carried(bytes(inner[:4]), once), *carried_by(inner))
            at += octets
        else:
            at += 1
    return tuple(found)


class Acceptance:
    """The receiver of AD, BD and BC frames by the Book; `window` is W. All that it takes is frames of VC 0."""

    def __init__(self, window: int) -> None:
        assert window % 2 == 0, "W is even"
        self._half = window // 2
        self.possible: list[Possibility] = [_FRESH]
        self.lost = False
        """More than 64 possibilities, or frames unheard: until the next life everything is allowed."""

    def begin(self) -> None:
        """A new life: open, V(R) = 0, nothing waits (contract, section 2)."""
        self.possible = [_FRESH]
        self.lost = False

    def lose(self) -> None:
        """Frames may have come unheard: until the next life everything is allowed."""
        self.possible = [_FRESH]
        self.lost = True

    def take(self, frame: TcFrame, *, certain: bool) -> list[Brought]:
        """A frame has come; what it brings if any possibility lets it in."""
        brought = brought_by(frame.data)
        ids = tuple(one.request_id for one in brought if one.sound)
        after = [self._after(one, frame, ids) for one in self.possible]
        accepted = self.lost or any(let_in for _, let_in in after)
        heard = [one for one, _ in after]
        self.possible = list(dict.fromkeys(heard if certain else heard + self.possible))
        if len(self.possible) > POSSIBILITIES_MAX:
            self.lose()
        return brought if accepted else []

    def ran(self, request_id: bytes) -> bool:
        """An execution was seen; False when nothing that may have been accepted and not run yet explains it."""
        true = [one for one in self.possible if request_id in one.waiting]
        if not true:
            return self.lost
        self.possible = list(dict.fromkeys(one._replace(waiting=_without(one.waiting, request_id)) for one in true))
        return True

    def settled(self, request_id: bytes) -> None:
        """It was refused: what waited under this id will not be run."""
        if any(request_id in one.waiting for one in self.possible):
            self.ran(request_id)

    def _after(self, one: Possibility, frame: TcFrame, ids: tuple[bytes, ...]) -> tuple[Possibility, bool]:
        """What a frame makes of a possibility, and whether its data is let in (232.1-B, 6.3)."""
        if frame.control:
            return self._directed(one, frame.data), False
        if frame.bypass:
            return _let_in(one, ids), True
        if one.locked:
            return one, False  # E1 to E5 in S3
        ahead = (frame.n_s - one.v_r) % 256
        if ahead == 0:
            return _let_in(one._replace(v_r=(one.v_r + 1) % 256), ids), True
        inside = ahead < self._half or ahead >= 256 - self._half  # the positive and the negative window
        return one._replace(locked=not inside), False

    def _directed(self, one: Possibility, data: bytes) -> Possibility:
        """A BC frame: Unlock, Set V(R) (not executed in lockout), or none of these."""
        if data == b"\x00":
            return one._replace(locked=False)
        if len(data) == 3 and data.startswith(_SET_V_R) and not one.locked:
            return one._replace(v_r=data[2])
        return one


def _let_in(one: Possibility, ids: tuple[bytes, ...]) -> Possibility:
    return one._replace(waiting=(*one.waiting, *ids)[-WAITING_MAX:])


def _without(waiting: tuple[bytes, ...], request_id: bytes) -> tuple[bytes, ...]:
    """The tuple less the first of its elements that is this one."""
    at = waiting.index(request_id)
    return waiting[:at] + waiting[at + 1 :]
