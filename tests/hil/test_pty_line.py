"""The emulator's pty as pyserial sees it: raw, open over restarts of the payload, behind a stable link."""

import os
import select
from pathlib import Path

import pytest
import serial

from hil.rungs.pty_line import LineError, PtyLine, default_link

DEADLINE_S = 10
ALL_OCTETS = bytes(range(256))


def read_exactly(device: PtyLine, octets: int) -> bytes:
    got = b""
    while len(got) < octets:
        assert select.select([device.fileno()], [], [], DEADLINE_S)[0], f"only {len(got)} octets came"
        got += device.read(octets - len(got))
    return got


def test_every_octet_passes_both_ways_unchanged(tmp_path: Path) -> None:
    line = PtyLine(tmp_path / "line")
    with serial.Serial(str(tmp_path / "line"), 115_200, timeout=DEADLINE_S, exclusive=True) as port:
        port.write(ALL_OCTETS)
        assert read_exactly(line, 256) == ALL_OCTETS
        assert line.write(ALL_OCTETS) == 256
        assert port.read(256) == ALL_OCTETS
    line.close()


def test_the_line_outlives_the_payload(tmp_path: Path) -> None:
    line = PtyLine(tmp_path / "line")
    for word in (b"first", b"second"):
        with serial.Serial(line.path, 115_200, timeout=DEADLINE_S) as port:
            port.write(word)
            assert read_exactly(line, len(word)) == word
            assert line.write(word) == len(word)
            assert port.read(len(word)) == word
        assert line.read(10) == b"", "nothing but silence while nobody is there"
    line.close()


@pytest.mark.proves("K-LND-005")
def test_what_nobody_reads_is_lost_and_the_next_reader_hears_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("hil.rungs.pty_line.time.monotonic", lambda: now)
    line = PtyLine()
    taken = [line.write(b"x" * 500)]
    while line.unread_octets() < 4095:
        taken.append(line.write(b"x" * 500))
        # The terminal moves octets behind our back: ask until it has.
    now = 1.0
    first = line.write(b"x")
    now = 2.0
    assert 0 in (first, line.write(b"x")), "the first look at a full terminal starts the time, one of these ends it"
    assert sum(taken) >= 4095
    line.flush()
    with serial.Serial(line.path, 115_200, timeout=DEADLINE_S) as port:
        assert line.write(b"present") == 7
        assert port.read(7) == b"present"
    line.close()


def test_flush_forgets_what_the_board_had_said() -> None:
    line = PtyLine()
    fd = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    os.write(fd, b"last words")
    assert select.select([line.fileno()], [], [], DEADLINE_S)[0]
    line.flush()
    assert line.read(100) == b""
    os.close(fd)
    line.close()


def test_the_link_is_replaced_when_it_is_one_and_goes_with_its_owner(tmp_path: Path) -> None:
    link = tmp_path / "deep" / "line"
    link.parent.mkdir()
    link.symlink_to("/nowhere")
    first = PtyLine(link)
    assert os.readlink(link) == first.path
    second = PtyLine(link)
    assert os.readlink(link) == second.path
    first.close()
    assert os.readlink(link) == second.path, "not the first one's any more"
    second.close()
    assert not link.is_symlink()


def test_a_file_in_the_way_is_a_sentence_and_stays(tmp_path: Path) -> None:
    (tmp_path / "line").write_text("precious")
    with pytest.raises(LineError, match=r"--link .*line: exists and is no symbolic link"):
        PtyLine(tmp_path / "line")
    assert (tmp_path / "line").read_text() == "precious"


def test_default_links_make_way_for_living_ones(tmp_path: Path) -> None:
    assert default_link(tmp_path) == tmp_path / "kratai-line"
    (tmp_path / "kratai-line").symlink_to("/dev/null")
    assert default_link(tmp_path) == tmp_path / "kratai-line-2"
    (tmp_path / "kratai-line").unlink()
    (tmp_path / "kratai-line").symlink_to("/dev/gone")
    assert default_link(tmp_path) == tmp_path / "kratai-line"
