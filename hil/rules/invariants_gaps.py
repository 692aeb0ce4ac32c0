"""Always-on invariant of telemetry: every gap in what the ground received is announced by a gap in the counts.

What the payload emits is compared with what reaches the ground and with what the ground says of it. Emitted frames of a
channel count on, packets of a process never use a count again: so whatever is lost leaves a hole. The ground gets only
what was emitted, in its order, once; and it counts as missing exactly the frames that are.
"""

from binascii import crc32, crc_hqx
from collections import deque
from typing import Final

from fsw.kernel.clock import Micros
from hil.observer import Finding
from hil.rules.invariants_log import Log
from hil.rules.overhearing import Said
from tools.ground.records import LinkRecord, PacketRecord

EMITTED_MAX: Final = 65_536
"""Frames of a channel, and packets, that may be under way to the ground at once; older ones count as lost."""
HOLES_MAX: Final = 1024
BOOT_EVENT_US: Final = 10_000_000
"""A payload whose counters begin again says within this time that it has booted."""
CHANNELS: Final = (0, 1, 3)
_COUNTS: Final = 1 << 14


class _UnderWay:
    """What was emitted on one channel and has not reached the ground, oldest first, by checksum; with its life."""

    __slots__ = ("_counts", "_queue", "forgotten", "life")

    def __init__(self) -> None:
        self._queue: deque[tuple[int, int]] = deque()
        self._counts: dict[int, int] = {}
        self.forgotten = False
        self.life: int | None = None
        """That of the newest one that has arrived; None before the first."""

    def put(self, octets: bytes, life: int) -> None:
        """Something was emitted."""
        key = crc32(octets)
        self._queue.append((key, life))
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._queue) > EMITTED_MAX:
            self._pop()
            self.forgotten = True

    def arrive(self, octets: bytes) -> int | None:
        """How many before it were lost; None for what is not under way."""
        key = crc32(octets)
        if key not in self._counts:
            return None
        lost = 0
        while (popped := self._pop())[0] != key:
            lost += 1
        self.life = popped[1]
        return lost

    def _pop(self) -> tuple[int, int]:
        key, life = self._queue.popleft()
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]
        return key, life


class _Counts:
    """The sequence counts of one process in one life: the newest, and those below it that were not seen yet."""

    __slots__ = ("_forgotten", "_holes", "_newest")

    def __init__(self, newest: int) -> None:
        self._newest = newest
        self._holes: dict[int, None] = {}
        self._forgotten = False

    def use(self, count: int) -> bool:
        """Whether a count is used for the first time; packets may overtake one another by priority."""
        ahead = (count - self._newest) % _COUNTS
        if 0 < ahead < _COUNTS // 2:
            skipped = range(self._newest + 1, self._newest + ahead)
            self._holes.update(dict.fromkeys(skipped[-HOLES_MAX:]))
            while len(self._holes) > HOLES_MAX:
                del self._holes[next(iter(self._holes))]
                self._forgotten = True
            self._newest += ahead
            return True
        absolute = self._newest - (self._newest - count) % _COUNTS
        if absolute in self._holes:
            del self._holes[absolute]
            return True
        return self._forgotten and absolute < next(iter(self._holes), self._newest)


class GapsAnnounced:
    """No gap unseen, none invented, nothing received that was not emitted."""

    RULE: Final = "gaps-announced"
    RECORDS: Final = (PacketRecord, LinkRecord)

    def __init__(self) -> None:
        self._log = Log(self.RULE)
        self._life = 0
        self._silent_birth_us: Micros | None = None
        self._vcfc: dict[int, int] = {}
        self._counts: dict[int, _Counts] = {}
        self._midway = False
        """Whether counts may be well under way when they are first heard."""
        self._unheard: set[int] = set()
        """Channels of which frames may have passed unheard since the ground last got one."""
        self._frames = {vcid: _UnderWay() for vcid in CHANNELS}
        self._packets = {vcid: _UnderWay() for vcid in CHANNELS}
        self._lost = self._lost_before = 0
        self._lost_at = Micros(-1)
        self._uncertain: Micros | None = Micros(-1)
        """Since when the ground's own count cannot be foretold: across a boot it sees counters of two lives."""

    # --- what the payload emits -----------------------------------------------------------------------------------

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched: a birth that nobody wonders at."""
        self._silent_birth_us = None

    def born(self, now: Micros) -> None:
        """A new life: all its counters begin again."""
        if self._vcfc:
            self._silent_birth_us = now
        self._life += 1
        self._vcfc.clear()
        self._counts.clear()
        self._midway = False

    def missed(self, now: Micros) -> None:
        """The payload may have emitted what nobody heard: counts are taken up from where they are."""
        self._vcfc.clear()
        self._counts.clear()
        self._midway = True
        self._unheard = set(CHANNELS)

    def booted(self, now: Micros) -> None:
        """The payload says that it has booted."""
        self._silent_birth_us = None

    def framed(self, vcid: int, vcfc: int, frame: bytes, now: Micros) -> None:
        """A frame was emitted."""
        if self._silent_birth_us is not None and now - self._silent_birth_us > BOOT_EVENT_US:
            self._silent_birth_us = None
            self._log.breach(now, "all counters began again, and no boot was told")
        expected = self._vcfc.get(vcid, vcfc)
        if vcfc != expected:
            self._log.breach(now, f"frame {vcfc} of VC {vcid} was emitted where {expected} was next")
        self._vcfc[vcid] = (vcfc + 1) % 256
        if vcid in self._frames:
            self._frames[vcid].put(frame, self._life)

    def said(self, said: Said, now: Micros) -> None:
        """A packet was emitted."""
        if said.vcid not in self._packets:
            return
        self._packets[said.vcid].put(said.octets, self._life)
        if said.vcid:
            return  # replayed packets keep the counts that they had
        counts = self._counts.get(said.apid)
        if counts is None:
            self._counts[said.apid] = counts = _Counts(said.sequence_count - 1 if self._midway else -1)
        if not counts.use(said.sequence_count):
            self._log.breach(
                now, f"count {said.sequence_count} of APID 0x{said.apid:03x} was used twice: a gap may hide there"
            )

    # --- what the ground gets -------------------------------------------------------------------------------------

    def delivered(self, frame: bytes, now: Micros) -> None:
        """A frame has reached the ground."""
        vcid = frame[1] >> 1 & 7 if len(frame) > 1 else -1
        channel = self._frames.get(vcid)
        if channel is None or crc_hqx(frame, 0xFFFF):
            return
        life = channel.life
        lost = channel.arrive(frame)
        if lost is None:
            if not channel.forgotten:
                self._log.breach(now, f"frame {frame[3]} of VC {vcid} reached the ground, and was never emitted")
            self._uncertain = now
            return
        if (life is not None and life != channel.life) or vcid in self._unheard:
            self._unheard.discard(vcid)
            self._uncertain = now
        elif life is not None and lost % 256:
            if self._lost_at != now:
                self._lost_before, self._lost_at = self._lost, now
            self._lost += lost % 256

    def record(self, record: object, now: Micros) -> None:
        """The ground has said something."""
        if isinstance(record, PacketRecord):
            self._received(record, now)
        elif isinstance(record, LinkRecord):
            self._link(record, now)

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found."""
        return self._log.findings()

    def _received(self, record: PacketRecord, now: Micros) -> None:
        channel = self._packets.get(record.vcid)
        if channel is None or channel.arrive(record.raw) is not None or channel.forgotten:
            return
        what = f"packet {record.sequence_count} of APID 0x{record.apid:03x}"
        if record.fault:
            self._log.remark(now, f"{what} was put together wrongly, and refused by the ground: {record.fault}")
        else:
            self._log.breach(now, f"the ground has {what}, which was not emitted, or not once more")

    def _link(self, record: LinkRecord, now: Micros) -> None:
        """Compare the ground's own count of missing frames with what is missing."""
        if self._uncertain is not None:
            if record.at > self._uncertain:
                self._follow(record)
            return
        before = self._lost_before if self._lost_at == now else self._lost  # said between two frames of one moment
        if not before <= record.frames_lost <= self._lost:
            kind = "unseen" if record.frames_lost < self._lost else "invented"
            self._log.breach(
                now, f"a gap was {kind}: {self._lost} frames are missing, the ground counts {record.frames_lost}"
            )
            self._follow(record)

    def _follow(self, record: LinkRecord) -> None:
        """Take the ground's count as it is; what comes from now on is compared with it."""
        self._lost = self._lost_before = record.frames_lost
        self._uncertain = None
