"""What some octets are, and where the units of a recording begin; then the walk down."""

from collections.abc import Callable
from enum import StrEnum, unique
from typing import Final

from fsw.ccsds import cltu, slip, tc_frame, tm_sync
from fsw.ccsds.crc import crc16
from fsw.ccsds.space_packet import MALFORMED, MORE, packet_octets
from fsw.config import LINES
from fsw.mdb.database import Database
from tools.decode.carrier import walk_cadu, walk_cltu, walk_slip
from tools.decode.frame import Channels, walk_tc_frame, walk_tm_frame
from tools.decode.packet import walk_packet
from tools.decode.walk import Walk

INPUT_OCTETS_MAX: Final = 67_108_864
UNITS_MAX: Final = 100_000
_TM_OCTETS: Final = tuple(line.tm_frame_octets for line in LINES.values())


@unique
class Form(StrEnum):
    """What octets can be taken for."""

    CLTU = "cltu"
    TC_FRAME = "tc-frame"
    CADU = "cadu"
    TM_FRAME = "tm-frame"
    PACKET = "packet"
    SLIP = "slip"


def detect(octets: bytes, scid: int) -> Form:
    """The likeliest form: markers first, then what has a checksum that holds, then what has a length that fits."""
    if octets.startswith(cltu.START):
        return Form.CLTU
    if octets.startswith(tm_sync.ASM):
        return Form.CADU
    fits = [form for form, fit in _FITS.items() if fit(octets, scid)]
    sound = len(octets) > 2 and crc16(octets) == 0
    if fits and (sound or Form.PACKET in fits or Form.TM_FRAME in fits):
        return fits[0]
    if len(octets) > 1 and octets[:1] == slip.END == octets[-1:]:
        return Form.SLIP
    if tm_sync.ASM in octets:
        return Form.CADU
    if cltu.START in octets:
        return Form.CLTU
    if fits:
        return fits[0]
    return _guess(octets, scid)


def _guess(octets: bytes, scid: int) -> Form:
    """Nothing fits: what its first octets would be the beginning of."""
    first = int.from_bytes(octets[:2], "big")
    if first >> 4 == scid:
        return Form.TM_FRAME
    if first & 0x3FF == scid and first >> 10 & 3 == 0:
        return Form.TC_FRAME
    return Form.PACKET


def _is_tc(octets: bytes, scid: int) -> bool:
    fits = len(octets) >= tc_frame.TC_FRAME_OCTETS_MIN and tc_frame.frame_octets(octets) == len(octets)
    return fits and int.from_bytes(octets[:2], "big") & 0x3FF == scid


def _is_tm(octets: bytes, scid: int) -> bool:
    return len(octets) in _TM_OCTETS and int.from_bytes(octets[:2], "big") >> 4 & 0x3FF == scid


def _is_packets(octets: bytes, scid: int) -> bool:
    """One packet or several, end to end."""
    del scid
    offset = 0
    while offset < len(octets):
        step = packet_octets(octets, offset)
        if step in (MORE, MALFORMED):
            return False
        offset += step
    return offset == len(octets) > 0


_FITS: Final[dict[Form, Callable[[bytes, int], bool]]] = {
    Form.TC_FRAME: _is_tc,
    Form.TM_FRAME: _is_tm,
    Form.PACKET: _is_packets,
}


def walk_all(octets: bytes, form: Form, database: Database, scid: int) -> list[Walk]:
    """Walk down every unit of the input, at most 100 000 of them."""
    channels = Channels()
    walks: list[Walk] = []
    for begin, unit in _units(octets, form)[:UNITS_MAX]:
        walk = Walk(begin)
        walks.append(walk)
        match form:
            case Form.CLTU:
                walk_cltu(walk, database, unit, scid)
            case Form.CADU:
                walk_cadu(walk, database, unit, scid, channels)
            case Form.SLIP:
                walk_slip(walk, database, unit, scid, channels)
            case Form.TC_FRAME:
                walk_tc_frame(walk, database, unit, scid)
            case Form.TM_FRAME:
                walk_tm_frame(walk, database, unit, scid, channels)
            case Form.PACKET:
                walk_packet(walk, database, unit)
    return walks


def _units(octets: bytes, form: Form) -> list[tuple[int, bytes]]:
    """Cut the input where units begin; what stands before the first marker is a unit that breaks its rule."""
    match form:
        case Form.CLTU:
            return _cut(octets, cltu.START, _cltu_end)
        case Form.CADU:
            return _cut(octets, tm_sync.ASM, _cadu_end)
        case Form.PACKET:
            return _packets(octets)
        case Form.SLIP:
            return _slip_units(octets)
        case Form.TC_FRAME | Form.TM_FRAME:
            return [(0, octets)]


def _cut(octets: bytes, marker: bytes, end_of: Callable[[bytes, int], int]) -> list[tuple[int, bytes]]:
    units: list[tuple[int, bytes]] = []
    at = 0
    while at < len(octets) and len(units) < UNITS_MAX:
        found = octets.find(marker, at)
        if found != at:
            stop = len(octets) if found < 0 else found
            units.append((at, octets[at:stop]))
            at = stop
            continue
        end = end_of(octets, at)
        units.append((at, octets[at:end]))
        at = end
    return units or [(0, octets)]


def _cltu_end(octets: bytes, begin: int) -> int:
    """Behind the tail; where there is none, at the next start sequence or the end."""
    tail = octets.find(cltu.TAIL, begin)
    after = octets.find(cltu.START, begin + len(cltu.START))
    if tail >= 0 and (tail - begin - len(cltu.START)) % cltu.BLOCK_OCTETS == 0:
        return tail + len(cltu.TAIL)
    return after if after >= 0 else len(octets)


def _cadu_end(octets: bytes, begin: int) -> int:
    """A frame's length behind the marker: the one whose FECF holds, or up to the next marker or the end."""
    at = begin + len(tm_sync.ASM)
    for length in _TM_OCTETS:
        if at + length <= len(octets) and crc16(octets[at : at + length]) == 0:
            return at + length
    after = octets.find(tm_sync.ASM, at)
    return after if after >= 0 else len(octets)


def _packets(octets: bytes) -> list[tuple[int, bytes]]:
    units: list[tuple[int, bytes]] = []
    at = 0
    while at < len(octets) and len(units) < UNITS_MAX:
        step = packet_octets(octets, at)
        end = len(octets) if step in (MORE, MALFORMED) else min(at + step, len(octets))
        units.append((at, octets[at:end]))
        at = end
    return units or [(0, octets)]


def _slip_units(octets: bytes) -> list[tuple[int, bytes]]:
    units: list[tuple[int, bytes]] = []
    at = 0
    while at < len(octets) and len(units) < UNITS_MAX:
        end = octets.find(slip.END, at + 1)
        stop = len(octets) if end < 0 else end + 1
        if stop - at > 2:
            units.append((at, octets[at:stop]))
        at = stop if octets[stop : stop + 1] == slip.END or stop >= len(octets) else stop - 1
    return units or [(0, octets)]
