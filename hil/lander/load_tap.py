"""SIMULATED meter's eye: which loads of the payload are on, by what the payload tells the ground of it (VC 0).

A lander forwards these frames unread. The bench's model of the board reads them, because the board is not there to draw
current: the words (5,x) of the power process stand for the switches.
"""

from typing import Final

from fsw.ccsds.depacketizer import Depacketizer, PacketReceived
from fsw.ccsds.tm_frame import TmFrame
from fsw.mdb import codec
from fsw.mdb.model import declaration_of
from fsw.mdb.power import LoadShed, LoadSwitched
from fsw.pus.ids import APID_POWER, Refusal
from fsw.pus.tm import decode_tm

_APID: Final = APID_POWER & 0xFF
_EVENTS: Final = b"\x05"


class LoadTap:
    """Follows one payload's events of loads. Frames that are missing hide what stood in them."""

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets = Depacketizer(0)

    def feed(self, frame: TmFrame) -> list[tuple[int, bool]]:
        """Rows of the load table that a frame tells of, and whether each is on now."""
        found = []
        for event in self._packets.feed(frame.vcfc, frame.fhp, frame.data):
            # A look at two octets spares nearly all packets the rest.
            if isinstance(event, PacketReceived) and event.packet[1] == _APID and event.packet[7:8] == _EVENTS:
                said = _load(event.packet)
                if said is not None:
                    found.append(said)
        return found


def _load(packet: bytes) -> tuple[int, bool] | None:
    """What an event of the power process says of a load, if it is one."""
    telemetry = decode_tm(packet)
    if isinstance(telemetry, Refusal) or telemetry.apid != APID_POWER:
        return None
    number = int.from_bytes(telemetry.data[:2])
    if number == declaration_of(LoadSwitched).number:
        switched = codec.decode(LoadSwitched, telemetry.data[2:])
        return (switched.load, switched.on) if isinstance(switched, LoadSwitched) else None
    if number == declaration_of(LoadShed).number:
        shed = codec.decode(LoadShed, telemetry.data[2:])
        return (shed.load, False) if isinstance(shed, LoadShed) else None
    return None
