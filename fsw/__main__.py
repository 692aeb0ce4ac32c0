"""argv -> Config -> the real World -> App -> run (contract, section 7).

Start order matters: the state is locked, then the store's server is forked while this process is still small, then the
rest is imported; so a server stays light and the first telemetry is early.
"""

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from fsw.hal.state import StateError, default_state, lock_state
from fsw.kernel.key import NO_KEYRING

if TYPE_CHECKING:
    from fsw.capture.recorder import Recorder
    from fsw.hal.child import ChildWire
    from fsw.hal.file_child import FileChild
    from fsw.hal.keys import FoundKeys
    from fsw.hal.ports import LinePort
    from fsw.kernel.key import KeyRing

LINE_NAMES = ("slow", "default", "fast")
NETWORK = "udp://"
CHUNK_US = 100_000
"""How much of a recording may be lost with the process."""
RECORDED_MS = 500
"""How long, at the end of a flight, its recording may take to be written."""
CARRIER_NAMES = ("cltu-cadu", "slip", "slip-ip-udp", "udp")


def refuse(sentence: str) -> NoReturn:
    """One sentence on standard error, exit status 2."""
    sys.stderr.write(f"kratai fly: {sentence}\n")
    raise SystemExit(2)


def parse(argv: list[str]) -> Namespace:
    """Read the command line; a wrong one is one sentence and exit status 2."""
    parser = ArgumentParser(
        prog="kratai fly",
        description="The flight software alone, on any serial device.",
        epilog="example: kratai fly --port /dev/serial0 --line default; its keys lie in the state folder",
    )
    setattr(parser, "error", refuse)  # noqa: B010 - argparse's own prints its usage first: more than a sentence
    parser.add_argument("--port", required=True, metavar="DEV", help="serial device, pty, or udp://HOST:PORT")
    parser.add_argument("--line", choices=LINE_NAMES, help="line profile; default: the mission's")
    parser.add_argument("--baud", type=int, metavar="N", help="1200 to 3000000; picks the profile unless --line does")
    parser.add_argument(
        "--carrier",
        type=lambda name: name.replace("_", "-"),
        choices=CARRIER_NAMES,
        help="line coding; default: udp on a udp:// port, else cltu-cadu",
    )
    parser.add_argument("--state", metavar="DIR", default=default_state(), help="what survives a reset")
    parser.add_argument("--mission", metavar="DIR", help="mission folder; default: the built-in one")
    parser.add_argument(
        "--sensors",
        metavar="DIR",
        default="/",
        help="where the instruments look for sysfs; a bench gives simulated files",
    )
    parser.add_argument("--watchdog", metavar="DEV", help="hardware watchdog to stroke")
    parser.add_argument("--record", metavar="FILE", help="append a recording of all input, for replay")
    parser.add_argument("--clear", action="store_true", help="fly an unprotected link, keys or not")
    return parser.parse_args(argv)


def check_port(options: Namespace) -> tuple[str, int] | None:
    """Refuse a port that cannot be one; the peer where it is a network's, else None. Settles the carrier."""
    on_network = options.port.startswith(NETWORK)
    options.carrier = options.carrier or ("udp" if on_network else "cltu-cadu")
    if not on_network:
        from fsw.hal.serial_port import not_a_terminal  # noqa: PLC0415

        if not_a_terminal(options.port):
            refuse(f"{options.port} is no terminal; give a serial device or a pty")
        return None
    if options.carrier != "udp":
        refuse(f"a udp:// port carries one frame a datagram: --carrier udp, not {options.carrier}")
    from fsw.hal import udp_port  # noqa: PLC0415

    try:
        return udp_port.parse(options.port)
    except udp_port.AddressError as error:
        refuse(str(error))


def load_keys(state: str) -> "FoundKeys":
    """The link's keys; a flight without is refused, for an unprotected link must be asked for."""
    from fsw.hal.keys import KeyFileError, read_keys  # noqa: PLC0415

    try:
        found = read_keys(state)
    except KeyFileError as error:
        refuse(str(error))
    if not found.keys:
        refuse(f"no keys in {state}/keys and no --clear: an unprotected link must be asked for")
    return found


def take_keys(state: str, found: "FoundKeys") -> "KeyRing":
    """Note on the disk that these keys fly, before they do; say what is wrong with the other files."""
    from fsw.hal.keys import KeyFileError, note_use  # noqa: PLC0415

    try:
        ring, sentences = note_use(state, found)
    except KeyFileError as error:
        refuse(str(error))
    for sentence in sentences:
        sys.stderr.write(f"kratai fly: {sentence}\n")
    return ring


def open_line(options: Namespace, baud: int) -> "LinePort":
    """The port that the command line names; it opens when it is polled."""
    if options.peer is not None:
        from fsw.hal.udp_port import UdpLine  # noqa: PLC0415

        return UdpLine(options.peer)
    from fsw.hal.serial_port import SerialLine  # noqa: PLC0415

    return SerialLine(options.port, baud)


def fork_store(folder: str) -> "ChildWire":
    """Fork the store's device server; what it imports, it imports in the child."""
    from fsw.hal.child import ChildWire  # noqa: PLC0415
    from fsw.kernel.bus import Server  # noqa: PLC0415

    def serve() -> Server:
        from fsw.store.server import StoreServer  # noqa: PLC0415

        return StoreServer(f"{folder}/store.sqlite")

    return ChildWire("store", serve)


def fork_code(mission: str | None) -> "ChildWire":
    """Fork the server that reads code and configuration for scrubbing."""
    from fsw.hal.child import ChildWire  # noqa: PLC0415
    from fsw.kernel.bus import Server  # noqa: PLC0415

    def serve() -> Server:
        from fsw.store.checked_files import CheckedFiles, flown_files  # noqa: PLC0415

        return CheckedFiles(flown_files(os.path.dirname(os.path.abspath(__file__)), mission))

    return ChildWire("code", serve)


def fork_capture(path: str) -> "FileChild":
    """Fork the process that writes the recording."""
    from fsw.capture.format import MAGIC  # noqa: PLC0415
    from fsw.hal.file_child import FileChild  # noqa: PLC0415

    try:
        return FileChild(path, MAGIC[:-1])
    except OSError as error:
        refuse(f"--record {path}: {error.strerror}")
    except ValueError:
        refuse(f"--record {path}: exists and is no recording; give another name")


def fly(options: Namespace, store: "ChildWire", code: "ChildWire", capture: "FileChild | None") -> int:
    """Compose the real world and fly in it."""
    import gc  # noqa: PLC0415

    from fsw.app import compose, header_of  # noqa: PLC0415
    from fsw.config import BAUD_MAX, BAUD_MIN, LINES, Config, line_for_baud  # noqa: PLC0415
    from fsw.hal.board import LinuxBoard  # noqa: PLC0415
    from fsw.hal.clock import MonotonicClock  # noqa: PLC0415
    from fsw.hal.opener import SysfsOpener  # noqa: PLC0415
    from fsw.hal.ports import Outside  # noqa: PLC0415
    from fsw.hal.timer import TickTimer  # noqa: PLC0415
    from fsw.hal.watchdog import DeviceWatchdog, NoWatchdog  # noqa: PLC0415
    from fsw.mdb.mission import MissionError, load  # noqa: PLC0415
    from fsw.mdb.system import StopReason  # noqa: PLC0415

    try:
        mission = load(options.mission)
    except MissionError as error:
        refuse(str(error))
    if options.baud is not None and not BAUD_MIN <= options.baud <= BAUD_MAX:
        refuse(f"--baud must be {BAUD_MIN} to {BAUD_MAX}, not {options.baud}")
    if options.line is None and options.baud is not None:
        profile = line_for_baud(options.baud)
    else:
        profile = LINES[options.line or mission.line]
    if options.baud is not None:
        profile = profile._replace(baud=options.baud)
    clock = MonotonicClock()
    config = Config(profile, options.carrier)
    outside = Outside(
        clock=clock,
        line=open_line(options, profile.baud),
        wires={"store": store, "code": code},
        sensors=LinuxBoard(
            disk=options.state, sensors=options.sensors, nonce_seed=int.from_bytes(os.urandom(8), "big")
        ),
        opener=SysfsOpener(options.sensors),
        watchdog=DeviceWatchdog(options.watchdog) if options.watchdog else NoWatchdog(),
        keyring=options.keyring,
    )
    recorder = None
    if capture is not None:
        from fsw.capture.recorder import Recorder  # noqa: PLC0415

        header = header_of(config, mission, "process", keyring=options.keyring)
        recorder = Recorder(capture.take, header, clock, chunk_us=CHUNK_US)
    app = compose(config, mission, outside, recorder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: app.stop(StopReason.SIGNAL))
    gc.freeze()
    how = "crashed"
    try:
        app.run(TickTimer(clock).sleep_until)
        how = "orderly" if app.done else "given up"
    finally:
        if recorder is not None and capture is not None:
            end_recording(recorder, capture, how)
    outside.watchdog.disarm()
    store.close()
    code.close()
    if app.done and app.board.stop_wanted is StopReason.COMMAND:
        start_anew()
    return 0


def start_anew() -> NoReturn:
    """Become a fresh flight process, under the same number: a restart that was commanded."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell: the same words again


def reap() -> None:
    """Take leave of the children of a predecessor whose number this process has."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_recording(recorder: "Recorder", capture: "FileChild", how: str) -> None:
    """Close the recording, also that of a flight which its own kernel has ended."""
    recorder.finish(how)
    if not capture.close(recorder.rest, RECORDED_MS) or recorder.ticks_lost:
        sys.stderr.write(f"kratai fly: the recording is not whole: {recorder.ended}\n")


def main(argv: list[str]) -> int:
    """Check what can be checked before anything is started, then fly."""
    options = parse(argv)
    if not __debug__:
        refuse("assertions are part of the flight software: start Python without -O")
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until there is something that must be stopped in order. Not by an exception: an import may lose it.
        signal.signal(number, lambda *_: os._exit(0))
    options.peer = check_port(options)
    found = None if options.clear else load_keys(options.state)
    try:
        lock_state(options.state)
    except StateError as error:
        refuse(str(error))
    reap()
    store = fork_store(options.state)
    code = fork_code(options.mission)
    options.keyring = NO_KEYRING if found is None else take_keys(options.state, found)
    return fly(options, store, code, None if options.record is None else fork_capture(options.record))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
