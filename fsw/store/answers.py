"""What the store answers, typed, and how it is read from the octets of an answer."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fsw.kernel.bus import Answer, Status
from fsw.store import packets
from fsw.store.file_words import FileAnswer, decode_answer
from fsw.store.keep import decode_page
from fsw.store.protocol import LastLife, Opcode, StoreStatus, decode_parameters

_BOOTED_OCTETS: Final = 6


class Booted(NamedTuple):
    """This boot is committed: its number, how the life before ended, whether a damaged file had to be set aside."""

    request_id: int
    boot_count: int
    last_life: LastLife
    set_aside: bool


class Marked(NamedTuple):
    """How this life ends is committed."""

    request_id: int


class ParametersLoaded(NamedTuple):
    """The committed parameters, raw octets by pid."""

    request_id: int
    values: Mapping[int, bytes]


class ParametersCommitted(NamedTuple):
    """The parameters of that request are on the disk."""

    request_id: int


class Kept(NamedTuple):
    """The changes of that request are on the disk."""

    request_id: int


class RowsLoaded(NamedTuple):
    """A page of a table's rows in order of key; `more` when there are rows behind the last of them."""

    request_id: int
    rows: Mapping[int, bytes]
    more: bool


class PacketsBegun(NamedTuple):
    """A life of the packet store has begun."""

    request_id: int
    begun: packets.Begun


class PacketLimitsKept(NamedTuple):
    """The stores' limits are on the disk."""

    request_id: int


class PacketsKept(NamedTuple):
    """A group of packets is on the disk, as far as its stores took it."""

    request_id: int
    done: packets.PutDone


class PacketsTimed(NamedTuple):
    """So many rows of this life got their TAI; `more` are without."""

    request_id: int
    more: bool
    number: int


class PacketsRead(NamedTuple):
    """A page of packets."""

    request_id: int
    page: packets.Page


class PacketsDeleted(NamedTuple):
    """So many rows are gone; `more` are to go."""

    request_id: int
    more: bool
    number: int


class PacketsSummarised(NamedTuple):
    """What a store holds."""

    request_id: int
    summary: packets.Summary


class PacketsChecked(NamedTuple):
    """So many rows were looked at and found sound; `more` lie before the end of this round."""

    request_id: int
    more: bool
    number: int


class StatsTold(NamedTuple):
    """The store's counters."""

    request_id: int
    stats: packets.Stats


class FilesAnswered(NamedTuple):
    """What became of a request about files."""

    request_id: int
    answer: FileAnswer


class KeyErased(NamedTuple):
    """The file of that key is gone."""

    request_id: int


class Failed(NamedTuple):
    """The request's outcome is unknown (timeout, lost), or the server refused it (`store_status` says why)."""

    request_id: int
    status: Status
    store_status: StoreStatus | None


PacketAnswer = (
    PacketsBegun | PacketLimitsKept | PacketsKept | PacketsTimed | PacketsRead | PacketsDeleted | PacketsSummarised
    | PacketsChecked | StatsTold
)  # fmt: skip
StoreAnswer = (
    Booted
    | Marked
    | ParametersLoaded
    | ParametersCommitted
    | Kept
    | RowsLoaded
    | PacketAnswer
    | FilesAnswered
    | KeyErased
    | Failed
)


def decode(opcode: Opcode, answer: Answer) -> StoreAnswer:
    """The answer to a request of that opcode; one that makes no sense is Failed."""
    if answer.status is not Status.OK:
        return Failed(answer.request_id, answer.status, None)
    status, body = answer.octets[:1], answer.octets[1:]
    if status != bytes((StoreStatus.OK,)):
        known = bool(status) and status[0] in tuple(StoreStatus)
        return Failed(answer.request_id, Status.OK, StoreStatus(status[0]) if known else None)
    return _BODIES[opcode](answer.request_id, body) or Failed(answer.request_id, Status.OK, None)


def _booted(request_id: int, body: bytes) -> Booted | None:
    if len(body) != _BOOTED_OCTETS or body[4] not in tuple(LastLife):
        return None
    return Booted(request_id, int.from_bytes(body[:4], "big"), LastLife(body[4]), body[5] != 0)


def _loaded(request_id: int, body: bytes) -> ParametersLoaded | None:
    values = decode_parameters(body)
    return None if values is None else ParametersLoaded(request_id, values)


def _rows(request_id: int, body: bytes) -> RowsLoaded | None:
    page = decode_page(body)
    return None if page is None else RowsLoaded(request_id, *page)


def _begun(request_id: int, body: bytes) -> PacketsBegun | None:
    begun = packets.decode_begun(body)
    return None if begun is None else PacketsBegun(request_id, begun)


def _kept(request_id: int, body: bytes) -> PacketsKept | None:
    done = packets.decode_put_done(body)
    return None if done is None else PacketsKept(request_id, done)


def _timed(request_id: int, body: bytes) -> PacketsTimed | None:
    counted = packets.decode_counted(body)
    return None if counted is None else PacketsTimed(request_id, *counted)


def _read(request_id: int, body: bytes) -> PacketsRead | None:
    page = packets.decode_page(body)
    return None if page is None else PacketsRead(request_id, page)


def _deleted(request_id: int, body: bytes) -> PacketsDeleted | None:
    counted = packets.decode_counted(body)
    return None if counted is None else PacketsDeleted(request_id, *counted)


def _summarised(request_id: int, body: bytes) -> PacketsSummarised | None:
    summary = packets.decode_summary(body)
    return None if summary is None else PacketsSummarised(request_id, summary)


def _checked(request_id: int, body: bytes) -> PacketsChecked | None:
    counted = packets.decode_counted(body)
    return None if counted is None else PacketsChecked(request_id, *counted)


def _stats(request_id: int, body: bytes) -> StatsTold | None:
    stats = packets.decode_stats(body)
    return None if stats is None else StatsTold(request_id, stats)


def _files(request_id: int, body: bytes) -> FilesAnswered | None:
    answer = decode_answer(body)
    return None if answer is None else FilesAnswered(request_id, answer)


_BODIES: Final[Mapping[Opcode, Callable[[int, bytes], StoreAnswer | None]]] = {
    Opcode.BOOT: _booted,
    Opcode.MARK: lambda request_id, body: None if body else Marked(request_id),
    Opcode.PARAMETERS_LOAD: _loaded,
    Opcode.PARAMETERS_COMMIT: lambda request_id, body: None if body else ParametersCommitted(request_id),
    Opcode.KEEP: lambda request_id, body: None if body else Kept(request_id),
    Opcode.KEEP_LOAD: _rows,
    Opcode.PACKETS_BEGIN: _begun,
    Opcode.PACKETS_LIMITS: lambda request_id, body: None if body else PacketLimitsKept(request_id),
    Opcode.PACKETS_PUT: _kept,
    Opcode.PACKETS_TIME: _timed,
    Opcode.PACKETS_READ: _read,
    Opcode.PACKETS_DELETE: _deleted,
    Opcode.PACKETS_SUMMARY: _summarised,
    Opcode.CHECK: _checked,
    Opcode.STATS: _stats,
    Opcode.FILES: _files,
    Opcode.KEY_ERASE: lambda request_id, body: None if body else KeyErased(request_id),
}
