"""What a stored sequence holds (ST[21]), the rows that keep it, and what can be wrong with it.

Off nominal: a row that cannot be read, or whose checksum is wrong, is no sequence; a request that would be refused when
it is released is found before the sequence starts, with the code that it would get.
"""

from collections.abc import Mapping
from typing import Final

from fsw.ccsds.crc import crc16
from fsw.kernel.clock import NEVER
from fsw.mdb import codec
from fsw.mdb.database import CallRefused, Database
from fsw.mdb.sequencing import LoadSequence, SequenceRequest, SequenceState
from fsw.pus import expiry, tc
from fsw.pus.ids import FailureCode, Refusal, Service
from fsw.services.verification import PUS_VERSION
from fsw.store.keep import Change, Table, forget, put

_STATE_KEY: Final = 0x100
"""Plus its id: the row of a sequence's state and releases. The contents stand under the id itself."""
_CRC_OCTETS: Final = 2
_STATE_OCTETS: Final = 2


class Sequence:
    """A loaded sequence. `octets` is what stood behind the id in (21,1), `crc` its CRC-16 when it was loaded."""

    __slots__ = ("crc", "due", "ident", "octets", "released", "requests", "state")

    def __init__(self, ident: int, octets: bytes, requests: tuple[SequenceRequest, ...]) -> None:
        self.ident = ident
        self.octets = octets
        self.crc = crc16(octets)
        self.requests = requests
        self.state = SequenceState.LOADED
        self.released = 0
        self.due = NEVER

    def contents(self) -> Change:
        """The row that keeps what it holds."""
        return put(Table.SEQUENCES, self.ident, self.crc.to_bytes(_CRC_OCTETS, "big") + self.octets)

    def standing(self, state: SequenceState, released: int) -> Change:
        """The row that keeps where it stands."""
        return put(Table.SEQUENCES, _STATE_KEY + self.ident, bytes((state, released)))


def gone(ident: int) -> tuple[Change, Change]:
    """Both rows of a sequence taken out."""
    return forget(Table.SEQUENCES, ident), forget(Table.SEQUENCES, _STATE_KEY + ident)


def read_contents(rows: Mapping[int, bytes]) -> dict[int, Sequence | None]:
    """The sequences of a table's rows, as loaded, by id; None for one whose row is damaged."""
    return {key: _read(key, row) for key, row in rows.items() if key < _STATE_KEY}


def read_standing(rows: Mapping[int, bytes], sequence: Sequence) -> tuple[SequenceState, int] | None:
    """Where a sequence stood and how much of it was released; None when its row is damaged."""
    row = rows.get(_STATE_KEY + sequence.ident, b"")
    if len(row) != _STATE_OCTETS or row[0] not in tuple(SequenceState)[1:] or row[1] > len(sequence.requests):
        return None
    return SequenceState(row[0]), row[1]


def unsound(requests: tuple[SequenceRequest, ...]) -> FailureCode | None:
    """Why these requests may not be stored."""
    return next((code for r in requests if (code := _broken(r.request)) is not None), None)


def invalid(sequence: Sequence, database: Database) -> FailureCode | None:
    """Why a sequence may not run: its octets have changed, or one of its requests would not be accepted."""
    if crc16(sequence.octets) != sequence.crc:
        return FailureCode.PAYLOAD_CHECKSUM
    return next((code for r in sequence.requests if (code := _refusal(r.request, database)) is not None), None)


def _broken(packet: bytes) -> FailureCode | None:
    """Why these octets are no whole telecommand."""
    header = tc.inspect(packet)
    if isinstance(header, Refusal) or not header.length_ok:
        return FailureCode.DATA
    if not tc.checksum_ok(packet):
        return FailureCode.PAYLOAD_CHECKSUM
    return None if header.pus_version == PUS_VERSION else FailureCode.PUS_VERSION


def _refusal(packet: bytes, database: Database) -> FailureCode | None:
    """The code with which a whole telecommand would be refused, by what can be known before it is due."""
    header = tc.inspect(packet)
    assert isinstance(header, tc.TcHeader), "checked when it was loaded"
    command = tc.telecommand(packet, header)
    if command.apid not in database.processes:
        return FailureCode.UNKNOWN_APID
    if command.service == Service.EXPIRY:
        wrapped = expiry.decode(command) if command.subtype == expiry.SUBTYPE_WRAP else None
        return FailureCode.DATA if wrapped is None or _broken(wrapped.inner) else _refusal(wrapped.inner, database)
    if command.service == Service.SEQUENCING:
        return FailureCode.PROTECTED
    call = database.decode_command(command.apid, command.service, command.subtype, command.data)
    return call.code if isinstance(call, CallRefused) else None


def _read(ident: int, row: bytes) -> Sequence | None:
    octets = row[_CRC_OCTETS:]
    body = codec.decode(LoadSequence, bytes((ident,)) + octets)
    if not isinstance(body, LoadSequence) or unsound(body.requests) is not None:
        return None
    sequence = Sequence(ident, octets, body.requests)
    return sequence if sequence.crc.to_bytes(_CRC_OCTETS, "big") == row[:_CRC_OCTETS] else None
