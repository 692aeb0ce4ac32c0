"""The tasks' side of the store: typed requests by way of a bus port, typed answers when they have come."""

from collections.abc import Iterable, Mapping

from fsw.kernel.bus import Port
from fsw.kernel.clock import Micros
from fsw.store.answers import (
    Booted,
    Failed,
    FilesAnswered,
    Kept,
    KeyErased,
    Marked,
    PacketAnswer,
    PacketLimitsKept,
    PacketsBegun,
    PacketsChecked,
    PacketsDeleted,
    PacketsKept,
    PacketsRead,
    PacketsSummarised,
    PacketsTimed,
    ParametersCommitted,
    ParametersLoaded,
    RowsLoaded,
    StatsTold,
    StoreAnswer,
    decode,
)
from fsw.store.file_words import FileRequest, encode_request
from fsw.store.keep import Change, Table, encode_changes
from fsw.store.packets import (
    ROW_MAX,
    TAI_MAX,
    Limits,
    Put,
    ReadRange,
    encode_delete,
    encode_limits,
    encode_put,
    encode_read,
    encode_summary_of,
    encode_time,
)
from fsw.store.protocol import LastLife, Opcode, StoreStatus, encode_parameters

__all__ = [
    "Booted", "Failed", "FilesAnswered", "Kept", "KeyErased", "LastLife", "Marked", "PacketAnswer", "PacketLimitsKept",
    "PacketsBegun", "PacketsChecked", "PacketsDeleted", "PacketsKept", "PacketsRead", "PacketsSummarised",
    "PacketsTimed", "ParametersCommitted", "ParametersLoaded", "RowsLoaded", "StatsTold", "Store",
    "StoreAnswer", "StoreStatus",
]  # fmt: skip


class Store:
    """Asks the store and decodes its answers; `len` counts the answers yet to be polled, so a store may wake a slot.

    Each request returns its id, or None when the port is full. An answer that cannot be decoded ends as Failed.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        self._asked: dict[int, Opcode] = {}
        self._putting: int | None = None

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

    def begin_packets(self, now: Micros) -> int | None:
        """Begin a life of the packet store; answered by PacketsBegun, whose number the puts of this life bear."""
        return self._ask(Opcode.PACKETS_BEGIN, b"", now)

    def limit_packets(self, limits: Iterable[Limits], now: Micros) -> int | None:
        """Make stores, or change their limits; others stay. Answered by PacketLimitsKept once committed."""
        return self._ask(Opcode.PACKETS_LIMITS, encode_limits(limits), now)

    @property
    def putting(self) -> bool:
        """Whether a group of packets is under way."""
        return self._putting is not None

    def put_packets(self, put: Put, now: Micros) -> int | None:
        """Keep a group of packets, all or none; answered by PacketsKept once committed.

        One group is under way at a time (None while one is), so that a group whose outcome is unknown may be put again
        under its number and is kept once, and packets keep their order.
        """
        if self._putting is None:
            self._putting = self._ask(Opcode.PACKETS_PUT, encode_put(put), now)
            return self._putting
        return None

    def time_packets(self, life: int, tai_at_boot: int, now: Micros) -> int | None:
        """Give the rows of this life that have no TAI one; answered by PacketsTimed, to be repeated while `more`."""
        return self._ask(Opcode.PACKETS_TIME, encode_time(life, tai_at_boot), now)

    def read_packets(self, wanted: ReadRange, now: Micros) -> int | None:
        """Ask for a page of packets; answered by PacketsRead. The next page begins at its `cursor`."""
        return self._ask(Opcode.PACKETS_READ, encode_read(wanted), now)

    def delete_packets(
        self, store: int, now: Micros, *, up_to_row: int = ROW_MAX, up_to_tai: int = TAI_MAX
    ) -> int | None:
        """Delete the oldest packets, up to both; answered by PacketsDeleted, to be repeated while `more`.

        With a TAI they go as far as no packet is later; packets without time go with those before and behind them.
        """
        return self._ask(Opcode.PACKETS_DELETE, encode_delete(store, up_to_row, up_to_tai), now)

    def summarise_packets(self, store: int, mark: int, now: Micros) -> int | None:
        """Ask what a store holds, and what of it lies behind row `mark`; answered by PacketsSummarised."""
        return self._ask(Opcode.PACKETS_SUMMARY, encode_summary_of(store, mark), now)

    def check(self, now: Micros) -> int | None:
        """Have a bounded part of the packets' file looked through; answered by PacketsChecked."""
        return self._ask(Opcode.CHECK, b"", now)

    def stats(self, now: Micros) -> int | None:
        """Ask for the counters; answered by StatsTold."""
        return self._ask(Opcode.STATS, b"", now)

    def ask_files(self, request: FileRequest, now: Micros) -> int | None:
        """Have something done about the files of the store; answered by FilesAnswered."""
        return self._ask(Opcode.FILES, encode_request(request), now)

    def erase_key(self, key: int, now: Micros) -> int | None:
        """Destroy the file of a key id; answered by KeyErased when it is gone."""
        return self._ask(Opcode.KEY_ERASE, key.to_bytes(2, "big"), now)

    def poll(self, now: Micros) -> list[StoreAnswer]:
        """What has been answered since the last call."""
        answers = []
        for answer in self.port.poll(now):
            if answer.request_id == self._putting:
                self._putting = None
            answers.append(decode(self._asked.pop(answer.request_id), answer))
        return answers

    def _ask(self, opcode: Opcode, body: bytes, now: Micros) -> int | None:
        request_id = self.port.ask(bytes((opcode,)) + body, now)
        if request_id is not None:
            self._asked[request_id] = opcode
        return request_id
