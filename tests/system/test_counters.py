"""Counters of the link as the ground reads them by (20,1): what was good on the line is not yet what was accepted."""

import struct
from pathlib import Path

from tests.system.bench import Bench
from tests.system.by_hand import cltu, tc_frame, telecommand

CLTUS_GOOD, FRAMES_ACCEPTED, CHANNEL_UNKNOWN = 0x0100, 0x0101, 0x018B


def test_a_good_frame_on_an_unknown_channel_is_not_counted_as_accepted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    bench.send(telecommand(0x020, 17, 1))
    bench.up(cltu(tc_frame(5, telecommand(0x020, 17, 1, count=1))))
    bench.run(2)
    ask = struct.pack(">BHHH", 3, CLTUS_GOOD, FRAMES_ACCEPTED, CHANNEL_UNKNOWN)
    bench.send(telecommand(0x020, 20, 1, ask, count=2))
    (values,) = [r.data for r in bench.run(1) if (r.service, r.subtype) == (20, 2)]
    # What is read was sampled within the second before, so without the frame that asks.
    expected = struct.pack(">BHIHIHH", 3, CLTUS_GOOD, 2, FRAMES_ACCEPTED, 1, CHANNEL_UNKNOWN, 1)
    assert values == expected
    bench.board.cut()
