"""Bodies of the lander's packets, filled from its services; their layouts are the mission database's."""

from typing import Final

from fsw.ccsds.time_code import TAI_US_MAX, cuc_encode
from fsw.mdb import codec
from fsw.mdb import lander as packets

NO_TIME: Final = cuc_encode(0)
"""What stands for a time that there is not."""
_FROM_PAYLOAD: Final = (packets.PayloadHeartbeat, packets.Request, packets.ReadyForPowerOff)
_TO_PAYLOAD: Final = (
    packets.LanderHeartbeat,
    packets.LanderTime,
    packets.LanderMode,
    packets.PowerNotice,
    packets.PowerStatus,
    packets.LanderLink,
    packets.Ancillary,
    packets.DeploymentAuthorisation,
    packets.Credit,
    packets.SafeNow,
)
_TO_GROUND: Final = (packets.LanderReport, packets.PowerReport, packets.PayloadReport, packets.BeaconReport)


def warm() -> None:
    """Compile all layouts now: on a real clock the first of each kind would come late."""
    for body in (*_FROM_PAYLOAD, *_TO_PAYLOAD, *_TO_GROUND):
        codec.warm(body)


class Encoded:
    """Octets of bodies; what is said again as it was said before is not built again."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[type[object], tuple[object, bytes]] = {}

    def __call__(self, body: object) -> bytes:
        """Octets of a body."""
        last = self._last.get(type(body))
        if last is not None and last[0] == body:
            return last[1]
        octets = codec.encode(body)
        self._last[type(body)] = (body, octets)
        return octets


def cuc(tai_us: int) -> bytes:
    """CUC of a time; one that the code cannot hold is the nearest that it can."""
    return cuc_encode(min(max(tai_us, 0), TAI_US_MAX))
