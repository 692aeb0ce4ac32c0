"""Somebody else at the lander's receiver: sends the ground's frames once more, or frames of their own.

What is sent goes the way of the ground's datagrams, light time and passes included. Nothing is broken into: a checksum
is no secret, and a link without authentication takes what is well formed.
"""

from collections import deque
from typing import Final, NamedTuple

from fsw.ccsds import cltu, tc_frame
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.reception import FrameReceived
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.lander import SafeNow
from fsw.pus import tc, tm
from fsw.pus.ids import APID_SYSTEM, LanderApid, Service
from hil.lander.lander import Lander
from hil.lander.uplink import SERVICES_VCID
from hil.written.fault import Fault

RECORDED_MAX: Final = 256
STRANGER: Final = 0x0666
"""Source id of the forged commands: none of the ground's."""
FORGED_COUNT: Final = 0x3A5A
"""Their sequence count, by which what became of them is told."""
NOBODYS_APID: Final = 0x0EE
GROUND_VCID: Final = 0


class _Heard(NamedTuple):
    at_us: Micros
    service: str
    datagram: bytes


class Forger:
    """Overhears the ground and sends in its name."""

    def __init__(self, lander: Lander) -> None:
        self._lander = lander
        self._scid = lander.profile.scid
        self._octets = lander.profile.tm_frame_octets
        self._heard: deque[_Heard] = deque(maxlen=RECORDED_MAX)

    def overhear(self, datagram: bytes, now: Micros) -> None:
        """A datagram has left the ground."""
        frame = self._frame(datagram)
        if frame is not None and frame.vcid == GROUND_VCID and not frame.control:
            self._heard.append(_Heard(now, "bd" if frame.bypass else "ad", datagram))

    def act(self, fault: Fault, now: Micros) -> str:
        """Replay or spoof; why it cannot be, or empty."""
        if fault.kind == "spoof":
            self._lander.receive_tc(self._forged(fault.name("forgery")), now)
            return ""
        service, before = fault.name("service"), now - 1_000 * fault.values["age_ms"]
        for heard in reversed(self._heard):
            if heard.service == service and heard.at_us <= before:
                self._lander.receive_tc(heard.datagram, now)
                return ""
        return f"the ground has sent no {service.upper()} frame that long ago"

    def _forged(self, forgery: str) -> bytes:
        vcid = GROUND_VCID
        match forgery:
            case "command":
                packet = tc.encode(APID_SYSTEM, FORGED_COUNT, Service.TEST, 1, source_id=STRANGER)
            case "apid":
                packet = tc.encode(NOBODYS_APID, FORGED_COUNT, Service.TEST, 1, source_id=STRANGER)
            case _:
                vcid = SERVICES_VCID
                packet = tm.encode_plain(LanderApid.SAFE_NOW, 1, FORGED_COUNT, codec.encode(SafeNow(0, 0)))
        return cltu.encode(tc_frame.encode(TcFrame(self._scid, vcid, True, False, 0, packet)))

    def _frame(self, datagram: bytes) -> TcFrame | None:
        """The frame of a datagram, one CLTU or one raw frame."""
        if not datagram.startswith(cltu.START):
            frame = tc_frame.decode(datagram, self._scid)
            return frame if isinstance(frame, TcFrame) else None
        events = CltuCadu(self._scid, self._octets).feed_up(datagram)
        return next((event.frame for event in events if isinstance(event, FrameReceived)), None)
