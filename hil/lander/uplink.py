"""What the lander puts on the line to the payload, and when: services, ground frames, and the time at the tone.

The tone is the first octet of a heartbeat's CLTU. Its time is announced a quarter of an interval ahead (0x011), so the
line must be free just then: what would still be on it at that time waits, and where something waits the tone is planned
to follow what fits before it without a gap. A busy line loses nothing by that.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from fsw.ccsds import tc_frame
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import NEVER, Micros
from hil.line.line import Unit, line_us

LOOKAHEAD_US: Final = 20_000
"""How far ahead of its start a unit is handed to the line: a look that comes late by less costs the line nothing."""
LATE_US: Final = 5_000
"""A tone this late would be a wrong time: it is announced anew."""
REPLANS_MAX: Final = 2
"""How often in a row; then the heartbeat goes out late, since silence would be worse."""
_ANNOUNCEMENT_OCTETS: Final = 18
"""A time message: primary header, ten octets, checksum."""
AROUND_OCTETS: Final = 11
"""What a carrier may have to escape around a packet: frame header, FECF, and two checksums of IP and UDP."""
SERVICES_MAX: Final = 64
GROUND_FRAMES_MAX: Final = 256
SERVICES_VCID: Final = 2


class Uplink:
    """The queues towards the payload and the plan of the tone. `next_unit` is asked when the line is about to be free.

    `time_packet(tone_us)` and `heartbeat_packet()` build the two packets when they leave, None for a tone that is not
    announced; `jitter_us()` is by how much the next tone is to miss its grid; `encode_up` is the carrier's.
    Off nominal: full queues refuse, counted in `services_dropped`, `ground_dropped`.
    """

    def __init__(
        self,
        baud: int,
        scid: int,
        *,
        encode_up: Callable[[bytes], bytes],
        heartbeat_us: int,
        time_packet: Callable[[Micros], bytes | None],
        heartbeat_packet: Callable[[], bytes],
        jitter_us: Callable[[], int] = lambda: 0,
        start_us: Micros,
    ) -> None:
        self._baud = baud
        self._scid = scid
        self._encode_up = encode_up
        self._interval_us = heartbeat_us
        self._lead_us = heartbeat_us // 4
        self._time_packet = time_packet
        self._heartbeat_packet = heartbeat_packet
        self._jitter_us = jitter_us
        self._muted = False
        self._services: deque[bytes] = deque()  # units: encoded CLTUs
        self._ground: deque[bytes] = deque()
        self._planned: deque[bytes] = deque()  # what goes between an announcement and its tone, on a busy line
        self._tone_us: Micros | None = None
        self._replans = 0
        self.services_dropped = 0
        self.ground_dropped = 0
        self.tones = 0
        self.tones_late = 0
        self._announcement_us = self._longest_announcement_us()
        self.begin(start_us)

    @property
    def ground_frames(self) -> int:
        """Ground frames that wait, or all but leave."""
        return len(self._ground) + len(self._planned)

    def service(self, packet: bytes) -> None:
        """Queue one lander packet, in a frame of its own on VC 2."""
        if len(self._services) >= SERVICES_MAX:
            self._services.popleft()
            self.services_dropped += 1
        self._services.append(self._frame(packet))

    def forward(self, frame: bytes) -> bool:
        """Queue a ground frame as it is; False when there was no room."""
        if len(self._ground) >= GROUND_FRAMES_MAX:
            self.ground_dropped += 1
            return False
        self._ground.append(self._encode_up(frame))
        return True

    def clear(self) -> None:
        """The payload has no power: nothing of what waits would be heard."""
        self._services.clear()
        self._ground.clear()
        self._planned.clear()
        self._tone_us = None

    def begin(self, now: Micros) -> None:
        """The payload has power again: heartbeats start at once."""
        self._grid_us = self._nominal_us = Micros(now + self._lead_us)
        self._tone_us = None

    def mute(self, muted: bool, now: Micros) -> None:
        """Say nothing of the lander's own: no tone, no service; ground frames pass. The grid of tones begins anew."""
        if muted == self._muted:
            return
        self._muted = muted
        self._services.clear()
        self._ground.extendleft(reversed(self._planned))
        self._planned.clear()
        self.begin(now)

    def _longest_announcement_us(self) -> int:
        """Line time of a time message at most: a carrier that escapes octets may need more for some contents."""
        lengths = [len(self._frame(octet * _ANNOUNCEMENT_OCTETS)) for octet in (b"\x00", b"\xc0", b"\xdb")]
        around = AROUND_OCTETS if max(lengths) > min(lengths) else 0
        return line_us(max(lengths) + around, self._baud)

    def _frame(self, packet: bytes) -> bytes:
        return self._encode_up(tc_frame.encode(TcFrame(self._scid, SERVICES_VCID, True, False, 0, packet)))

    def _us(self, unit: bytes) -> int:
        return line_us(len(unit), self._baud)

    def next_due(self, now: Micros) -> Micros:
        """When `next_unit` may have something that it has not now."""
        if self._muted:
            return now if self._ground else NEVER
        if self._tone_us is not None:
            return Micros(self._tone_us - LOOKAHEAD_US)
        if self._services or self._ground:
            return now
        return Micros(self._nominal_us - self._lead_us)

    def next_unit(self, free_us: Micros, now: Micros) -> Unit | None:
        """The unit to start when the line is free; None when it is to stay free for now."""
        start = max(free_us, now)
        if self._muted:
            return self._first(start, NEVER)
        if self._tone_us is not None and now > self._tone_us + LATE_US:
            self._replan()
        if self._tone_us is not None:
            return self._until_tone(start, now, self._tone_us)
        if start >= self._nominal_us - self._lead_us:
            return self._announce(start, now)
        return self._first(start, NEVER)

    def _replan(self) -> None:
        self.tones_late += 1
        if self._replans < REPLANS_MAX:
            self._replans += 1
            self._tone_us = None
            self._ground.extendleft(reversed(self._planned))
            self._planned.clear()

    def _until_tone(self, start: Micros, now: Micros, tone_us: Micros) -> Unit | None:
        """What was planned, something else that ends before the tone, or the tone when its time is near."""
        if self._planned:
            return Unit(start, self._planned.popleft())
        unit = self._first(start, tone_us)
        if unit is None and now + LOOKAHEAD_US >= tone_us:
            self._tone_us = None
            self._replans = 0
            self.tones += 1
            self._plan_next(tone_us)
            return Unit(tone_us, self._frame(self._heartbeat_packet()))
        return unit

    def _plan_next(self, tone_us: Micros) -> None:
        """The grid is kept: neither what a busy line has delayed nor what jitter has moved adds up."""
        half_us = self._interval_us // 2
        self._grid_us = Micros(self._grid_us + self._interval_us)
        while self._grid_us + half_us <= tone_us:
            self._grid_us = Micros(self._grid_us + self._interval_us)
        self._nominal_us = max(Micros(self._grid_us + self._jitter_us()), Micros(tone_us + half_us))

    def _first(self, start: Micros, end: Micros) -> Unit | None:
        """The first unit waiting, services before ground frames, when it ends by `end`."""
        queue = self._services or self._ground
        if not queue or start + self._us(queue[0]) > end:
            return None
        return Unit(start, queue.popleft())

    def _announce(self, start: Micros, now: Micros) -> Unit | None:
        """Plan the tone and announce it: at its nominal time, or right behind what fits before that on a busy line."""
        tone = start + self._announcement_us
        for queue in (self._services, self._ground):
            while queue and tone + self._us(queue[0]) <= self._nominal_us:
                tone += self._us(queue[0])
                self._planned.append(queue.popleft())
            if queue:
                break
        else:
            tone = max(tone, self._nominal_us)
        self._tone_us = Micros(tone)
        packet = self._time_packet(self._tone_us)
        return self._until_tone(start, now, self._tone_us) if packet is None else Unit(start, self._frame(packet))
