"""ST[15]: packet stores record, say what they hold, are made, changed and deleted. Octets by hand."""

import pytest

from fsw.kernel.clock import Micros
from fsw.services.archive.packet_queue import PACKETS_MAX
from tests.services.archive_desk import EVENTS, HOUSEKEEPING, INSTRUMENTS, T0, ArchiveDesk, S, cuc

OK, INTERNAL, UNKNOWN, EXISTS, CAPACITY, RANGE, STATE, NOT_EMPTY, BUSY = 0, 0x1B, 0x10, 0x11, 0x12, 0x13, 0x14, 0x18, 8
DOSE = 0x31


def held(desk: ArchiveDesk, store: int) -> int:
    """Packets in a store, as its server counts them."""
    summaries = desk.disk.server._packets.heads
    return summaries[store].packets if store in summaries else -1


@pytest.mark.proves("K-ARCH-002")
def test_each_store_takes_what_the_mission_says() -> None:
    desk = ArchiveDesk()
    desk.run(2 * S)
    before = held(desk, EVENTS), held(desk, HOUSEKEEPING), held(desk, INSTRUMENTS)
    desk.say(1, 3)
    desk.say(DOSE, 2)
    desk.run(0)
    assert (held(desk, EVENTS), held(desk, HOUSEKEEPING), held(desk, INSTRUMENTS)) == before, "a group waits"
    desk.run(S)
    after = held(desk, EVENTS), held(desk, HOUSEKEEPING), held(desk, INSTRUMENTS)
    assert after == (before[0], before[1] + 3, before[2] + 2)


@pytest.mark.proves("K-ARCH-002")
def test_a_full_group_goes_at_once_and_so_does_a_last_one() -> None:
    desk = ArchiveDesk()
    desk.run(2 * S)
    desk.say(1, 64)
    desk.run(0)
    assert held(desk, HOUSEKEEPING) == 64
    desk.say(1)
    desk.board.off_at_us = Micros(desk.now + 5 * S)
    assert not desk.archive.close(desk.now)
    desk.run(0)
    assert desk.archive.close(desk.now)
    assert held(desk, HOUSEKEEPING) == 65


def test_recording_stops_and_goes_on() -> None:
    desk = ArchiveDesk()
    assert desk.told(18) == "03 01010000 02010000 03010000".replace(" ", "")
    assert desk.word(2, "01 02") == OK
    assert desk.told(18) == "03 01010000 02000000 03010000".replace(" ", "")
    desk.say(1)
    desk.run(S)
    assert held(desk, HOUSEKEEPING) == 0
    again = desk.cut()
    assert again.told(18)[12:14] == "00"
    assert again.word(1, "00") == OK
    again.say(1)
    again.run(S)
    assert held(again, HOUSEKEEPING) == 1


@pytest.mark.parametrize(
    ("subtype", "octets", "code"),
    [
        (1, "01 09", UNKNOWN),
        (2, "02 01 01", EXISTS),
        (20, "01 01 00001000 00 03", EXISTS),
        (20, "02 05 00001000 00 03 05 00001000 00 03", EXISTS),
        (20, "01 05 00001000 00 00", RANGE),
        (20, "0e" + "".join(f"{10 + n:02x} 00001000 00 03" for n in range(14)), CAPACITY),
        (21, "01 05", UNKNOWN),
        (21, "01 02", STATE),
        (25, "01 02 00001000", STATE),
        (26, "01 02", STATE),
        (27, "01 02", STATE),
        (27, "01 07", UNKNOWN),
        (28, "02 00", RANGE),
        (28, "02 03", OK),
        (28, "09 03", UNKNOWN),
        (24, "00 02 02", RANGE),
        (24, "00 02 09", UNKNOWN),
        (24, "00 09 02", UNKNOWN),
        (11, f"{cuc(T0)} 01 09", UNKNOWN),
        (12, "02 02 02", EXISTS),
        (3, "09 01 0020 00", UNKNOWN),
        (3, "02 01 0055 00", UNKNOWN),
        (4, "02 01 0020 01 03 01 1b", UNKNOWN),
        (29, "02 01 0020 01 7777 0001", UNKNOWN),
        (33, "02 01 0020 01 0004", UNKNOWN),
        (5, "09", UNKNOWN),
    ],
)
def test_refused(subtype: int, octets: str, code: int) -> None:
    desk = ArchiveDesk()
    before = desk.told(18), desk.told(22), desk.told(5, "02"), desk.told(35, "02")
    assert desk.word(subtype, octets) == code
    assert (desk.told(18), desk.told(22), desk.told(5, "02"), desk.told(35, "02")) == before


@pytest.mark.proves("K-ARCH-003")
def test_a_store_is_made_filled_copied_into_and_deleted() -> None:
    desk = ArchiveDesk()
    assert desk.word(20, "02 05 00002000 01 03 06 00100000 00 03") == OK
    assert desk.told(22)[-28:] == "05 00002000 01 03 06 00100000 00 03".replace(" ", "")
    assert desk.told(18)[-16:] == "05000000 06000000".replace(" ", "")
    assert desk.word(3, "05 01 0020 01 03 01 19") == OK
    assert desk.word(1, "01 05") == OK
    desk.say(1, 4)
    desk.run(S)
    assert held(desk, 5) == 4
    assert desk.word(24, "00 05 06") == OK
    assert held(desk, 6) == 4
    assert desk.word(24, "00 05 06") == NOT_EMPTY
    assert desk.word(21, "01 06") == NOT_EMPTY
    assert desk.word(11, "1e ffffffff ffff 01 06") == OK
    assert held(desk, 6) == 0
    assert desk.word(21, "01 06") == OK
    assert held(desk, 6) == -1
    again = desk.cut()
    assert again.told(22)[:2] == "04"
    assert again.told(5, "05") == "05 01 0020 01 03 01 19".replace(" ", "")
    assert held(again, 5) == 4


@pytest.mark.proves("K-ARCH-003")
def test_a_store_of_the_mission_stays_deleted() -> None:
    desk = ArchiveDesk()
    assert desk.word(2, "01 02") == OK
    assert desk.word(21, "01 02") == OK
    again = desk.cut()
    assert again.told(18) == "02 01010000 03010000".replace(" ", "")
    assert again.word(20, "01 02 00002000 00 03") == OK
    assert again.cut().told(22)[16:30] == "02 00002000 00 03".replace(" ", "")
    assert again.told(35, "02") == "0200"


@pytest.mark.proves("K-ARCH-003")
def test_circular_overwrites_and_bounded_refuses_as_resized() -> None:
    desk = ArchiveDesk()
    assert desk.word(2, "02 02 03") == OK
    assert desk.word(25, "02 02 00001000 03 00001000") == OK
    assert desk.word(27, "01 03") == OK
    assert desk.word(1, "02 02 03") == OK
    desk.say(1, 200)
    desk.say(DOSE, 200)
    desk.take()
    desk.run(S)
    told = [r.data[:2].hex() for r in desk.take() if r.service == 5]
    assert "0018" in told, "a bounded store is full"
    content = bytes.fromhex(desk.told(12, "02 02 03"))
    filled = content[1 + 22], content[1 + 24 + 22]
    assert filled[0] > 95
    assert filled[1] > 95
    oldest = held(desk, INSTRUMENTS)
    desk.say(DOSE, 5)
    desk.run(S)
    assert held(desk, INSTRUMENTS) == oldest
    assert desk.word(2, "01 03") == OK
    assert desk.word(26, "01 03") == OK


def test_what_a_disk_refuses_is_not_in_force_and_waits_for_it() -> None:
    desk = ArchiveDesk()
    desk.disk.failing = True
    assert desk.word(2, "01 02") == INTERNAL
    assert desk.word(20, "01 05 00002000 01 03") == INTERNAL
    desk.say(1, 5)
    desk.take()
    desk.run(2 * S)
    assert [r.data[:2].hex() for r in desk.take() if r.service == 5] == ["0016"]
    assert desk.word(12, "00") == INTERNAL
    desk.disk.failing = False
    desk.run(10 * S)
    assert "0017" in [r.data[:2].hex() for r in desk.take() if r.service == 5]
    assert desk.told(22)[:2] == "03"
    assert held(desk, HOUSEKEEPING) == 5


@pytest.mark.proves("K-ARCH-002")
def test_five_seconds_of_a_stalled_disk_lose_nothing() -> None:
    desk = ArchiveDesk()
    desk.run(S)
    desk.wire.latency_us = 5 * S
    for _ in range(50):
        desk.say(1, 20)
        desk.run(S // 10)
    desk.wire.latency_us = 0
    desk.run(10 * S)
    desk.run(10 * S)
    assert held(desk, HOUSEKEEPING) == 1_000
    assert desk.archive.queue.lost == 0


@pytest.mark.proves("K-ARCH-002")
def test_what_finds_no_room_is_counted_and_goes_down_live() -> None:
    desk = ArchiveDesk()
    desk.run(S)
    desk.disk.failing = True
    for _ in range(PACKETS_MAX // 64 + 2):
        desk.say(1, 64)
        assert len([r for r in desk.take() if r.subtype == 25]) == 64
    assert desk.archive.queue.lost == 128
    desk.disk.failing = False
    desk.run(S)
    desk.run(6 * S)
    assert held(desk, HOUSEKEEPING) == PACKETS_MAX


def test_packets_get_their_time_when_it_is_known() -> None:
    desk = ArchiveDesk(timed=False)
    desk.say(1, 3)
    desk.run(2 * S)
    assert bytes.fromhex(desk.told(12, "01 02"))[2:16] == bytes.fromhex("1e000000000000" * 2)
    desk.set_time()
    desk.run(2 * S)
    content = bytes.fromhex(desk.told(12, "01 02"))
    assert content[2:9].hex() == cuc(T0)
