"""A parent with one child server, run as a process of its own so that a test can kill it.

Speaks through standard output, which the child holds too: its end of file says that both are dead. The first request
never ends; "begun N" is written when request N begins.
"""

import os
import signal

from fsw.hal.child import ChildWire


class Slow:
    """Begins a request, says so, and never ends it."""

    def serve(self, request: bytes) -> bytes:
        """Never returns."""
        os.write(1, b"begun " + request + b"\n")
        while True:
            signal.pause()


def main() -> None:
    """Three requests to one child; then wait to be killed."""
    wire = ChildWire("slow", Slow)
    os.write(1, f"child {wire.pid}\n".encode())
    for request in (b"1", b"2", b"3"):
        assert wire.send(b"\0\0\0\0" + request)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
