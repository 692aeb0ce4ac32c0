"""The flight process with keys: it flies protected, over kills too; without keys, or with open ones, it does not."""

import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.by_hand import Cadus, Report, cltu, protected, tc_frame, telecommand, verifications
from tests.system.test_process import DEADLINE_S, ROOT, terminal

__all__ = ["terminal"]
pytestmark = pytest.mark.process
KEYS = {spi: bytes([spi]) * 32 for spi in (0x10, 0x11, 0x20, 0x21, 0x23)}
DONE = [(1, None), (7, None)]


def _install(state: Path) -> None:
    (state / "keys").mkdir(parents=True, mode=0o700)
    for spi, key in KEYS.items():
        path = state / "keys" / f"{spi:04X}.key"
        path.write_bytes(key)
        path.chmod(0o600)


def _command(port: str, state: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "fsw", "--port", port, "--state", str(state), *more]


class Ground:
    """The other end of the pty, over all lives; `Cadus` holds the counters of one life against those before."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.ivs: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        self.cadus = Cadus(446, KEYS, self.ivs)
        self.reports: list[Report] = []

    def until(self, seen: Callable[[], object], what: str) -> None:
        while not seen():
            assert select.select([self.master], [], [], DEADLINE_S)[0], what
            self.reports += [report for vcid, report in self.cadus.feed(os.read(self.master, 4096)) if vcid == 0]

    def until_done(self, request: bytes) -> None:
        self.until(lambda: verifications(self.reports, request) == DONE, "it does not answer")

    def up(self, octets: bytes) -> None:
        os.write(self.master, cltu(tc_frame(0, octets)))


@pytest.mark.proves("K-SEC-001", "K-SEC-002", "K-SEC-003", "K-FLY-003")
def test_it_flies_protected_and_a_kill_gives_no_counter_back(tmp_path: Path, terminal: tuple[int, str]) -> None:
    master, port = terminal
    _install(tmp_path)
    ground = Ground(master)
    ping = [telecommand(0x020, 17, 1, count=count) for count in range(4)]
    sent = [protected(KEYS[0x10], 0, iv, packet) for iv, packet in enumerate(ping)]
    for life in range(2):
        ground.begin()
        flight = subprocess.Popen(_command(port, tmp_path), cwd=ROOT)
        try:
            ground.until(lambda: ground.reports, "it does not fly")
            for octets in sent[: 2 * life]:
                ground.up(octets)  # heard in the life before
            ground.up(ping[3])  # clear
            ground.up(sent[2 * life])
            ground.until_done(ping[2 * life])
            assert [n for n in range(4) if verifications(ground.reports, ping[n])] == [2 * life]
            if not life:
                ground.up(sent[1])
                ground.until_done(ping[1])
        finally:
            flight.kill()
            flight.wait()
        while select.select([master], [], [], 0)[0]:
            os.read(master, 4096)
    assert ground.ivs[0x20] >= 1 << 20


@pytest.mark.proves("K-FLY-003")
def test_without_keys_or_with_open_ones_it_is_one_sentence_and_exit_2(
    tmp_path: Path, terminal: tuple[int, str]
) -> None:
    for sentence in ("no keys in {0}/keys and no --clear: an unprotected link must be asked for",
                     "{0}/keys/0010.key may be read by others than its owner; chmod 600 it"):  # fmt: skip
        done = subprocess.run(
            _command(terminal[1], tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"kratai fly: {sentence.format(tmp_path)}\n")
        if not (tmp_path / "keys").exists():
            _install(tmp_path)
            (tmp_path / "keys" / "0010.key").chmod(0o644)


@pytest.mark.proves("K-SEC-009", "K-SEC-010")
def test_a_file_that_is_no_key_is_a_sentence_and_an_event_and_the_others_fly_and_are_noted(
    tmp_path: Path, terminal: tuple[int, str]
) -> None:
    _install(tmp_path)
    (tmp_path / "keys" / "0110.key").touch(mode=0o600)
    ground = Ground(terminal[0])
    flight = subprocess.Popen(_command(terminal[1], tmp_path), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        told = lambda: [r for r in ground.reports if r.service == 5 and r.data == b"\0\x62\x01\x10"]  # noqa: E731
        ground.until(told, "it does not tell")
        assert len((tmp_path / "keys" / "used").read_text().splitlines()) == len(KEYS)
    finally:
        flight.kill()
        _, said = flight.communicate()
    assert said == f"kratai fly: {tmp_path}/keys/0110.key is no key: a key has 32 octets\n"
