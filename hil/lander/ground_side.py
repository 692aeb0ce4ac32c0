"""The lander's side towards the ground: telecommand datagrams in; telemetry frames and reports out, across space."""

from collections import Counter
from typing import Final

from fsw.ccsds import cltu, tc_frame
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.reception import FrameReceived
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import Micros
from hil.lander.lander_profile import LanderProfile
from hil.lander.passes import Passes
from hil.lander.relay import LightPath, StoreAndForward

REPORT_QUEUE_OCTETS: Final = 65_536
BEACON_QUEUE_OCTETS: Final = 128
"""A few beacons: an old one tells nothing that a newer one does not."""


class GroundSide:
    """Light time, passes and store-and-forward around four flows: telecommands, telemetry, reports, beacons.

    Out of sessions in a transit phase the beacons alone flow, at the rate that the profile has for it. Off nominal:
    what is no valid frame, or comes while the ground is out of sight, is counted and dropped.
    """

    def __init__(self, profile: LanderProfile, counters: Counter[str], now: Micros) -> None:
        down = profile.downlink
        self.passes = Passes(profile.passes, profile.orbits, now)
        self.telemetry = StoreAndForward(down.queue_octets, down.bps, down.overflow, down.priorities)
        self._nominal_bps = down.bps
        self._transit_bps = down.transit_bps
        self._transit_phases = down.transit_phases if down.transit_bps else frozenset[int]()
        self._counters = counters
        self._scid = profile.scid
        self._baud = profile.baud
        self._tm_frame_octets = profile.tm_frame_octets
        self._up = LightPath(profile.one_way_us)
        self._down = LightPath(profile.one_way_us)
        self._report_path = LightPath(profile.one_way_us)
        self._reports = StoreAndForward(REPORT_QUEUE_OCTETS, 0)
        self._beacons = StoreAndForward(BEACON_QUEUE_OCTETS, down.transit_bps)

    @property
    def one_way_us(self) -> int:
        """The light time of what leaves now."""
        return self._down.one_way_us

    def set_one_way(self, one_way_us: int) -> None:
        """The distance has changed; what is under way keeps its time."""
        self._up.one_way_us = self._down.one_way_us = self._report_path.one_way_us = one_way_us

    def set_bps(self, bps: int) -> None:
        """The radio gives so much from now on, 0 for no limit."""
        self.telemetry.bps = bps

    def scale(self, permille: int) -> None:
        """The radio gives this part of what the profile has for it, at least 1 bit/s; all of the line is its limit."""
        nominal = self._nominal_bps or self._baud
        self.telemetry.bps = self._nominal_bps if permille == 1000 else max(1, nominal * permille // 1000)

    def bps(self, now: Micros) -> int:
        """What this payload is given of the radio now."""
        return self._transit_bps if self.passes.beacon_only(now) else self.telemetry.bps or self._baud

    @property
    def free_permille(self) -> int:
        """How much of the telemetry queue is free."""
        return (self.telemetry.octets_max - self.telemetry.octets) * 1000 // self.telemetry.octets_max

    def enter(self, phase: int) -> None:
        """Another phase of the mission: contact by session only, or not."""
        self.passes.transit = phase in self._transit_phases

    def receive(self, datagram: bytes, now: Micros) -> None:
        """A datagram leaves the ground; it arrives one light time later."""
        self._up.put(datagram, now)

    def put_report(self, packet: bytes) -> None:
        """A packet of the lander's own for the ground."""
        self._reports.put(packet)

    def put_beacon(self, packet: bytes) -> None:
        """The report of a beacon: it goes first, and where nothing else does."""
        self._beacons.put(packet)

    def arrivals(self, now: Micros) -> list[TcFrame]:
        """Valid frames of the datagrams that have arrived in a pass."""
        frames: list[TcFrame] = []
        for datagram in self._up.take(now):
            if not self.passes.open(now):
                self._counters["tc_out_of_pass"] += 1
                continue
            found = self._frames(datagram)
            if not found:
                self._counters["tc_bad"] += 1
            frames += found
        return frames

    def _frames(self, datagram: bytes) -> list[TcFrame]:
        """The valid frames of one datagram. A raw frame never starts like a CLTU: its version is 0."""
        if datagram.startswith(cltu.START):
            receiver = CltuCadu(self._scid, self._tm_frame_octets)
            return [event.frame for event in receiver.feed_up(datagram) if isinstance(event, FrameReceived)]
        frame = tc_frame.decode(datagram, self._scid)
        return [frame] if isinstance(frame, TcFrame) else []

    def deliver(self, now: Micros) -> tuple[list[bytes], list[bytes]]:
        """Radio what waits, as far as we are in sight; frames and reports that have reached the ground by now."""
        if self.passes.open(now):
            for datagram in self._beacons.take_all():
                self._report_path.put(datagram, now)
            for datagram in self.telemetry.take(now):
                self._down.put(datagram, now)
            for datagram in self._reports.take(now):
                self._report_path.put(datagram, now)
        elif self._beacons.octets and self.passes.beacon_only(now):
            for datagram in self._beacons.take(now):
                self._report_path.put(datagram, now)
        return self._down.take(now), self._report_path.take(now)

    def next_due(self, now: Micros) -> Micros:
        """When something arrives or may be sent."""
        in_pass = self.passes.open(now)
        due = min(
            self._up.next_due(),
            self._down.next_due(),
            self._report_path.next_due(),
            self.telemetry.next_due(in_pass),
            self._reports.next_due(in_pass),
        )
        if not self._beacons.octets:
            return due
        if in_pass:
            return min(due, now)
        return min(due, self._beacons.next_due(True)) if self.passes.beacon_only(now) else due
