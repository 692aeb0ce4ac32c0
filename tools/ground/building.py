"""A telecommand made ready to leave: its words read, its packet numbered, wrapped with an expiry where it has one.

The wrapper (service 130, contract section 3) takes a sequence count of its own before that of what it wraps: reports
name what is inside, but for a wrapper that the payload cannot read.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fsw.mdb.database import Database, EncodedCommand
from fsw.pus import expiry, st01, tc
from fsw.pus.ids import Service
from tools.ground import nested
from tools.ground.nested import ACK_ALL, SEQUENCE_COUNTS, Nested
from tools.ground.request import Refusal, Why

WRAPPER_OCTETS = tc.OVERHEAD_OCTETS + 7


class Built(NamedTuple):
    """What leaves, and the next sequence counts by APID after it; `wrapper_id` is empty for what leaves bare."""

    command: EncodedCommand
    sequence_count: int
    request_id: bytes
    packet: bytes
    wrapper_id: bytes
    inside: tuple[Nested, ...]
    counts: dict[int, int]


def build(
    database: Database,
    name: str,
    arguments: Mapping[str, str],
    *,
    counts: Mapping[int, int],
    source_id: int,
    tai_us: int | None,
    not_after: bytes | None = None,
    octets_max: int = tc.PACKET_OCTETS_MAX,
) -> Built | Refusal:
    """The named telecommand as it leaves, or why it does not; the counts are taken when the caller keeps them.

    `not_after`: the CUC of its expiry. What is too long to be wrapped leaves bare; `octets_max`: the longest packet the
    link takes, a protected one less than a clear one.
    """
    found = nested.encode(database, name, arguments, counts=counts, source_id=source_id, tai_us=tai_us)
    if isinstance(found, Refusal):
        return found
    command, following = found.command, found.counts
    octets = len(command.data) + tc.OVERHEAD_OCTETS
    if octets > octets_max:
        return Refusal(Why.USAGE, f"{name}: a telecommand of {octets} octets, a frame of this link takes {octets_max}")
    apid = command.apid
    wrapper_count = wrapper_id = None
    if not_after is not None and octets + WRAPPER_OCTETS <= octets_max:
        wrapper_count = _take(following, apid)
        wrapper_id = st01.encode_request_id(apid, wrapper_count)
    count = _take(following, apid)
    packet = tc.encode(
        apid, count, command.service, command.subtype, command.data, ack=ACK_ALL, source_id=source_id
    )  # fmt: skip
    if wrapper_count is not None and not_after is not None:
        data = expiry.encode(not_after, packet)
        packet = tc.encode(apid, wrapper_count, Service.EXPIRY, expiry.SUBTYPE_WRAP, data, source_id=source_id)
    request_id = st01.encode_request_id(apid, count)
    return Built(command, count, request_id, packet, wrapper_id or b"", found.inside, following)


def _take(counts: dict[int, int], apid: int) -> int:
    count = counts.get(apid, 0)
    counts[apid] = (count + 1) % SEQUENCE_COUNTS
    return count
