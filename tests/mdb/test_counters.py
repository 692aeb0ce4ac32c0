"""Every way in which the link rejects something has a counter in telemetry, and no counter stands for nothing."""

from fsw.ccsds.flight_link import LinkFault
from fsw.ccsds.reception import LineFault
from fsw.ccsds.tc_frame import TcReject
from fsw.mdb import comms


def test_rejections_of_the_link_are_the_counters_of_comms() -> None:
    reasons = {reason.value for enum in (LineFault, TcReject, LinkFault) for reason in enum}
    assert set(comms.REJECTIONS) == reasons
    assert set(comms.REJECTIONS.values()) <= set(comms.HOUSEKEEPING.parameters)
