"""Bodies of the lander's packets, filled from its profile and switches; their layouts are the mission database's."""

from collections.abc import Mapping, Sequence
from typing import Final

from fsw.ccsds.time_code import TAI_US_MAX, cuc_encode
from fsw.mdb import codec
from fsw.mdb import lander as packets
from fsw.pus.ids import LanderApid
from hil.power_switch import PowerSwitch
from hil.profiles import Supplied, Surroundings

NO_TIME: Final = cuc_encode(0)
"""What stands for a time that there is not."""
FROM_PAYLOAD: Final[Mapping[int, type[object]]] = {
    LanderApid.PAYLOAD_HEARTBEAT: packets.PayloadHeartbeat,
    LanderApid.REQUEST: packets.Request,
    LanderApid.READY_FOR_POWER_OFF: packets.ReadyForPowerOff,
}
"""What the lander reads of the payload's packets; beacon and deployment status are the mission's own."""
_TO_PAYLOAD: Final = (
    packets.LanderHeartbeat,
    packets.LanderTime,
    packets.LanderMode,
    packets.PowerNotice,
    packets.PowerStatus,
    packets.LanderLink,
    packets.Ancillary,
)
_TO_GROUND: Final = (packets.LanderReport, packets.PowerReport, packets.PayloadReport, packets.BeaconReport)


def warm() -> None:
    """Compile all layouts now: on a real clock the first of each kind would come late."""
    for body in (*FROM_PAYLOAD.values(), *_TO_PAYLOAD, *_TO_GROUND):
        codec.warm(body)


def cuc(tai_us: int) -> bytes:
    """CUC of a time; one that the code cannot hold is the nearest that it can."""
    return cuc_encode(min(max(tai_us, 0), TAI_US_MAX))


def ancillary(around: Surroundings) -> packets.Ancillary:
    """0x017."""
    deck, interface, sun, earth, altitude_m, flags = around
    return packets.Ancillary(deck, interface, *sun, *earth, altitude_m, flags)


def circuits(switches: Sequence[PowerSwitch], supplies: Sequence[Supplied]) -> tuple[packets.CircuitStatus, ...]:
    """What 0x014 and 0x211 say of each circuit; currents are 0 while it is off."""
    statuses = []
    for number, (switch, supplied) in enumerate(zip(switches, supplies, strict=True)):
        limit_ma = supplied.limit_ma
        if switch.limit_mw and supplied.bus_mv:
            limit_ma = min(limit_ma, switch.limit_mw * 1000 // supplied.bus_mv)
        on = switch.powered
        average_ma, max_ma = (supplied.average_ma, supplied.max_ma) if on else (0, 0)
        statuses.append(packets.CircuitStatus(number, int(on), supplied.bus_mv, average_ma, max_ma, limit_ma, 0))
    return tuple(statuses)
