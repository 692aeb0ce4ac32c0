"""Monitors and responses as operators write them: parameters, events and telecommands by name."""

import pytest

from fsw.mdb import codec
from fsw.mdb.event_action import AddResponses, EventAction, ResponseState, SetResponse
from fsw.mdb.mission import load
from fsw.mdb.monitoring import CheckType, Watch
from fsw.pus.ids import APID_SYSTEM
from tests.system.by_hand import ACK_GROUND, telecommand
from tools.ground import request
from tools.ground.nested import Reader
from tools.ground.request import Refusal, Why

DATABASE = load().database


def said(sentence: str, body: type[object]) -> object:
    """The body that an operator's words encode to."""
    name, *words = request.sentence_words(sentence)
    arguments = request.parse_words(words)
    assert isinstance(arguments, dict)
    encoded = request.encode(DATABASE, name, arguments, Reader(DATABASE, {APID_SYSTEM: 5}, 7, None))
    assert not isinstance(encoded, Refusal), encoded
    return codec.decode(body, encoded.data[2:] if encoded.service == 8 else encoded.data)


@pytest.mark.proves("K-MON-002")
def test_a_monitor_in_words() -> None:
    words = (
        "system.watch monitor=7 parameter=system.supply_mv low=24000 low_event=system.alarm_17 repetition=3 "
        "validity_parameter=system.mode validity_expected=2 stale_intervals=5 stale_event=system.alarm_1"
    )
    body = said(words, Watch)
    assert isinstance(body, Watch)
    assert (body.monitor, body.parameter, body.check, body.interval) == (7, 9, CheckType.LIMIT, 10)
    assert (body.low, body.low_event, body.high_event, body.repetition) == (24_000, 0xD0, 35, 3)
    assert (body.validity_parameter, body.validity_mask, body.validity_expected) == (3, 0xFFFF_FFFF, 2)
    assert (body.stale_intervals, body.stale_event) == (5, 0xC0)


@pytest.mark.proves("K-MON-008")
def test_a_response_in_words() -> None:
    body = said("response.add responses=system:system.alarm_17:system.mode(mode=safe)", AddResponses)
    assert isinstance(body, AddResponses)
    ((apid, event, action),) = [tuple(vars(each).values()) for each in body.responses]
    assert (apid, event) == (0x020, 0xD0)
    assert action == telecommand(0x020, 8, 1, bytes.fromhex("0002 01"), ack=ACK_GROUND, count=5)
    assert type(body.responses[0]) is EventAction
    assert said("system.response apid=system event=system.alarm_17 state=passive", SetResponse) == SetResponse(
        0x020, 0xD0, ResponseState.PASSIVE, 10, 3_600
    )


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    refused = request.encode(DATABASE, "system.watch", {"monitor": "1", "parameter": "system.suply_mv"})
    assert isinstance(refused, Refusal)
    assert (refused.why, "system.supply_mv" in refused.sentence) == (Why.USAGE, True)
    refused = request.encode(DATABASE, "system.watch", {"monitor": "1", "parameter": "9", "low_event": "system.alrm_1"})
    assert isinstance(refused, Refusal)
    assert "system.alarm_1" in refused.sentence
