"""Reports that came in parts (ST[13]): joined to the packet that they are, and read like any other.

A part that is missing or comes twice ends its report with a fault that says so; what is missing is asked for again.
"""

from typing import Final

from fsw.mdb.memory import MemoryObject
from fsw.pus import st06, tm
from fsw.pus.ids import Refusal, Service
from fsw.pus.st13 import ABORTS, Act, Joiner, Part, Piece
from tools.ground.records import Data, PacketRecord

VC_JOINED: Final = -1
"""The channel of a record that was joined: no frame brought it, its parts have records of their own."""
TRANSACTIONS_MAX: Final = 4
_PIECES: Final = frozenset(Piece)
_HEAD_OCTETS: Final = 4  # transaction u16, part u16
_OBJECTS: Final = {int(one): one.name for one in MemoryObject}
_DUMP: Final = (int(Service.MEMORY), 4)


class LargeReports:
    """Joins the parts that are heard; live and replayed ones each by themselves."""

    def __init__(self) -> None:
        self._joiners: dict[int, Joiner] = {}

    def take(self, record: PacketRecord) -> PacketRecord | None:
        """A packet was heard: the report that it makes whole, or why one will never be; None for all others."""
        if record.service != Service.LARGE_PACKETS or record.subtype not in _PIECES or record.fault:
            return None
        joiner = self._joiners.setdefault(record.vcid, Joiner(TRANSACTIONS_MAX, tm.PACKET_OCTETS_MAX))
        data = record.raw[tm.HEADER_OCTETS : -2]
        transaction, number = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:_HEAD_OCTETS], "big")
        part = Part(Piece(record.subtype), number, data[_HEAD_OCTETS:])
        act = joiner.take(transaction, part)
        if act is Act.ABORT_ORDER and part.piece is Piece.FIRST:
            act = joiner.take(transaction, part)  # the payload has begun anew: what was heard before is void
        if act in ABORTS:
            fault = f"transaction {transaction}, part {number}: {act.value}"
            return record._replace(vcid=VC_JOINED, name="large.report", values={}, fault=fault)
        return _read(record, joiner.joined) if act is Act.JOIN else None


def _read(last: PacketRecord, packet: bytes) -> PacketRecord:
    """A joined packet, heard with its last part."""
    last = last._replace(vcid=VC_JOINED)
    whole = tm.decode_tm(packet)
    if isinstance(whole, Refusal):
        return last._replace(name="large.report", values={}, fault=f"joined: {whole.name.lower()}", raw=packet)
    record = last._replace(
        service=whole.service, subtype=whole.subtype, sequence_count=whole.sequence_count, raw=packet, values={}
    )
    dump = st06.decode_dump(whole.data) if (whole.service, whole.subtype) == _DUMP else None
    if dump is None:
        return record._replace(name="large.report", fault=f"({whole.service},{whole.subtype}) cannot be read")
    object_id, areas = dump
    listed: list[Data] = [{"offset": area.offset, "octets": area.octets.hex()} for area in areas]
    return record._replace(
        name="memory.dumped", values={"object_id": _OBJECTS.get(object_id, object_id), "areas": listed}
    )
