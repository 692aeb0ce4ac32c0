"""The world of a replay by hand: the answers of `fsw/capture/format.py`, and each way to leave them."""

import hashlib
import zlib

import pytest

from fsw.capture.reader import Calls
from fsw.hal.ports import LineState
from fsw.kernel.clock import Micros
from hil.replay.tape import Divergence, Tape, TapeClock, TapeLine, TapeOpener, TapeSensors, TapeWire

T = Micros(70_000)


def tape(shape: str, values: bytes = b"") -> Tape:
    one = Tape(("store",))
    one.begin(Calls(bytes.fromhex(shape), values), T)
    return one


def crc(octets: bytes) -> bytes:
    return zlib.crc32(octets).to_bytes(4, "big")


def test_the_line_answers_as_it_did() -> None:
    one = tape("04 80 03 83 03 85 05 86", b"\1\2\3\4oops\0\5hello" + crc(b"answer") + b"\4")
    line = TapeLine(one, all_lives := hashlib.sha256())
    assert line.poll(T) is LineState.OPEN
    assert (line.opens, line.faults, line.fault) == (2, 3, "oops")
    assert (len(line), len(line), len(line)) == (1, 0, 0)
    assert (line.read(), line.read()) == (b"hello", b"")
    assert line.write(b"answer") == 3
    assert (line.octets, line.digest()) == (3, hashlib.sha256(b"ans").digest())
    assert all_lives.digest() == line.digest()
    one.end()
    assert one.divergence is None


@pytest.mark.proves("K-REPLAY-005")
def test_what_is_sent_otherwise_is_named() -> None:
    one = tape("90", crc(b"then") + b"\1")
    assert TapeWire(one, "store", 0).send(b"now")
    asked = f"store.send of 3 octets with CRC {zlib.crc32(b'now'):08x}"
    recorded = f"store.send of octets with CRC {zlib.crc32(b'then'):08x}"
    assert one.divergence == Divergence(T, asked, recorded)
    one.diverge("later", "later")
    assert one.divergence.asked == asked, "the first one counts"
    one.end()


def test_a_wire_answers_as_it_did() -> None:
    one = tape("91 11 92 12 13", b"\3yes\0")
    wire = TapeWire(one, "store", 0)
    assert (wire.receive(), wire.receive(), wire.alive(), wire.alive()) == (b"yes", None, False, False)
    wire.restart()
    one.end()
    assert one.divergence is None


def test_files_are_asked_by_their_path() -> None:
    one = tape("88 88 88 88", b"\0\4temp\3\00212" + b"\1\0" + b"\0\4dose\0" + b"\1\0")
    opener = TapeOpener(one)
    assert [opener.sysfs(path) for path in ("temp", "temp", "dose")] == ["12", None, None]
    assert opener.sysfs("dose") is None
    assert one.divergence == Divergence(T, "sysfs of dose", "sysfs of temp")


@pytest.mark.parametrize(
    ("shape", "values", "why"),
    [
        ("88", b"\5\0", "a path that nobody gave"),
        ("88", b"\0\4temp\1\0", "a file without a text"),
        ("88", b"\0\4te", "cut off"),
    ],
)
def test_files_that_cannot_be_read_are_divergences(shape: str, values: bytes, why: str) -> None:
    one = tape(shape, values)
    assert TapeOpener(one).sysfs("temp") is None
    assert one.divergence == Divergence(T, "sysfs", f"a value that cannot be read: {why}")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (b"\0", "no readings"),
        (b"\5\1\0", "no readings"),
        (b"\5\x08\0\0\0\0\0\0\0\3\0", "readings that are no whole numbers"),
    ],
)
def test_readings_that_are_none_are_divergences(values: bytes, why: str) -> None:
    one = tape("87", values)
    assert set(TapeSensors(one).read()) == {None}
    assert one.divergence == Divergence(T, "sensors.read", f"a value that cannot be read: {why}")


@pytest.mark.parametrize("fields", [6, 8, 9])
def test_readings_of_an_older_board_lack_what_it_did_not_know(fields: int) -> None:
    one = tape("87", bytes((5, fields)) + b"\0" * fields)
    assert TapeSensors(one).read() == (None,) * 9
    one.end()
    assert one.divergence is None


def test_the_clock_goes_on_as_planned_unless_told_otherwise() -> None:
    one = Tape(())
    clock = TapeClock(one)
    one.begin(Calls(bytes((0x01, 0x02, 0x81, 0x82)), b"\x0a\x09"), Micros(0))
    clock.begin(Micros(0))
    assert (clock.now(), clock.stopwatch_ns()) == (0, 10_000_000)
    assert (clock.now(), clock.stopwatch_ns()) == (5, 9_999_995)
    one.end()
    assert (clock.now(), clock.stopwatch_ns()) == (5, 9_999_995), "between ticks it stands"
    clock.begin(Micros(20_000))
    assert (clock.now(), clock.stopwatch_ns()) == (20_000, 29_999_995)
    assert one.divergence is None


@pytest.mark.parametrize(
    ("shape", "values", "asked", "recorded"),
    [
        ("", b"", "clock.now", "nothing more in this tick"),
        ("05", b"", "clock.now", "line.read"),
        ("11", b"", "clock.now", "store.receive"),
        ("17", b"", "clock.now", "wire 1.restart"),
        ("0c", b"", "clock.now", "channel 12"),
        ("81", b"", "clock.now", "a value that cannot be read: cut off"),
        ("01 02", b"", "nothing more in this tick", "clock.stopwatch_ns"),
        ("01", b"xy", "no more answers in this tick", "2 octets of them"),
    ],
)
def test_each_way_to_leave_a_recording_is_named(shape: str, values: bytes, asked: str, recorded: str) -> None:
    one = tape(shape, values)
    TapeClock(one).now()
    one.end()
    assert one.divergence == Divergence(T, asked, recorded)
