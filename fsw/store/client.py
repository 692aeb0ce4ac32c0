"""The tasks' side of the store: typed requests by way of a bus port, typed answers when they have come."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fsw.kernel.bus import Answer, Port, Status
from fsw.kernel.clock import Micros
from fsw.store.keep import Change, Table, decode_page, encode_changes
from fsw.store.protocol import LastLife, Opcode, StoreStatus, decode_parameters, encode_parameters

__all__ = [
    "Booted", "Failed", "Kept", "LastLife", "Marked", "ParametersCommitted", "ParametersLoaded", "RowsLoaded", "Store",
    "StoreAnswer", "StoreStatus",
]  # fmt: skip
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


class Failed(NamedTuple):
    """The request's outcome is unknown (timeout, lost), or the server refused it (`store_status` says why)."""

    request_id: int
    status: Status
    store_status: StoreStatus | None


StoreAnswer = Booted | Marked | ParametersLoaded | ParametersCommitted | Kept | RowsLoaded | Failed


class Store:
    """Asks the store and decodes its answers; `len` counts the answers yet to be polled, so a store may wake a slot.

    Each request returns its id, or None when the port is full. An answer that cannot be decoded ends as Failed.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        self._asked: dict[int, Opcode] = {}

    def __len__(self) -> int:
        return len(self.port)

    def boot(self, now: Micros) -> int | None:
        """Count this boot and mark the life as running; answered by Booted once committed."""
        return self._ask(Opcode.BOOT, b"", now)

    def mark(self, cause: LastLife, now: Micros) -> int | None:
        """Note how this life is about to end; answered by Marked once committed."""
        return self._ask(Opcode.MARK, bytes((cause,)), now)

    def load_parameters(self, now: Micros) -> int | None:
        """Ask for all committed parameters; answered by ParametersLoaded."""
        return self._ask(Opcode.PARAMETERS_LOAD, b"", now)

    def commit_parameters(self, values: Mapping[int, bytes], now: Micros) -> int | None:
        """Commit `values`, all or none; answered by ParametersCommitted."""
        return self._ask(Opcode.PARAMETERS_COMMIT, encode_parameters(values), now)

    def keep(self, changes: Iterable[Change], now: Micros) -> int | None:
        """Make these changes, all or none; answered by Kept once committed."""
        return self._ask(Opcode.KEEP, encode_changes(changes), now)

    def load_rows(self, table: Table, first_key: int, now: Micros) -> int | None:
        """Ask for the rows of a table from `first_key` on; answered by RowsLoaded, a page at a time."""
        return self._ask(Opcode.KEEP_LOAD, bytes((table,)) + first_key.to_bytes(4, "big"), now)

    def poll(self, now: Micros) -> list[StoreAnswer]:
        """What has been answered since the last call."""
        return [_decode(self._asked.pop(answer.request_id), answer) for answer in self.port.poll(now)]

    def _ask(self, opcode: Opcode, body: bytes, now: Micros) -> int | None:
        request_id = self.port.ask(bytes((opcode,)) + body, now)
        if request_id is not None:
            self._asked[request_id] = opcode
        return request_id


def _decode(opcode: Opcode, answer: Answer) -> StoreAnswer:
    if answer.status is not Status.OK:
        return Failed(answer.request_id, answer.status, None)
    status, body = answer.octets[:1], answer.octets[1:]
    if status != bytes((StoreStatus.OK,)):
        known = bool(status) and status[0] in tuple(StoreStatus)
        return Failed(answer.request_id, Status.OK, StoreStatus(status[0]) if known else None)
    return _decode_body(opcode, answer.request_id, body) or Failed(answer.request_id, Status.OK, None)


def _decode_body(opcode: Opcode, request_id: int, body: bytes) -> StoreAnswer | None:
    match opcode:
        case Opcode.BOOT:
            if len(body) != _BOOTED_OCTETS or body[4] not in tuple(LastLife):
                return None
            return Booted(request_id, int.from_bytes(body[:4], "big"), LastLife(body[4]), body[5] != 0)
        case Opcode.MARK:
            return None if body else Marked(request_id)
        case Opcode.PARAMETERS_LOAD:
            values = decode_parameters(body)
            return None if values is None else ParametersLoaded(request_id, values)
        case Opcode.PARAMETERS_COMMIT:
            return None if body else ParametersCommitted(request_id)
        case Opcode.KEEP:
            return None if body else Kept(request_id)
        case Opcode.KEEP_LOAD:
            page = decode_page(body)
            return None if page is None else RowsLoaded(request_id, *page)
