"""What comes from the payload over its line: frames to be forwarded, packets for the lander itself, noise.

Off nominal: what is no valid frame or packet is counted by kind and dropped.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from fsw.ccsds import carrier
from fsw.ccsds.depacketizer import Depacketizer, PacketReceived
from fsw.ccsds.reception import TmFrameReceived
from fsw.ccsds.tm_frame import TmFrame
from fsw.kernel.clock import Micros
from fsw.mdb import lander as packets
from fsw.mdb.codec import DecodeError, decode
from fsw.pus.ids import LanderApid, Refusal
from fsw.pus.tm import decode_plain
from hil.lander.ground_side import GroundSide
from hil.lander.lander_power import LanderPower
from hil.lander.lander_profile import LanderProfile
from hil.lander.load_tap import LoadTap
from hil.lander.uplink import SERVICES_VCID
from hil.line.eye import Eye

LIVE_VCID: Final = 0
IDLE_VCID: Final = 7
BEACON_OCTETS_MAX: Final = 8
FROM_PAYLOAD: Final[Mapping[int, type[object]]] = {
    LanderApid.PAYLOAD_HEARTBEAT: packets.PayloadHeartbeat,
    LanderApid.REQUEST: packets.Request,
    LanderApid.READY_FOR_POWER_OFF: packets.ReadyForPowerOff,
}
"""What the lander reads of the payload's packets; beacon and deployment status are the mission's own."""

Heard = packets.PayloadHeartbeat | packets.ReadyForPowerOff | packets.Request | bytes
"""A message for the lander; octets are those of a beacon."""


class PayloadLine:
    """The lander's receiver. `heard` is called with every message for the lander itself."""

    def __init__(
        self,
        profile: LanderProfile,
        counters: Counter[str],
        ground: GroundSide,
        power: LanderPower,
        heard: Callable[[Heard, Micros], None],
    ) -> None:
        self._profile = profile
        self._counters = counters
        self._ground = ground
        self._power = power
        self._heard = heard
        self.eye = Eye()
        """With which the SIMULATED meter reads telemetry that is protected; the lander itself has no key."""
        self.begin()

    def begin(self) -> None:
        """Nothing is under way: power came or went, or the lander has booted."""
        profile = self._profile
        self._carrier = carrier.by_name(profile.carrier, profile.scid, profile.tm_frame_octets)
        self._services = Depacketizer(SERVICES_VCID)
        self._loads = LoadTap()

    @property
    def octets_skipped(self) -> int:
        """Octets that belonged to no frame, since the line began."""
        return self._carrier.down_octets_skipped

    def receive(self, octets: bytes, now: Micros) -> None:
        """Octets from the payload, cut anywhere."""
        for event in self._carrier.feed_down(octets):
            if isinstance(event, TmFrameReceived):
                self._counters["tm_frames_good"] += 1
                self._take(event, now)
            else:
                self._counters["tm_frames_bad"] += 1
                self._counters[event.reason.value] += 1

    def _take(self, event: TmFrameReceived, now: Micros) -> None:
        frame = event.frame
        if frame.vcid == IDLE_VCID:
            self._ground.telemetry.put_idle(event.octets)
            return
        if frame.vcid != SERVICES_VCID:
            self._ground.telemetry.put(event.octets, frame.vcid)
            if frame.vcid == LIVE_VCID:
                for row, on in self._loads.feed(self._read(frame)):
                    self._power.load_switched(row, on, now)
            return
        for found in self._services.feed(frame.vcfc, frame.fhp, frame.data):
            if isinstance(found, PacketReceived):
                self._receive_service(found.packet, now)
            else:
                self._counters["service_packets_lost"] += 1

    def _read(self, frame: TmFrame) -> TmFrame:
        return frame if self.eye.clear else frame._replace(data=self.eye.down(frame.vcid, frame.data))

    def _receive_service(self, octets: bytes, now: Micros) -> None:
        """A packet of the payload's for the lander itself."""
        packet = decode_plain(octets)
        if isinstance(packet, Refusal) or packet.packet_type != 0:
            self._counters["service_packets_bad"] += 1
            return
        match packet.apid:
            case LanderApid.BEACON if len(packet.body) <= BEACON_OCTETS_MAX:
                # Its layout is the mission's: the lander passes the octets on.
                self._counters["beacons"] += 1
                self._heard(packet.body, now)
            case LanderApid.DEPLOYMENT_STATUS:
                self._counters["deployment_statuses"] += 1
            case apid if apid in FROM_PAYLOAD:
                message = decode(FROM_PAYLOAD[apid], packet.body)
                if isinstance(message, DecodeError):
                    self._counters["service_packets_bad"] += 1
                else:
                    assert isinstance(message, Heard), "the classes of FROM_PAYLOAD are what can be heard"
                    self._heard(message, now)
            case _:
                self._counters["service_packets_unknown"] += 1
