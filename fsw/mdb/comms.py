"""What the comms process says: the line, the link, commanding, the outbox; every way of being refused has a counter."""

from typing import Final

from fsw.mdb.model import U8, U16, U32, Parameter, Process, Severity, Structure, event, u16
from fsw.mdb.system import ABSENT_U32
from fsw.pus.ids import APID_COMMS

COMMS: Final = Process(APID_COMMS, "comms", "line, link, commanding, downlink")


@event(APID_COMMS, 0x101, Severity.MEDIUM)
class LanderLost:
    """Ten heartbeat intervals without the lander's heartbeat."""


@event(APID_COMMS, 0x102, Severity.INFO)
class LanderBack:
    """The lander's heartbeat is heard again."""


@event(APID_COMMS, 0x103, Severity.LOW)
class LineReopened:
    """The serial line was gone and is open again."""

    opens: int = u16()


@event(APID_COMMS, 0x104, Severity.HIGH)
class LanderSilent:
    """Ten minutes without the lander's heartbeat: the board goes to SAFE."""


CLTUS_GOOD: Final = Parameter(0x0100, "comms.cltus_good", U32)
FRAMES_ACCEPTED: Final = Parameter(0x0101, "comms.tc_frames_accepted", U32)
OCTETS_SKIPPED: Final = Parameter(0x0102, "comms.octets_skipped", U32, doc="outside any CLTU")
BITS_CORRECTED: Final = Parameter(0x0103, "comms.bits_corrected", U32)
CLCW: Final = Parameter(0x0104, "comms.clcw", U32, doc="as it stood when sampled")

LINE_OPENS: Final = Parameter(0x0110, "comms.line_opens", U16)
LINE_FAULTS: Final = Parameter(0x0111, "comms.line_faults", U16)
LANDER_HEARTBEATS: Final = Parameter(0x0112, "comms.lander_heartbeats", U32)

TC_VALID: Final = Parameter(0x0120, "comms.tc_valid", U32, doc="telecommands accepted")
TC_REJECTED: Final = Parameter(0x0121, "comms.tc_rejected", U32, doc="telecommands that failed acceptance or routing")
TC_DROPPED_HEADER: Final = Parameter(0x0122, "comms.tc_dropped_header", U16, doc="no report could be made of them")
TC_DROPPED_CHANNEL: Final = Parameter(0x0123, "comms.tc_dropped_channel", U16, doc="APID not of its virtual channel")
TC_DROPPED_FILES: Final = Parameter(0x0124, "comms.tc_dropped_files", U32, doc="file packets; nothing receives them")
LANDER_DROPPED: Final = Parameter(0x0125, "comms.lander_dropped", U16, doc="lander packets that could not be decoded")

OUTBOX_DEPTH: Final = Parameter(0x0130, "comms.outbox_depth", U16)
OUTBOX_DEPTH_MAX: Final = Parameter(0x0131, "comms.outbox_depth_max", U16)
OUTBOX_DROPPED: Final = Parameter(0x0132, "comms.outbox_dropped", U32)
TM_FRAMES_VC0: Final = Parameter(0x0140, "comms.tm_frames_vc0", U32)
TM_FRAMES_VC2: Final = Parameter(0x0141, "comms.tm_frames_vc2", U32)
TM_FRAMES_IDLE: Final = Parameter(0x0142, "comms.tm_frames_idle", U32)
FARM_STATE: Final = Parameter(0x0143, "comms.farm_state", U8, doc="1 open, 2 wait, 3 lockout")
CREDIT: Final = Parameter(
    0x0150, "comms.credit", U32, "octets", absent=ABSENT_U32, doc="housekeeping that may still leave; absent: no limit"
)

_REJECTIONS: Final = {
    # Identifiers are for good: a new way of being rejected takes a new one at the end.
    0x0180: "cltu_block",
    0x0181: "cltu_cut",
    0x0182: "slip_escape",
    0x0183: "slip_overlong",
    0x0184: "tc_frame_short",
    0x0185: "tc_frame_version",
    0x0186: "tc_frame_spare",
    0x0187: "tc_frame_scid",
    0x0188: "tc_frame_length",
    0x0189: "tc_frame_fecf",
    0x018A: "tc_frame_reserved_type",
    0x018B: "tc_channel_unknown",
    0x018C: "tc_service_not_on_channel",
    0x018D: "farm_waiting",
    0x018E: "farm_ahead",
    0x018F: "farm_repeated",
    0x0190: "farm_outside_window",
    0x0191: "farm_locked_out",
    0x0192: "farm_directive_invalid",
    0x0193: "packet_too_long",
    0x0194: "encapsulation_packet_invalid",
    0x0195: "ip_datagram",
    0x0196: "udp_datagram",
}
REJECTIONS: Final = {name: Parameter(pid, f"comms.{name}", U16) for pid, name in _REJECTIONS.items()}
"""Counter by the name that the link gives a rejection (the values of its enums)."""

HOUSEKEEPING: Final = Structure(
    2,
    "comms.housekeeping",
    (
        CLTUS_GOOD, FRAMES_ACCEPTED, OCTETS_SKIPPED, BITS_CORRECTED, CLCW, LINE_OPENS, LINE_FAULTS, LANDER_HEARTBEATS,
        TC_VALID, TC_REJECTED, TC_DROPPED_HEADER, TC_DROPPED_CHANNEL, TC_DROPPED_FILES, LANDER_DROPPED,
        OUTBOX_DEPTH, OUTBOX_DEPTH_MAX, OUTBOX_DROPPED, TM_FRAMES_VC0, TM_FRAMES_VC2, TM_FRAMES_IDLE, FARM_STATE,
        *REJECTIONS.values(), CREDIT,
    ),
)  # fmt: skip
