"""What a lander says of itself, to the payload and to the ground: packet bodies filled from its services."""

from typing import TYPE_CHECKING, Final

from fsw.kernel.clock import Micros
from fsw.mdb import lander as packets
from fsw.mdb.lander import Phase
from fsw.pus.ids import LanderApid
from hil.lander.lander_bodies import NO_TIME

if TYPE_CHECKING:
    from hil.lander.lander import Lander

_U32: Final = 0xFFFF_FFFF
_I16: Final = 0x7FFF


def heartbeat(lander: "Lander", now: Micros) -> packets.LanderHeartbeat:
    """0x010."""
    good, bad = (lander.counters[name] & _U32 for name in ("tm_frames_good", "tm_frames_bad"))
    return packets.LanderHeartbeat(lander.uptime_s(now) & _U32, lander.boot_count & 0xFFFF, good, bad)


def mode(lander: "Lander", now: Micros) -> packets.LanderMode:
    """0x012."""
    left_s = min(lander.phases.seconds_to_next(now), _U32)
    return packets.LanderMode(Phase(lander.phase), left_s, lander.quiet)


def link(lander: "Lander", now: Micros) -> packets.LanderLink:
    """0x015."""
    telemetry = lander.ground.telemetry
    free = min(telemetry.octets_max - telemetry.octets, _U32)
    one_way_ms = lander.ground.one_way_us // 1000
    return packets.LanderLink(*_contact(lander, now), lander.ground.bps(now), free, one_way_ms)


def ancillary(lander: "Lander") -> packets.Ancillary:
    """0x017: the interface's temperature is that of the board bolted to it."""
    deck, _, sun, earth, altitude_m, flags = lander.around
    interface = max(-_I16, min(lander.power.board.cdegc, _I16))
    return packets.Ancillary(deck, interface, *sun, *earth, altitude_m, flags)


def reports(lander: "Lander", now: Micros) -> tuple[tuple[LanderApid, object], ...]:
    """0x210 to 0x212, to the ground."""
    first = lander.power.next_event()
    at, action = (NO_TIME, 0) if first is None else (lander.time.cuc(first.at_us), int(first.action))
    telemetry = lander.ground.telemetry
    queued = min(lander.uplink.ground_frames, 0xFFFF)
    return (
        (LanderApid.REPORT_LANDER, packets.LanderReport(lander.phase, *_contact(lander, now), at, action)),
        (LanderApid.REPORT_POWER, packets.PowerReport(lander.power.statuses(now))),
        (
            LanderApid.REPORT_PAYLOAD,
            packets.PayloadReport(int(lander.alive), len(telemetry) & _U32, telemetry.dropped & _U32, queued),
        ),
    )


def _contact(lander: "Lander", now: Micros) -> tuple[bytes, bytes]:
    """AOS and LOS of this pass or the next; zero times for none."""
    one = lander.ground.passes.current_or_next(now)
    return (NO_TIME, NO_TIME) if one is None else (lander.time.cuc(one.aos_us), lander.time.cuc(one.los_us))
