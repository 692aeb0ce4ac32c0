"""A parent with the store in a child, run as a process of its own so that a test can kill it.

Commits parameter 10 = 1, 2, 3 … one after the other and writes "N" once the answer to commit N has come.
"""

import os
import select
import sys

from fsw.hal.child import ChildWire
from fsw.kernel.bus import Port
from fsw.kernel.clock import Micros
from fsw.store.client import ParametersCommitted, Store
from fsw.store.server import StoreServer


def main(path: str) -> None:
    """Boot, then commit until killed."""
    wire = ChildWire("store", lambda: StoreServer(path))
    store = Store(Port("store", wire, capacity=8, deadline_us=10_000_000))
    os.write(1, f"child {wire.pid}\n".encode())
    store.boot(Micros(0))
    n = 0
    while True:
        n += 1
        store.commit_parameters({10: n.to_bytes(4, "big"), 11: n.to_bytes(4, "big")}, Micros(0))
        committed = False
        while not committed:
            select.select([wire.fileno()], [], [])
            committed = any(isinstance(answer, ParametersCommitted) for answer in store.poll(Micros(0)))
        os.write(1, f"{n}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
