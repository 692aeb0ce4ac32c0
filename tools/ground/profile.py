"""Numbers of a ground session, and those that a line profile asks for."""

from typing import NamedTuple

from fsw.ccsds.sdls import Protection
from fsw.config import LINES, SCID
from tools.ground.downlink import TM_FRAME_OCTETS
from tools.ground.uplink_words import UplinkProfile


class Profile(NamedTuple):
    """Numbers of a session. `word_us`: longest silence between two words on a request; `queue_us`: longest wait to
    leave the ground. `of_line` gives those of a line profile. `protection`: the ground's end of a protected link."""

    uplink: UplinkProfile = UplinkProfile()
    tm_frame_octets: tuple[int, ...] = TM_FRAME_OCTETS
    word_us: int = 20_000_000
    queue_us: int = 30_000_000
    one_way_us: int = 0
    protection: Protection | None = None


def of_line(line: str, *, one_way_us: int = 0, raw: bool = False, scid: int = SCID) -> Profile:
    """The profile for a line profile's name. T1 covers the idle interval, since only frames carry the answer."""
    idle_us = LINES[line].idle_us
    trip_us = 2 * one_way_us
    uplink = UplinkProfile(
        scid=scid,
        t1_us=2_000_000 + idle_us + trip_us,
        silence_us=1_500_000 + 3 * idle_us + idle_us // 2,
        raw=raw,
        again_us=500_000 + LINES[line].release_us + trip_us,
    )
    word_us, queue_us = 18_000_000 + 2 * idle_us + trip_us, 27_000_000 + 3 * idle_us + trip_us
    return Profile(uplink, word_us=word_us, queue_us=queue_us, one_way_us=one_way_us)
