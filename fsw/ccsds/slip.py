"""SLIP (RFC 1055): frames between END octets, the two special octets escaped inside; streaming receiver."""

from typing import Final, NamedTuple

from fsw.ccsds.reception import LineFault

END: Final = b"\xc0"
_ESCAPE: Final = b"\xdb"
_ESCAPED_END: Final = b"\xdb\xdc"
_ESCAPED_ESCAPE: Final = b"\xdb\xdd"


class SlipUnit(NamedTuple):
    """What stood between two ENDs: octets unescaped, or why there are none; counts as in `reception`."""

    content: bytes | LineFault
    line_octets: int
    trailing_octets: int


def encode(frame: bytes) -> bytes:
    """The frame escaped, with an END on both sides, so that noise before it costs nothing."""
    return END + frame.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(END, _ESCAPED_END) + END


def slip_octets_max(frame_octets: int) -> int:
    """Octets on the line that a frame of so many costs at worst."""
    return 2 * frame_octets + 2


def _unescape(content: bytes) -> bytes | LineFault:
    """The frame's octets. END cannot occur in `content`, so the order of the two replacements is free of traps."""
    escapes = content.count(_ESCAPE)
    if not escapes:
        return content
    if escapes != content.count(_ESCAPED_END) + content.count(_ESCAPED_ESCAPE):
        return LineFault.ESCAPE
    return content.replace(_ESCAPED_END, END).replace(_ESCAPED_ESCAPE, _ESCAPE)


class SlipDecoder:
    """Receiver of SLIP from a stream cut anywhere. Holds at most twice `frame_octets_max`, whatever comes."""

    __slots__ = ("_content", "_content_octets_max", "_overlong_octets", "octets_skipped")

    def __init__(self, frame_octets_max: int) -> None:
        self._content_octets_max = 2 * frame_octets_max
        self._content = b""
        self._overlong_octets = 0  # of the unit under way, once it is too long to be kept
        self.octets_skipped = 0
        """Octets between ENDs that gave no octets of a frame."""

    def __len__(self) -> int:
        """Octets held between two calls."""
        return len(self._content)

    def feed(self, octets: bytes) -> list[SlipUnit]:
        """Take the next octets of the line, any number; the units that they end (two ENDs in a row end none)."""
        pieces = octets.split(END)
        trailing = len(octets)
        units: list[SlipUnit] = []
        for piece in pieces[:-1]:
            trailing -= len(piece) + 1
            self._take(piece)
            if self._content or self._overlong_octets:
                units.append(self._end(trailing))
        self._take(pieces[-1])
        return units

    def _take(self, piece: bytes) -> None:
        """Lengthen the unit under way, or let it go once it is too long."""
        if self._overlong_octets:
            self._overlong_octets += len(piece)
        elif len(self._content) + len(piece) <= self._content_octets_max:
            self._content += piece
        else:
            self._overlong_octets = len(self._content) + len(piece)
            self._content = b""

    def _end(self, trailing_octets: int) -> SlipUnit:
        """The unit that an END finishes."""
        octets = len(self._content) + self._overlong_octets
        content = LineFault.OVERLONG if self._overlong_octets else _unescape(self._content)
        self._content, self._overlong_octets = b"", 0
        if isinstance(content, LineFault):
            self.octets_skipped += octets
        return SlipUnit(content, octets + 2, trailing_octets)
