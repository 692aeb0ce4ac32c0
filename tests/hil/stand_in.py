"""A payload board of one page: speaks the contract on the port of its first argument, by hand, and counts its boots.

Second argument: a file that holds the boot count. Says 0x110 four times a second, answers a power-off notice with
0x119, echoes every ground frame of VC 0 in telemetry, and says on VC 1 which process it is.
"""

import os
import select
import signal
import struct
import sys
import termios
import time
import tty
from pathlib import Path

from tests.hil.by_hand import Payload, cadu, idle_cadu, packet


def main() -> None:
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    termios.tcflush(fd, termios.TCIFLUSH)
    file = Path(sys.argv[2])
    boots = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(boots))
    child = os.fork()
    if child == 0:
        signal.pause()
    payload, vcfc, due, counts = Payload(), 0, 0.0, {"notices": 0, "echoed": 0}

    def send(vcid: int, data: bytes) -> None:
        nonlocal vcfc
        os.write(fd, cadu(vcid, vcfc % 256, data))
        vcfc += vcid == 2

    os.write(fd, idle_cadu(0))
    send(1, packet(0x0FD, struct.pack(">II", os.getpid(), child), from_lander=False))
    while True:
        if time.monotonic() >= due:
            due = time.monotonic() + 0.25
            send(2, packet(0x110, struct.pack(">BBhHHI", 2, 0, 2150, boots, 0, 1), from_lander=False))
        select.select([fd], [], [], max(0, due - time.monotonic()))
        try:
            payload.take(os.read(fd, 4096), 0)
        except BlockingIOError:
            continue
        notices = [heard for heard in payload.of(0x013) if heard.body[:2] == b"\0\0"]
        for _ in notices[counts["notices"] :]:
            send(2, packet(0x119, b"\0\1", from_lander=False))
        counts["notices"] = len(notices)
        for frame in payload.ground[counts["echoed"] :]:
            send(0, packet(0x020, frame[5:-2], from_lander=False))
        counts["echoed"] = len(payload.ground)


main()
