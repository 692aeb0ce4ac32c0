"""The lander's side towards the ground: telecommand datagrams in; telemetry frames and reports out, across space."""

from collections import Counter
from typing import Final

from fsw.ccsds import cltu, tc_frame
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.reception import FrameReceived
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import Micros
from hil.profiles import LanderProfile
from hil.relay import LightPath, Passes, StoreAndForward

REPORT_QUEUE_OCTETS: Final = 65_536


class GroundSide:
    """Light time, passes and store-and-forward around three flows: telecommands, telemetry, the lander's own reports.

    Off nominal: what is no valid frame, or comes while the ground is out of sight, is counted and dropped.
    """

    def __init__(self, profile: LanderProfile, counters: Counter[str]) -> None:
        self.passes = Passes(profile.passes)
        self.telemetry = StoreAndForward(profile.queue_octets, profile.bps)
        self._counters = counters
        self._scid = profile.scid
        self._tm_frame_octets = profile.tm_frame_octets
        self._up = LightPath(profile.one_way_us)
        self._down = LightPath(profile.one_way_us)
        self._report_path = LightPath(profile.one_way_us)
        self._reports = StoreAndForward(REPORT_QUEUE_OCTETS, 0)

    def receive(self, datagram: bytes, now: Micros) -> None:
        """A datagram leaves the ground; it arrives one light time later."""
        self._up.put(datagram, now)

    def put_report(self, packet: bytes) -> None:
        """A packet of the lander's own for the ground."""
        self._reports.put(packet)

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
        """Radio what waits, in a pass; telemetry frames and reports that have reached the ground by now."""
        if self.passes.open(now):
            for datagram in self.telemetry.take(now):
                self._down.put(datagram, now)
            for datagram in self._reports.take(now):
                self._report_path.put(datagram, now)
        return self._down.take(now), self._report_path.take(now)

    def next_due(self, now: Micros) -> Micros:
        """When something arrives or may be sent."""
        in_pass = self.passes.open(now)
        return min(
            self._up.next_due(),
            self._down.next_due(),
            self._report_path.next_due(),
            self.telemetry.next_due(in_pass),
            self._reports.next_due(in_pass),
        )
