"""Transfer frames downwards: TC (232.0-B) and TM (132.0-B), each rule with what stands there and what should."""

from typing import Final

from fsw.ccsds import clcw, tc_frame, tm_frame
from fsw.ccsds.crc import crc16
from fsw.ccsds.depacketizer import Depacketizer, GapDetected, PacketReceived
from fsw.ccsds.space_packet import split
from fsw.ccsds.tc_frame import SetVr, TcFrame, TcReject, Unlock
from fsw.ccsds.tm_frame import FHP_IDLE, FHP_NO_PACKET, TmFrame, TmReject
from fsw.config import LINES
from fsw.mdb.database import Database
from fsw.pus.ids import APID_CFDP, LANDER_SERVICES
from tools.decode.packet import walk_packet
from tools.decode.walk import Walk

VC_IDLE: Final = 7
_TM_CHANNELS: Final = (0, 1, 2, 3, VC_IDLE)
_TM_OCTETS: Final = tuple(line.tm_frame_octets for line in LINES.values())


class Channels:
    """The packet channels of one recording: packets that go over several frames are put together."""

    def __init__(self) -> None:
        self.by_vcid: dict[int, Depacketizer] = {}

    def of(self, vcid: int) -> Depacketizer:
        """The channel of this id."""
        return self.by_vcid.setdefault(vcid, Depacketizer(vcid))


def walk_tc_frame(walk: Walk, database: Database, octets: bytes, scid: int) -> None:
    """One TC frame, exactly."""
    frame = tc_frame.decode(octets, scid)
    if isinstance(frame, TcReject):
        walk.broken("TC frame", _TC_RULES[frame], _tc_fault(frame, octets, scid))
        return
    kind = "BC" if frame.control else "BD" if frame.bypass else "AD"
    number = f", N(S) {frame.n_s}" if kind == "AD" else ""
    walk.found(
        "TC frame", "header", f"{kind} on VC {frame.vcid}{number}, {len(octets)} octets", kind=kind, vcid=frame.vcid,
        n_s=frame.n_s, octets=len(octets),
    )  # fmt: skip
    walk.found("FECF", "FECF", f"CRC-16 {octets[-2:].hex().upper()}")
    if frame.vcid > 2:
        walk.broken("TC frame", "virtual channel", f"VC {frame.vcid} carries no telecommands (0, 1 and 2 do)")
    elif kind != "BD" and frame.vcid != 0:
        walk.broken("TC frame", "virtual channel", f"VC {frame.vcid} takes BD frames only, this is {kind}")
    elif kind == "BC":
        _directive(walk, frame)
    else:
        _tc_packets(walk, database, frame)


def walk_tm_frame(walk: Walk, database: Database, octets: bytes, scid: int, channels: Channels | None = None) -> None:
    """One TM frame; `channels` puts packets together over the frames of a recording."""
    if len(octets) not in _TM_OCTETS:
        known = ", ".join(map(str, _TM_OCTETS))
        walk.broken("TM frame", "length", f"{len(octets)} octets; the line profiles have frames of {known}")
        return
    frame = tm_frame.decode(octets, scid, len(octets))
    if isinstance(frame, TmReject):
        walk.broken("FECF" if frame is TmReject.FECF else "TM frame", _TM_RULES[frame], _tm_fault(frame, octets, scid))
        return
    walk.found("FECF", "FECF", f"CRC-16 {octets[-2:].hex().upper()}")
    walk.found(
        "TM frame", "header", f"VC {frame.vcid}, master count {frame.mcfc}, channel count {frame.vcfc}",
        vcid=frame.vcid, mcfc=frame.mcfc, vcfc=frame.vcfc,
    )  # fmt: skip
    if not _control_word(walk, frame.clcw):
        return
    if frame.vcid not in _TM_CHANNELS:
        walk.broken("TM frame", "virtual channel", f"VC {frame.vcid} is not of this mission (0 to 3 and 7 are)")
        return
    _tm_packets(walk, database, frame, channels or Channels())


def _control_word(walk: Walk, word: int) -> bool:
    fields = clcw.decode(word)
    if fields is None or fields.vcid != 0 or fields.cop_in_effect != clcw.COP_1:
        walk.broken("OCF", "CLCW", f"{word:08X} is no control word of VC 0 with COP-1 in effect")
        return False
    flags = [name for name in ("lockout", "wait", "retransmit", "no_rf", "no_bit_lock") if getattr(fields, name)]
    text = f"CLCW: V(R) {fields.report_value}, FARM-B {fields.farm_b}{', ' if flags else ''}{', '.join(flags)}"
    walk.found("OCF", "CLCW", text, v_r=fields.report_value, farm_b=fields.farm_b, flags=list(flags))
    return True


def _directive(walk: Walk, frame: TcFrame) -> None:
    match tc_frame.decode_directive(frame.data):
        case Unlock():
            walk.found("COP-1", "directive", "Unlock")
        case SetVr(v_r):
            walk.found("COP-1", "directive", f"Set V(R) to {v_r}", v_r=v_r)
        case None:
            walk.broken("COP-1", "directive", f"{frame.data.hex()} is neither Unlock (00) nor Set V(R) (8200xx)")


def _tc_packets(walk: Walk, database: Database, frame: TcFrame) -> None:
    packets, rest = split(frame.data)
    for packet in packets:
        apid = int.from_bytes(packet[:2], "big") & 0x7FF
        if not _belongs(apid, frame.vcid):
            walk.broken("TC frame", "APID on channel", f"APID {apid:#05x} does not belong on VC {frame.vcid}: dropped")
        else:
            walk_packet(walk, database, packet)
    if rest:
        text = f"{len(rest)} octets are left that are no whole packet: (1,2) code 1 where 10 are readable"
        walk.broken("packet", "length", text, octets=rest.hex())


def _belongs(apid: int, vcid: int) -> bool:
    if vcid == 0:
        return apid not in LANDER_SERVICES and apid != APID_CFDP
    return apid == APID_CFDP if vcid == 1 else apid in LANDER_SERVICES


def _tm_packets(walk: Walk, database: Database, frame: TmFrame, channels: Channels) -> None:
    if frame.vcid == VC_IDLE:
        if frame.fhp == FHP_IDLE:
            walk.found("FHP", "first header pointer", "7FE: only idle data")
        else:
            walk.broken("FHP", "first header pointer", f"{frame.fhp:03X} on the idle channel, not 7FE")
        return
    where = {FHP_NO_PACKET: "7FF: no packet starts here", FHP_IDLE: "7FE: only idle data"}
    text = where.get(frame.fhp, f"the first packet starts at octet {frame.fhp}")
    walk.found("FHP", "first header pointer", text, fhp=frame.fhp)
    channel = channels.of(frame.vcid)
    for event in channel.feed(frame.vcfc, frame.fhp, frame.data):
        if isinstance(event, PacketReceived):
            walk_packet(walk, database, event.packet)
        elif isinstance(event, GapDetected):
            walk.broken("TM frame", "channel count", f"{event.lost} frames of VC {event.vcid} are missing before this")
        else:
            walk.broken("packet", event.reason.value.replace("_", " "), "octets of this channel gave no packet")
    if len(channel):
        walk.found("packet", "continued", f"{len(channel)} octets begin a packet that the channel's next frame goes on")


_TC_RULES: Final = {
    TcReject.SHORT: "length",
    TcReject.VERSION: "version",
    TcReject.SPARE: "spare bits",
    TcReject.SCID: "spacecraft id",
    TcReject.LENGTH: "length",
    TcReject.FECF: "FECF",
    TcReject.RESERVED_TYPE: "frame type",
}
_TM_RULES: Final = {
    TmReject.LENGTH: "length",
    TmReject.FECF: "FECF",
    TmReject.VERSION: "version",
    TmReject.SCID: "spacecraft id",
    TmReject.OCF: "OCF flag",
    TmReject.SECONDARY_HEADER: "secondary header",
    TmReject.SYNC: "synchronisation",
    TmReject.FHP: "first header pointer",
}


def _tc_fault(fault: TcReject, octets: bytes, scid: int) -> str:
    first = int.from_bytes(octets[:2], "big")
    match fault:
        case TcReject.SHORT:
            return f"{len(octets)} octets: a frame has {tc_frame.TC_FRAME_OCTETS_MIN} at least"
        case TcReject.VERSION:
            return f"version {first >> 14:02b}, not 00"
        case TcReject.SPARE:
            return f"the spare bits are {first >> 10 & 3:02b}, not 00"
        case TcReject.SCID:
            return f"spacecraft id {first & 0x3FF}, not {scid}"
        case TcReject.LENGTH:
            return f"the length field says {tc_frame.frame_octets(octets)} octets, {len(octets)} are here"
        case TcReject.FECF:
            return _fecf(octets)
        case TcReject.RESERVED_TYPE:
            return "a control frame without the bypass flag is a reserved type"


def _tm_fault(fault: TmReject, octets: bytes, scid: int) -> str:
    header = tm_frame.decode_header(octets)
    match fault:
        case TmReject.LENGTH:
            return f"{len(octets)} octets"
        case TmReject.FECF:
            return _fecf(octets)
        case TmReject.VERSION:
            return f"version {header.version:02b}, not 00"
        case TmReject.SCID:
            return f"spacecraft id {header.scid}, not {scid}"
        case TmReject.OCF:
            return "the OCF flag is 0: every frame carries the CLCW"
        case TmReject.SECONDARY_HEADER:
            return "the secondary header flag is 1: no frame has one"
        case TmReject.SYNC:
            flags = f"sync {int(header.sync)}, order {int(header.packet_order)}, segment {header.segment_length_id:02b}"
            return f"{flags}: not 0, 0, 11 as packets have it"
        case TmReject.FHP:
            return f"{header.fhp} lies behind the data field of {len(octets) - tm_frame.OVERHEAD_OCTETS} octets"


def _fecf(octets: bytes) -> str:
    return f"CRC-16 is {crc16(octets[:-2]):04X}, the frame ends with {octets[-2:].hex().upper()}"
