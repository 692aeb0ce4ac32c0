"""A program that keeps groups of packets, rows and parameters in the store's child and says each committed number.

`put_until_killed.py PATH LIFE`: prints "child PID", "life N", then "P n", "K n" or "V n" for each committed group, row
and parameter, until it is killed. Everything of a number bears it, so that half of one would show.
"""

import os
import select
import sys
from typing import Final

from fsw.hal.child import ChildWire
from fsw.kernel.bus import Port
from fsw.kernel.clock import Micros
from fsw.store.client import Kept, PacketLimitsKept, PacketsBegun, PacketsKept, ParametersCommitted, Store, StoreAnswer
from fsw.store.keep import Table, put
from fsw.store.packets import Limits, PacketRow, Put, StoreKind
from fsw.store.server import StoreServer

NOW: Final = Micros(0)
GROUP: Final = 16


def group(life: int, number: int) -> Put:
    """A group for two stores, one of which is circular and overflows."""
    words = [life.to_bytes(4, "big") + number.to_bytes(4, "big") + bytes((n,)) * 150 for n in range(GROUP)]
    rows = [PacketRow(1 + n % 2, 0, number, 0, word) for n, word in enumerate(words)]
    return Put(life, number, rows)


def wait(store: Store, wire: ChildWire) -> list[StoreAnswer]:
    """The next answers."""
    while True:
        select.select([wire.fileno()], [], [])
        answers = store.poll(NOW)
        if answers:
            return answers


def main(path: str) -> None:
    """Begin, then commit until killed."""
    wire = ChildWire("store", lambda: StoreServer(path))
    store = Store(Port("store", wire, capacity=8, deadline_us=10_000_000))
    os.write(1, f"child {wire.pid}\n".encode())
    store.boot(NOW)
    wait(store, wire)
    store.begin_packets(NOW)
    (begun,) = wait(store, wire)
    assert isinstance(begun, PacketsBegun)
    life = begun.begun.life
    limits = [Limits(1, StoreKind.BOUNDED, 0, 1 << 30), Limits(2, StoreKind.CIRCULAR, 0, 40_000)]
    store.limit_packets(limits, NOW)
    assert isinstance(wait(store, wire)[0], PacketLimitsKept)
    os.write(1, f"life {life}\n".encode())
    number = 0
    while True:
        number += 1
        value = life.to_bytes(4, "big") + number.to_bytes(4, "big")
        store.put_packets(group(life, number), NOW)
        store.keep([put(Table.COUNTERS, 1, value), put(Table.COUNTERS, 2, value)], NOW)
        store.commit_parameters({10: value, 11: value}, NOW)
        for _ in range(3):
            for answer in wait(store, wire) if len(store) else []:
                word = {PacketsKept: "P", Kept: "K", ParametersCommitted: "V"}[type(answer)]
                os.write(1, f"{word} {number}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
