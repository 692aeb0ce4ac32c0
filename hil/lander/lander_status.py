"""Everything a person may ask of a lander, ready for JSON."""

from typing import TYPE_CHECKING

from fsw.kernel.clock import Micros
from fsw.mdb.lander import AuthorisationStep, TimeQuality
from hil.lander.lander_profile import CIRCUITS, PHASES

if TYPE_CHECKING:
    from hil.lander.lander import Lander


def status(lander: "Lander", now: Micros) -> dict[str, object]:
    """The whole lander. Times are in seconds from now, None for what will not come."""
    ground, power, time = lander.ground, lander.power, lander.time
    return {
        "uptime_s": lander.uptime_s(now),
        "boot_count": lander.boot_count,
        "rebooting": lander.rebooting,
        "silent": lander.silent,
        "phase": PHASES[lander.phase],
        "quiet": lander.quiet,
        "seconds_to_next_phase": lander.phases.seconds_to_next(now),
        "in_pass": ground.passes.open(now),
        "beacon_only": ground.passes.beacon_only(now),
        "contact": _contact(lander, now),
        "payload_alive": lander.alive,
        "payload_given_up": lander.watch.gone,
        "circuits": {name: switch.state.value for name, switch in zip(CIRCUITS, power.switches, strict=True)},
        "power": power.status(now),
        "next_power_event": _power_event(lander, now),
        "board": {
            "power_mw": power.board_mw,
            "cdegc": power.board.cdegc,
            "deck_cdegc": lander.around.deck_cdegc,
            "loads_on": sorted(power.loads_on),
        },
        "heater": {"mode": power.heater.mode, "spent_j": power.heater.spent_mj // 1000, "spent": power.heater.spent},
        "time": {
            "quality": TimeQuality(time.quality).name.lower(),
            "offset_us": time.offset_us,
            "drift_ppb": time.drift_ppb,
            "jitter_us": time.jitter_us,
            "loss_permille": time.loss_permille,
            "late_us": time.late_us,
            "messages_lost": time.lost,
        },
        "authorisation": AuthorisationStep(lander.authorisation.step).name.lower(),
        "credits": lander.credits.in_force,
        "tm_queue": len(ground.telemetry),
        "tm_octets": ground.telemetry.octets,
        "tm_octets_max": ground.telemetry.octets_max,
        "tm_overflow": ground.telemetry.overflow,
        "tm_dropped": ground.telemetry.dropped,
        "bps": ground.bps(now),
        "one_way_ms": ground.one_way_us // 1000,
        "tc_queue": lander.uplink.ground_frames,
        "tones": lander.uplink.tones,
        "tones_late": lander.uplink.tones_late,
        "line_octets_skipped": lander.line_octets_skipped,
        "counters": dict(lander.counters),
    }


def _contact(lander: "Lander", now: Micros) -> dict[str, float] | None:
    """The contact that goes on or comes next."""
    one = lander.ground.passes.current_or_next(now)
    return None if one is None else {"aos_in_s": (one.aos_us - now) / 1e6, "los_in_s": (one.los_us - now) / 1e6}


def _power_event(lander: "Lander", now: Micros) -> dict[str, object] | None:
    """What has been announced and comes first."""
    first = lander.power.next_event()
    return None if first is None else {"action": first.action.name.lower(), "in_s": (first.at_us - now) / 1e6}
