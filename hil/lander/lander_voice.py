"""How a lander says things: packets with their counts, the tone and its announcement, what is said again and again."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from fsw.ccsds import carrier
from fsw.ccsds.space_packet import SequenceCounter
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import lander as packets
from fsw.pus.ids import LanderApid
from fsw.pus.tm import encode_plain
from hil.lander import lander_said
from hil.lander.lander_bodies import Encoded
from hil.lander.periodic import Periodic
from hil.lander.uplink import Uplink
from hil.seed import Dice

if TYPE_CHECKING:
    from hil.lander.lander import Lander

MODE_US: Final = 10_000_000
LINK_US: Final = 60_000_000
ANCILLARY_US: Final = 10_000_000
REPORT_US: Final = 1_000_000
REPORTS_KEPT_US: Final = 720_000_000
"""Reports older than this have no room in the queue towards the ground: out of sight none is made that nobody gets."""


class LanderVoice:
    """Everything that leaves one lander but forwarded frames. `uplink` is the line's queue and the plan of the tone."""

    def __init__(self, lander: "Lander", now: Micros, dice: Dice) -> None:
        profile = lander.profile
        self._lander = lander
        self._dice = dice
        self._encoded = Encoded()
        self._counts = SequenceCounter()
        self.jitter_permille = profile.watch.jitter_permille
        """Of the heartbeat's interval."""
        self.uplink = Uplink(
            profile.baud,
            profile.scid,
            encode_up=carrier.by_name(profile.carrier, profile.scid, profile.tm_frame_octets).encode_up,
            heartbeat_us=profile.heartbeat_us,
            time_packet=self._time_packet,
            heartbeat_packet=self._heartbeat,
            jitter_us=self._heartbeat_jitter,
            start_us=now,
        )
        self.mode = Periodic(MODE_US, now, self._say_mode)
        self.link = Periodic(LINK_US, now, self._say_link)
        power = Periodic(profile.power_status_us, now, self._say_power)
        self._periodic = (self.mode, self.link, power, Periodic(ANCILLARY_US, now, self._say_ancillary))
        self._report = Periodic(REPORT_US, now, self._say_reports)
        self._due_us = now

    def begin(self, now: Micros) -> None:
        """Somebody listens from now on who has heard nothing yet."""
        self.uplink.begin(now)
        self.say_all(now)

    def boot(self, now: Micros) -> None:
        """All counts from zero."""
        self._counts = SequenceCounter()
        self.begin(now)

    def say_all(self, now: Micros) -> None:
        """Everything that is said again and again falls due."""
        self.say_again(self._periodic, now)

    def say_again(self, periodics: Iterable[Periodic], now: Micros) -> None:
        """These fall due: what they say has changed."""
        for periodic in periodics:
            periodic.due_us = now
        self._due_us = min(self._due_us, now)

    def run(self, now: Micros, heard: bool) -> None:
        """Say what has fallen due; `heard` says whether there is anybody on the line."""
        if heard and now >= self._lander.time.next_due():
            for packet in self._lander.time.take_late(now):
                self.uplink.service(packet)
        if now < self._due_us:
            return
        saying = (*self._periodic, self._report) if heard else (self._report,)
        for periodic in saying:
            periodic.run(now)
        self._due_us = Micros(min(periodic.due_us for periodic in saying))

    def next_due(self, heard: bool) -> Micros:
        """When something falls due."""
        return min(self._due_us, self._lander.time.next_due()) if heard else self._due_us

    def say(self, apid: LanderApid, body: object) -> None:
        """Queue a service packet for the payload."""
        self.uplink.service(self._packet(apid, 1, body))

    def report(self, apid: LanderApid, body: object) -> bytes:
        """A packet for the ground."""
        return self._packet(apid, 0, body)

    def _packet(self, apid: LanderApid, packet_type: int, body: object) -> bytes:
        return encode_plain(apid, packet_type, self._counts.take(apid), self._encoded(body))

    def _heartbeat(self) -> bytes:
        return self._packet(LanderApid.HEARTBEAT, 1, lander_said.heartbeat(self._lander, self._lander.now()))

    def _heartbeat_jitter(self) -> int:
        most = self._lander.profile.heartbeat_us * self.jitter_permille // 1000
        return self._dice.whole(-most, most) if most else 0

    def _time_packet(self, tone_us: Micros) -> bytes | None:
        time = self._lander.time
        body = time.message(tone_us)
        if body is None:
            return None
        packet = self._packet(LanderApid.TIME, 1, body)
        if not time.late_us:
            return packet
        time.keep(packet, Micros(self._lander.now() + time.late_us))
        return None

    def _say_mode(self, now: Micros) -> None:
        self.say(LanderApid.MODE, lander_said.mode(self._lander, now))

    def _say_link(self, now: Micros) -> None:
        self.say(LanderApid.LINK, lander_said.link(self._lander, now))

    def _say_power(self, now: Micros) -> None:
        self.say(LanderApid.POWER_STATUS, packets.PowerStatus(self._lander.power.statuses(now)))

    def _say_ancillary(self, now: Micros) -> None:
        self.say(LanderApid.ANCILLARY, lander_said.ancillary(self._lander))

    def contacts_changed(self, now: Micros) -> None:
        """The ground may be in sight earlier than was thought."""
        late_us = self._report.due_us - now
        if late_us > REPORT_US:
            self._report.due_us = now + late_us % REPORT_US
        self._due_us = min(self._due_us, Micros(self._report.due_us))
        self.say_again((self.link,), now)

    def _say_reports(self, now: Micros) -> None:
        passes = self._lander.ground.passes
        if not passes.open(now):
            coming = passes.current_or_next(now)
            speaks_us = NEVER if coming is None else coming.aos_us - REPORTS_KEPT_US
            if now < speaks_us:
                self._report.due_us += -(-(speaks_us - self._report.due_us) // REPORT_US) * REPORT_US
                return
        for apid, body in lander_said.reports(self._lander, now):
            self._lander.ground.put_report(self.report(apid, body))
