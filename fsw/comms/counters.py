"""What line, link and commanding have counted, once a second, as values of the parameter pool.

A second of a long simulation is a few hundred microseconds, so ids and order are worked out once: the link's counters
keep the order in which they were made.
"""

from itertools import compress
from typing import Final

from fsw.ccsds.flight_link import FlightLink, LinkFault
from fsw.comms.downlink import Downlink
from fsw.hal.ports import LinePort
from fsw.mdb import comms as mdb
from fsw.mdb.values import Raw
from fsw.services.outbox import Outbox
from fsw.services.verification import Verification

_FRAME_FAULTS: Final = frozenset(LinkFault) - {LinkFault.PACKET_TOO_LONG, LinkFault.ENCAPSULATION}
"""Refusals of a valid frame whole; the other two are of a packet in a frame that was accepted."""


class Counters:
    """Everything that comms counts; those of the task itself are its own to count here."""

    __slots__ = (
        "_downlink",
        "_frame_faults",
        "_line",
        "_link",
        "_outbox",
        "_rejections",
        "_verification",
        "dropped_channel",
        "dropped_files",
        "dropped_lander",
        "heartbeats",
    )

    def __init__(
        self, line: LinePort, link: FlightLink, downlink: Downlink, outbox: Outbox, verification: Verification
    ) -> None:
        self._line = line
        self._link = link
        self._downlink = downlink
        self._outbox = outbox
        self._verification = verification
        self._rejections = tuple(mdb.REJECTIONS[reason.value].pid for reason in link.counters)
        self._frame_faults = tuple(reason in _FRAME_FAULTS for reason in link.counters)
        self.dropped_channel = self.dropped_files = self.dropped_lander = 0
        self.heartbeats = 0

    def sample(self) -> dict[int, Raw]:
        """All of them as they stand, by parameter id."""
        link, line, verification, downlink = self._link, self._line, self._verification, self._downlink
        counted = link.counters.values()
        refused_whole = sum(compress(counted, self._frame_faults))
        values: dict[int, Raw] = dict(zip(self._rejections, counted, strict=True))
        values |= {
            mdb.CLTUS_GOOD.pid: link.frames_good,
            mdb.FRAMES_ACCEPTED.pid: link.frames_good - refused_whole - link.frames_refused,
            mdb.OCTETS_SKIPPED.pid: link.octets_skipped,
            mdb.BITS_CORRECTED.pid: link.blocks_corrected,
            mdb.CLCW.pid: link.clcw,
            mdb.LINE_OPENS.pid: line.opens,
            mdb.LINE_FAULTS.pid: line.faults,
            mdb.LANDER_HEARTBEATS.pid: self.heartbeats,
            mdb.TC_VALID.pid: verification.accepted,
            mdb.TC_REJECTED.pid: verification.rejected,
            mdb.TC_DROPPED_HEADER.pid: verification.dropped,
            mdb.TC_DROPPED_CHANNEL.pid: self.dropped_channel,
            mdb.TC_DROPPED_FILES.pid: self.dropped_files,
            mdb.LANDER_DROPPED.pid: self.dropped_lander,
            mdb.OUTBOX_DEPTH.pid: len(self._outbox),
            mdb.OUTBOX_DEPTH_MAX.pid: self._outbox.depth_max,
            mdb.OUTBOX_DROPPED.pid: self._outbox.dropped,
            mdb.TM_FRAMES_VC0.pid: downlink.frames_live,
            mdb.TM_FRAMES_VC2.pid: downlink.frames_lander,
            mdb.TM_FRAMES_IDLE.pid: downlink.frames_idle,
            mdb.FARM_STATE.pid: link.farm.state.value,
            mdb.CREDIT.pid: self._outbox.credit,
        }
        return values
