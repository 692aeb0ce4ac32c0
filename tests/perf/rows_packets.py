"""Figures of the packet store: groups through a real child, an hour found in a long store, a boot beside one."""

import os
import select
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from fsw.hal.child import ChildWire
from fsw.kernel.bus import Port
from fsw.kernel.clock import Micros
from fsw.store.client import PacketsKept, PacketsRead, PacketsSummarised, Store, StoreAnswer
from fsw.store.packets import Limits, PacketRow, Put, ReadRange, StoreKind, encode_limits, encode_put
from fsw.store.protocol import Opcode
from fsw.store.server import StoreServer
from tests.perf.rows_flight import Flight

Row = dict[str, object]
NOW: Final = Micros(0)
GROUP: Final = 64
PACKET: Final = bytes(range(100))
TAI: Final = 2_145_916_837_000_000
STEP_US: Final = 120_960
"""Ten million packets in fourteen days."""
HOUR_US: Final = 3_600_000_000
_SERIES: Final = "WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < ?) "
_ROWS: Final = _SERIES + "INSERT INTO packet_1 SELECT k + 1, ? + k * ?, k, 1, ? FROM n"
_SEGMENTS: Final = _SERIES + (
    "INSERT INTO segment SELECT 1, 256 * (k + 1), 256 * k + 1, 1, 256, 25600,"
    " ? + 256 * k * ?, ? + (256 * k + 255) * ?, 0 FROM n"
)


def _answer(store: Store, wire: ChildWire) -> StoreAnswer:
    while True:
        select.select([wire.fileno()], [], [])
        for answer in store.poll(NOW):
            return answer


def _child(path: str) -> tuple[Store, ChildWire]:
    wire = ChildWire("store", lambda: StoreServer(path))
    return Store(Port("store", wire, capacity=8, deadline_us=1 << 40)), wire


def rate(quick: bool) -> list[Row]:
    """Packets a second in groups of 64, each group committed and answered before the next is sent."""
    groups = 200 if quick else 1_000
    with tempfile.TemporaryDirectory() as folder:
        store, wire = _child(f"{folder}/store.sqlite")
        store.begin_packets(NOW)
        _answer(store, wire)
        store.limit_packets([Limits(1, StoreKind.CIRCULAR, 0, 2_000_000)], NOW)
        _answer(store, wire)
        rows = [PacketRow(1, 1, n, TAI, PACKET) for n in range(GROUP)]
        began = time.perf_counter()
        for number in range(1, groups + 1):
            store.put_packets(Put(1, number, rows), NOW)
            assert isinstance(_answer(store, wire), PacketsKept)
        seconds = time.perf_counter() - began
        wire.close()
    return [_row("packets_stored", groups * GROUP / seconds, "1/s", 10_000.0, at_least=True)]


def simulated(quick: bool) -> list[Row]:
    """A group of three packets for three stores, on a disk that is simulated: encoding, server, answer."""
    groups = 500 if quick else 3_000
    with tempfile.TemporaryDirectory() as folder:
        server = StoreServer(f"{folder}/store.sqlite", synced=False)
        server.serve(bytes((Opcode.PACKETS_BEGIN,)))
        limits = [Limits(n, StoreKind.CIRCULAR, 0, 200_000) for n in (1, 2, 3)]
        server.serve(bytes((Opcode.PACKETS_LIMITS,)) + encode_limits(limits))
        began = time.perf_counter()
        for number in range(1, groups + 1):
            put = Put(1, number, [PacketRow(n, 1, number, TAI, PACKET) for n in (1, 2, 3)])
            assert server.serve(bytes((Opcode.PACKETS_PUT,)) + encode_put(put))[0] == 0
        seconds = time.perf_counter() - began
        server.close()
    return [_row("packets_put_simulated", seconds / groups * 1e6, "us", None)]


def _fill(folder: Path, packets: int) -> None:
    """A store of so many packets, written by sqlite3."""
    server = StoreServer(str(folder / "store.sqlite"), synced=False)
    server.serve(bytes((Opcode.PACKETS_BEGIN,)))
    server.serve(bytes((Opcode.PACKETS_LIMITS,)) + encode_limits([Limits(1, StoreKind.CIRCULAR, 0, 1 << 40)]))
    server.close()
    with sqlite3.connect(folder / "packets.sqlite") as file:
        file.execute("PRAGMA synchronous = OFF")
        file.execute(_ROWS, (packets, TAI, STEP_US, PACKET))
        file.execute(_SEGMENTS, (packets // 256, TAI, STEP_US, TAI, STEP_US))
        file.execute("UPDATE head SET first_row = ?, last_row = ?", (packets + 1, packets))
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()


def long_store(quick: bool) -> list[Row]:
    """One hour out of ten million packets, a summary, and a boot beside them."""
    packets = 256 * (3_906 if quick else 39_063)
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder), packets)
        os.sync()  # what was just written is no part of a boot
        boots = [_boot(folder) for _ in range(4)][1:]
        first, boot = (median(figures) for figures in zip(*boots, strict=True))
        store, wire = _child(f"{folder}/store.sqlite")
        opened = _timed(lambda: _summary(store, wire, 0))
        middle = TAI + packets // 2 * STEP_US
        began = time.perf_counter()
        found = _page(store, wire, ReadRange(1, 0, False, middle, middle + HOUR_US))
        hour = time.perf_counter() - began
        assert found.page.packets[0].row == packets // 2 + 1
        summary = max(_timed(lambda: _summary(store, wire, packets // 2)) for _ in range(5))
        wire.close()
    return [
        _row(f"hour_found_in_{packets}_packets", hour * 1e3, "ms", 50.0),
        _row("long_store_opened_and_summed", opened * 1e3, "ms", None),
        _row("long_store_summary", summary * 1e3, "ms", None),
        _row("long_store_boot_first_octet", first, "s", 1.0),
        _row("long_store_boot_event", boot, "s", 1.0),
    ]


def _boot(state: str) -> tuple[float, float]:
    """Seconds from exec to the first octet, and to the boot event."""
    flight = Flight(state)
    select.select([flight.master], [], [], 30.0)
    first = time.perf_counter() - flight.started
    flight.until(lambda report: report.service == 5)
    boot = time.perf_counter() - flight.started
    flight.close()
    return first, boot


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _summary(store: Store, wire: ChildWire, mark: int) -> None:
    store.summarise_packets(1, mark, NOW)
    assert isinstance(_answer(store, wire), PacketsSummarised)


def _page(store: Store, wire: ChildWire, wanted: ReadRange) -> PacketsRead:
    store.read_packets(wanted, NOW)
    answer = _answer(store, wire)
    assert isinstance(answer, PacketsRead)
    return answer


def _row(name: str, value: float, unit: str, bound: float | None, *, at_least: bool = False) -> Row:
    holds = None if bound is None else (value >= bound if at_least else value <= bound)
    return {"name": name, "value": value, "unit": unit, "peer": None, "ratio": None, "bound": bound, "holds": holds}


ROWS: Final = {"packets_rate": rate, "packets_simulated": simulated, "packets_long": long_store}
