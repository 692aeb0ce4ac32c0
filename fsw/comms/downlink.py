"""The downlink: which frame goes next, when, and the time reports that mark it.

An idle frame opens the port, whatever else waits. Then VC 2 goes first (it is small and rare), then live telemetry
when a frame is due, then what is sent again (VC 3), then an idle frame when nothing else
went out within the idle interval. A line that takes fewer octets than offered keeps the rest of the frame for the next
tick; a frame of VC 3 has gone out when the line has taken all of it. On a protected link live and replayed telemetry
wait while no counter is reserved for them.
"""

from typing import Final

from fsw.ccsds.flight_link import FlightLink
from fsw.ccsds.packetizer import VirtualChannel
from fsw.comms.pacer import Pacer
from fsw.hal.ports import LinePort, LineState
from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, TICK_US, Micros
from fsw.services.archive.replay import Replay
from fsw.services.board import Board
from fsw.services.lander_outbox import LanderOutbox
from fsw.services.outbox import Outbox
from fsw.services.telemetry import TelemetryService

VC_LIVE: Final = 0
VC_LANDER: Final = 2
VC_REPLAY: Final = 3


class Downlink:
    """The transmitting half of comms; `step` is its slot, last in the tick."""

    def __init__(
        self,
        board: Board,
        line: LinePort,
        link: FlightLink,
        pacer: Pacer,
        telemetry: TelemetryService,
        outboxes: tuple[Outbox, LanderOutbox, Replay],
        timing: tuple[int, int],
    ) -> None:
        release_us, idle_us = timing
        self.bell = Bell()
        """Rung when there is more to send, or a port to open with an idle frame."""
        for outbox in outboxes:
            outbox.bell = self.bell
        self._board = board
        self._line = line
        self._link = link
        self._pacer = pacer
        self._telemetry = telemetry
        self._live = VirtualChannel(VC_LIVE, link.data_octets(VC_LIVE), release_us, outboxes[0])
        self._lander = VirtualChannel(VC_LANDER, link.data_octets(VC_LANDER), release_us, outboxes[1])
        self._again = VirtualChannel(VC_REPLAY, link.data_octets(VC_REPLAY), release_us, outboxes[2])
        self._replay = outboxes[2]
        self._replaying = False
        """Whether the frame on the line is one of VC 3."""
        self._idle_us = idle_us
        self._idle_due = Micros(0)
        self._quiet_us = Micros(0)
        """When a frame falls due, as of the last time that none was."""
        self._unsent = b""
        self._opens = -1
        self._opening = False
        self.frames_live = 0
        self.frames_lander = 0
        self.frames_idle = 0

    def step(self, now: Micros) -> Micros:
        """Hand the line what it may have; returns when the next frame falls due."""
        self.bell.silence()
        if self._line.state is not LineState.OPEN:
            self._lose(now)
            return NEVER
        if self._line.opens != self._opens:
            self._opens = self._line.opens
            self._lose(now)
            self._pacer.reset(now)
            self._idle_due = now
            self._opening = True
        while self._flush_unsent(now) and self._pacer.may_send(now):
            self._unsent = self._next_frame(now)
            if not self._unsent:
                return max(self._quiet_us, self._pacer.next_us())
        if self._unsent:
            return Micros(now + TICK_US)
        due = min(self._next_due(self._live), self._lander.next_due(), self._next_due(self._again), self._idle_due)
        return max(due, self._pacer.next_us())

    @property
    def silent(self) -> bool:
        """Whether nothing of live telemetry waits that may flow, and no frame is half on the line."""
        return not self._unsent and self._next_due(self._live) >= NEVER

    def _next_due(self, channel: VirtualChannel) -> Micros:
        """When a channel's next frame falls due; NEVER while it is protected and no counter is reserved for it."""
        return channel.next_due() if self._link.ready(channel.vcid) else NEVER

    def _flush_unsent(self, now: Micros) -> bool:
        """Offer the rest of a frame to the line; True when nothing is left."""
        if self._unsent:
            self._unsent = self._unsent[self._line.write(self._unsent) :]
        if self._unsent:
            return False
        if self._replaying:
            self._replaying = False
            self._replay.frame_out(now, unfinished=self._again.unfinished)
        return True

    def _lose(self, now: Micros) -> None:
        """The line is gone, and the rest of a frame with it."""
        self._unsent = b""
        if self._replaying:
            self._replaying = False
            self._replay.frame_lost(now)

    def _next_frame(self, now: Micros) -> bytes:
        """The octets of the most urgent frame that is due; empty when none is."""
        if self._opening:
            self._opening = False
            return self._idle_frame(now)
        lander_us = self._lander.next_due()
        if lander_us <= now:
            self.frames_lander += 1
            octets = self._link.frame(VC_LANDER, *self._lander.build())
            self._pacer.sent(len(octets), now)
            return octets
        live_us = self._next_due(self._live)
        if live_us <= now:
            octets = self._link.frame(VC_LIVE, *self._live.build())
            first_us = self._pacer.sent(len(octets), now)
            if self.frames_live % (1 << self._board.time_exponent) == 0 and self.frames_live:
                self._telemetry.time_report(self._board.time_exponent, first_us, now)
            self.frames_live += 1
            self._idle_due = Micros(now + self._idle_us)
            return octets
        again_us = self._next_due(self._again)
        if again_us <= now:
            octets = self._link.frame(VC_REPLAY, *self._again.build())
            self._pacer.sent(len(octets), now)
            self._replaying = True
            self._idle_due = Micros(now + self._idle_us)
            return octets
        if now >= self._idle_due:
            return self._idle_frame(now)
        self._quiet_us = min(lander_us, live_us, again_us, self._idle_due)
        return b""

    def _idle_frame(self, now: Micros) -> bytes:
        octets = self._link.idle_frame()
        self._pacer.sent(len(octets), now)
        self.frames_idle += 1
        self._idle_due = Micros(now + self._idle_us)
        return octets
