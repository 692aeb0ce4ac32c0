"""COP-1 through the whole board: a ground with FOP-1 on a line that loses CLTUs and CADUs both ways."""

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds.carrier import by_name
from fsw.ccsds.depacketizer import PacketReceived
from fsw.ccsds.flight_link import LinkProfile
from fsw.ccsds.fop1_words import Response
from fsw.ccsds.ground_link import GroundLink, Uplink
from fsw.kernel.clock import Micros
from tests.system.bench import Bench
from tests.system.by_hand import SCID, Report, cltu, crc, report, tc_frame, telecommand

STEP_US = 20_000


class Ground:
    """FOP-1 over the board's line; each unit either way is lost with probability `loss`."""

    def __init__(self, bench: Bench, loss: float, chance: random.Random) -> None:
        self.bench = bench
        self.loss = loss
        self.chance = chance
        self.link = GroundLink(LinkProfile(SCID, 446, 20), by_name("cltu_cadu", SCID, 446), t1_us=1_500_000, limit=20)
        self.reports: list[Report] = []
        self.responses: list[Response] = []
        self.sent = 0
        self._rest = b""

    def run(self, seconds: float) -> None:
        end = self.bench.clock.now() + round(seconds * 1_000_000)
        while (now := self.bench.clock.now()) < end:
            self.bench.board.run_until(Micros(now + STEP_US), self.bench.clock)
            now = self.bench.clock.now()
            self._rest += self.bench.board.line.down.take(now)
            while len(self._rest) >= 450:
                cadu, self._rest = self._rest[:450], self._rest[450:]
                if self.chance.random() >= self.loss:
                    self.link.receive_line(cadu, now)
            self.link.tick(now)
            self._serve()

    def send(self, packet: bytes) -> None:
        while not (self.link.ad_active and self.link.ad_room):
            self.run(STEP_US / 1_000_000)
        self.link.send_ad(packet, self.bench.clock.now())
        self._serve()

    def _serve(self) -> None:
        for event in self.link.take():
            if isinstance(event, Uplink):
                self.sent += 1
                if self.chance.random() >= self.loss:
                    self.bench.up(cltu(event.frame))
            elif isinstance(event, PacketReceived) and event.vcid == 0:
                self.reports.append(report(event.packet))
            elif isinstance(event, Response):
                self.responses.append(event)


def set_scratch(n: int) -> bytes:
    return telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, n), count=n)


def executions(bench: Bench) -> list[int]:
    """What was commanded, as the board's own process saw it: watched at the store's wire."""
    seen: list[int] = []
    wire = bench.board.store_wire
    assert wire is not None
    send = wire.send

    def watched(message: bytes) -> bool:
        if message[4:7] == b"\x04\0\x0a":  # commit of parameter 10, behind the request id
            seen.append(int.from_bytes(message[8:12], "big"))
        return send(message)

    setattr(wire, "send", watched)  # noqa: B010
    return seen


@pytest.mark.proves("K-FRAME-004")
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.3]))
def test_every_ad_command_executes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, seed: int, loss: float
) -> None:
    bench = Bench(tmp_path_factory.mktemp("cop1"))
    executed = executions(bench)
    ground = Ground(bench, loss, random.Random(seed))
    ground.run(2)
    for n in range(40):
        ground.send(set_scratch(n))
    ground.run(30)
    assert executed == list(range(40))
    if not loss:
        # 40 commands and no word lost: each is accepted and completed once, in order.
        for subtype in (1, 7):
            counts = [r.data[2:4] for r in ground.reports if (r.service, r.subtype) == (1, subtype)]
            assert counts == [struct.pack(">H", 0xC000 | n) for n in range(40)]
        assert ground.sent == 40


def test_lockout_is_left_by_unlock_and_the_next_command_executes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    executed = executions(bench)
    ground = Ground(bench, 0.0, random.Random(1))
    ground.run(2)
    ground.send(set_scratch(1))
    ground.run(1)
    # A frame 100 ahead of V(R) = 1, by hand: outside the window, FARM-1 locks out.
    stray = bytearray(tc_frame(0, set_scratch(66), bypass=False))
    stray[4] = 101
    bench.up(cltu(bytes(stray[:-2]) + struct.pack(">H", crc(bytes(stray[:-2])))))
    ground.run(1)
    assert ground.link.clcw is not None
    assert ground.link.clcw.lockout
    ground.run(5)
    ground.send(set_scratch(2))
    ground.run(5)
    assert executed == [1, 2]
    assert not ground.link.clcw.lockout


@pytest.mark.proves("K-GND-001")
def test_a_reboot_in_the_middle_ends_in_a_fresh_service(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    ground = Ground(bench, 0.0, random.Random(1))
    ground.run(2)
    for n in range(30):
        ground.send(set_scratch(n))
    ground.run(1)
    bench.board.cut()
    bench.clock.advance(1_000_000)
    bench.board.power_on()
    executed = executions(bench)
    ground.run(10)
    ground.send(set_scratch(77))
    ground.run(10)
    assert executed == [77]
