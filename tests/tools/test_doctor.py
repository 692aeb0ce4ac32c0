"""What `doctor` says of ports, on pseudo-terminals and a made-up /proc, and of state folders."""

import fcntl
import grp
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.cli import doctor, port_facts


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    yield slave, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_port_that_is_not_there() -> None:
    assert port_facts.look("/dev/ttyNOT0").fault == "No such file or directory"


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("")
    assert port_facts.look(str(tmp_path / "port")).fault == "is no character device"


def test_a_device_that_is_no_terminal() -> None:
    assert port_facts.look("/dev/null").fault == "is no terminal"


def test_a_free_port(pty: tuple[int, str]) -> None:
    os.set_blocking(pty[0], False)
    assert port_facts.look(pty[1]) == port_facts.PortFacts(pty[1], "", "")


def test_a_locked_port_is_busy(pty: tuple[int, str]) -> None:
    fcntl.flock(pty[0], fcntl.LOCK_EX)
    assert port_facts.look(pty[1]).fault.startswith("is locked")


def test_the_holder_of_a_port_is_named(pty: tuple[int, str], tmp_path: Path) -> None:
    for number, device in (("41", pty[1]), ("42", "/dev/null")):
        (tmp_path / number / "fd").mkdir(parents=True)
        (tmp_path / number / "comm").write_text(f"program{number}\n")
        (tmp_path / number / "fd" / "5").symlink_to(device)
    assert port_facts.held_by(pty[1], tmp_path) == [(41, "program41")]


def test_each_device_is_found_once_by_its_most_telling_name(tmp_path: Path) -> None:
    (tmp_path / "serial" / "by-id").mkdir(parents=True)
    (tmp_path / "ttyUSB0").write_text("")
    (tmp_path / "ttyACM3").write_text("")
    (tmp_path / "serial" / "by-id" / "usb-FTDI").symlink_to(tmp_path / "ttyUSB0")
    assert port_facts.ports(tmp_path) == [str(tmp_path / "serial/by-id/usb-FTDI"), str(tmp_path / "ttyACM3")]


def test_group_advice_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = tmp_path / "port"
    port.write_text("")
    port.chmod(0o660)
    monkeypatch.setattr(os, "getgroups", list)
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group(("dialout", "x", 20, [])))
    assert port_facts.permission(str(port)) == "sudo usermod -aG dialout $USER, then log in again"


def test_a_pseudo_terminal_can_be_made() -> None:
    assert port_facts.pseudo_terminal() == ""
    assert doctor.terminal().verdict == "ok"


def test_state_folder(tmp_path: Path) -> None:
    fresh = doctor.state_folder(tmp_path / "a" / "b")
    assert fresh.verdict == "ok"
    assert "made at the first start" in fresh.words
    (tmp_path / "file").write_text("")
    assert doctor.state_folder(tmp_path / "file" / "state").verdict == "wrong"


def test_the_environment_is_judged() -> None:
    assert doctor.python().verdict == "ok"
    assert doctor.crc().words in ("by crcmod", "by binascii")
    assert doctor.locks().verdict in ("ok", "note")
    assert [one.verdict for one in doctor.port_findings(["/dev/null"])] == ["wrong"]
