"""ST[15]: what is sent again on VC 3, and how far the tag is. Octets by hand."""

from pathlib import Path

import pytest

from fsw.mdb.lander import LanderLink
from fsw.mdb.storage import Basis
from fsw.pus.ids import APID_SYSTEM
from fsw.services.archive.allocation import Allocation, Framing
from fsw.services.archive.storage_states import REFUSED, Activity
from fsw.store.server import StoreServer
from tests.services.archive_desk import HOUSEKEEPING, INSTRUMENTS, T0, ArchiveDesk, S, cuc, numbers
from tests.services.desk import Desk, Disk, words
from tests.services.test_storage import BUSY, DOSE, OK, RANGE, STATE, UNKNOWN, held

EVER = f"{cuc(0)} {'1effffffffffff'}"


def recorded(count: int = 10, sid: int = 1) -> ArchiveDesk:
    """A desk with so many packets in a store, one a second from second 1 on."""
    desk = ArchiveDesk()
    for _ in range(count):
        desk.run(S)
        desk.say(sid)
    desk.run(2 * S)
    desk.take()
    return desk


def tag(desk: ArchiveDesk, store: int = HOUSEKEEPING) -> str:
    return desk.told(12, f"01 {store:02x}")[32:46]


@pytest.mark.proves("K-ARCH-004")
def test_a_time_range_is_sent_unmodified_and_ends() -> None:
    desk = ArchiveDesk()
    desk.run(S)
    desk.say(1, 3)
    live = [r for r in desk.take() if r.subtype == 25]
    desk.run(5 * S)
    desk.say(1)
    desk.run(2 * S)
    assert desk.word(9, f"01 02 {cuc(T0)} {cuc(T0 + 2 * S)}") == OK
    assert desk.told(18)[10:18] == "02010001"
    desk.take()
    assert desk.replayed() == live
    assert [r.data.hex() for r in desk.take() if r.service == 5] == ["0019" + "02" + "00000003"]
    assert desk.told(18)[10:18] == "02010000"


def test_an_empty_range_is_done_at_once() -> None:
    desk = recorded(2)
    assert desk.word(9, f"01 02 {cuc(0)} {cuc(S)}") == OK
    assert desk.replayed() == []
    assert desk.told(18)[10:18] == "02010000"


@pytest.mark.proves("K-ARCH-005")
def test_open_retrieval_goes_on_from_its_tag_and_follows() -> None:
    desk = recorded(5)
    assert desk.word(15, "01 02") == OK
    assert numbers(desk.replayed(3)) == [0, 1, 2]
    assert tag(desk) == cuc(T0 + 3 * S)
    assert desk.word(16, "01 02") == OK
    assert desk.replayed() == []
    assert desk.word(15, "00") == OK
    assert numbers(desk.replayed()) == [3, 4]
    desk.say(1)
    desk.run(2 * S)
    assert [r.data[:2] for r in desk.replayed() if r.service == 3] == [b"\0\1"]
    assert tag(desk) == cuc(T0 + desk.now - 2 * S)


@pytest.mark.proves("K-ARCH-005")
def test_a_tag_moves_with_its_frame_and_a_cut_repeats_but_loses_nothing() -> None:
    desk = recorded(8)
    assert desk.word(15, "01 02") == OK
    desk.archive.replay.take()
    assert tag(desk) == cuc(0)
    desk.archive.replay.frame_out(desk.now, unfinished=True)
    assert tag(desk) == cuc(0)
    assert desk.archive.replay.take()
    desk.archive.replay.frame_out(desk.now, unfinished=True)
    assert tag(desk) == cuc(T0 + S)
    desk.run(11 * S)
    assert desk.archive.settled
    again = desk.cut()
    again.run(S)
    assert numbers(again.replayed()) == [1, 2, 3, 4, 5, 6, 7]


def test_a_lost_frame_is_sent_again() -> None:
    desk = recorded(4)
    assert desk.word(15, "01 02") == OK
    desk.replayed(1)
    desk.archive.replay.take()
    desk.archive.replay.take()
    desk.archive.replay.frame_lost(desk.now)
    desk.run(0)
    assert numbers(desk.replayed()) == [1, 2, 3]


def test_the_ground_sets_the_tag() -> None:
    desk = recorded(6)
    assert desk.word(15, "01 02") == OK
    assert len(desk.replayed()) == 6
    assert desk.word(14, f"{cuc(T0 + 4 * S)} 01 02") == STATE
    assert desk.word(16, "01 02") == OK
    assert desk.word(14, f"{cuc(T0 + 4 * S)} 01 02") == OK
    assert tag(desk) == cuc(T0 + 4 * S)
    again = desk.cut()
    assert tag(again) == cuc(T0 + 4 * S)
    assert again.word(15, "01 02") == OK
    assert numbers(again.replayed()) == [3, 4, 5]


@pytest.mark.proves("K-ARCH-004")
def test_the_higher_priority_is_served_first() -> None:
    desk = recorded(3)
    desk.say(DOSE, 3)
    desk.run(2 * S)
    assert desk.word(9, f"02 02 {EVER} 03 {EVER}") == OK
    found = [r.data[:2].hex() for r in desk.replayed()]
    assert found == ["0031"] * 3 + ["0001"] * 3


@pytest.mark.proves("K-ARCH-006")
def test_the_last_pass_sends_by_value_the_newest_first() -> None:
    desk = recorded(4)
    desk.say(DOSE, 2)
    desk.run(2 * S)
    assert desk.word(15, "01 02") == OK
    assert numbers(desk.replayed(1)) == [0]
    assert desk.word(2, "01 01") == OK
    assert desk.word(14, "1effffffffffff 01 01") == OK
    assert desk.function(11, "01") == OK
    assert desk.function(11, "01") == STATE
    found = [(r.data[:2].hex(), r.number) for r in desk.replayed()]
    assert found == [("0031", 5), ("0031", 4), ("0001", 3), ("0001", 2), ("0001", 1)]
    assert "001a01" + "00000005" in [r.data.hex() for r in desk.take() if r.service == 5]
    assert tag(desk) == cuc(T0 + 4 * S)
    assert desk.function(11, "00") == STATE
    desk.say(1)
    desk.run(2 * S)
    assert len(desk.replayed()) == 1


def test_a_flush_is_told_to_stop() -> None:
    desk = recorded(6)
    assert desk.function(11, "01") == OK
    desk.replayed(2)
    assert desk.function(11, "00") == OK
    assert [r.data[:3].hex() for r in desk.take() if r.service == 5] == []
    assert desk.replayed() == []
    assert tag(desk) == cuc(0)


@pytest.mark.proves("K-ARCH-006")
def test_the_summary_says_what_is_missed() -> None:
    desk = recorded(10)
    desk.word(2, "00")
    assert desk.word(15, "01 02") == OK
    desk.replayed(4)
    found = bytes.fromhex(desk.told_function(10))
    basis, per_day, to_empty_s, first = found[0], found[1:5], found[5:9], found[9]
    assert (basis, first) == (0, 0)
    assert int.from_bytes(per_day, "big") == 11_520 * 86_400 * 434 // 446
    second = found[11 + 18 :][:18]
    assert (second[0], second[1]) == (2, 1)
    assert int.from_bytes(second[2:6], "big") == 6
    missed = sum(int.from_bytes(found[at + 6 : at + 10], "big") for at in range(11, len(found), 18))
    assert int.from_bytes(to_empty_s, "big") == missed * 86_400 // int.from_bytes(per_day, "big")


@pytest.mark.parametrize(
    ("subtype", "octets", "code"),
    [
        (9, f"01 09 {EVER}", UNKNOWN),
        (9, f"01 02 {cuc(T0 + S)} {cuc(T0)}", RANGE),
        (15, "01 09", UNKNOWN),
        (16, "01 09", UNKNOWN),
        (17, "01 09", UNKNOWN),
        (14, f"{cuc(T0)} 01 09", UNKNOWN),
    ],
)
def test_refused(subtype: int, octets: str, code: int) -> None:
    desk = recorded(1)
    before = desk.told(18)
    assert desk.word(subtype, octets) == code
    assert desk.told(18) == before


REQUESTS = {
    # request: octets of it, and in which activities of store 2 it is refused, as the Book's clauses say
    "EnableStorage": (1, "01 02", ""),
    "DisableStorage": (2, "01 02", ""),
    "StartRetrieval": (9, f"01 02 {EVER}", "OTF"),
    "AbortRetrieval": (17, "01 02", ""),
    "ChangeStartTag": (14, f"{cuc(T0)} 01 02", "OF"),
    "ResumeRetrieval": (15, "01 02", "TF"),
    "SuspendRetrieval": (16, "01 02", ""),
    "DeleteContent": (11, f"{cuc(T0)} 01 02", "OTF"),
    "DeleteStores": (21, "01 02", "SOTF"),
    "ResizeStores": (25, "01 02 00100000", "SOTF"),
    "ToCircular": (26, "01 02", "SOTF"),
    "ToBounded": (27, "01 02", "SOTF"),
    "ChangeChannel": (28, "02 03", "OTF"),
    "FlushByValue": (0, "01", "TF"),
    "CopyPackets": (24, "00 03 02", "OTF"),
}


@pytest.mark.proves("K-ARCH-004")
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("activity", list("SOTF"))
def test_each_cell_of_the_table(name: str, activity: str) -> None:
    subtype, octets, refused = REQUESTS[name]
    desk = recorded(3)
    assert desk.word(2, "01 02") == OK
    begun = {"S": (1, "01 02"), "O": (15, "01 02"), "T": (9, f"01 02 {EVER}")}
    assert (desk.word(*begun[activity]) if activity in begun else desk.function(11, "01")) == OK
    code = desk.word(subtype, octets) if subtype else desk.function(11, octets)
    assert (code == STATE) == (activity in refused)


def test_the_table_is_whole() -> None:
    assert {body.__name__ for body in REFUSED} == set(REQUESTS)
    for body, activities in REFUSED.items():
        found = "".join(letter for a, letter in zip(Activity, "SOTF", strict=True) if a in activities)
        assert found == REQUESTS[body.__name__][2]


def test_a_file_that_was_set_aside_has_new_rows() -> None:
    desk = recorded(5)
    assert desk.word(15, "01 02") == OK
    assert len(desk.replayed()) == 5
    desk.run(11 * S)
    fresh = ArchiveDesk()
    fresh.run(0)
    assert desk.disk.server is not fresh.disk.server
    desk.archive.retrieval.opened(True, desk.now)
    assert tag(desk) == cuc(T0 + 5 * S)
    desk.run(0)
    assert held(desk, INSTRUMENTS) == 0


@pytest.mark.proves("K-ARCH-005")
def test_a_file_that_is_set_aside_in_flight_costs_what_it_held_and_is_sent_again_once(tmp_path: Path) -> None:
    disk = Disk()
    disk.server = StoreServer(str(tmp_path / "store.sqlite"))
    desk = ArchiveDesk(disk)
    desk.say(1, 3)
    desk.run(2 * S)
    assert desk.word(15, "01 02") == OK
    assert len(desk.replayed()) == 3
    disk.server.close()
    for path in tmp_path.glob("packets.sqlite*"):
        path.unlink()
    (tmp_path / "packets.sqlite").write_bytes(b"no database at all" * 500)
    for count in (2, 1, 3, 1):
        desk.say(1, count)
        desk.run(2 * S)
        assert len(desk.replayed()) == count
    assert len(list(tmp_path.glob("packets.sqlite.damaged-*"))) == 1
    desk.run(11 * S)
    desk = desk.cut()
    assert len(desk.replayed()) == 7, "the next boot is told once more"
    desk.run(11 * S)
    assert desk.cut().replayed() == []


def test_a_tag_behind_the_last_row_is_of_a_file_that_is_no_more() -> None:
    desk = recorded(5)
    store = desk.archive.stores.stores[HOUSEKEEPING]
    store.tag_row, store.tag_tai = 999, T0
    assert desk.word(15, "01 02") == OK
    assert numbers(desk.replayed()) == [0, 1, 2, 3, 4]
    desk.run(11 * S)
    assert numbers(desk.cut().replayed()) == []


def test_nothing_is_sent_while_the_lander_is_silent_or_gives_no_credit() -> None:
    desk = recorded(6)
    replay = desk.archive.replay
    assert desk.word(15, "01 02") == OK
    replay.hold(True)
    assert desk.replayed() == []
    replay.hold(False)
    size = len(replay._queue[0].packet)
    replay.credit = 2 * size + 1
    assert replay.pending_octets() == 2 * size
    assert len(desk.replayed()) == 2
    assert replay.credit == 1
    replay.credit = None
    assert len(desk.replayed()) == 4


def test_a_store_that_cannot_be_read_is_told_of_once_and_read_again() -> None:
    desk = recorded(4)
    desk.disk.failing = True
    said = desk.serve(f"01 02 {EVER}", 9)
    desk.run(20 * S)
    assert [r.data.hex() for r in said + desk.take() if r.service == 5 and r.data[:2] == b"\0\x1b"] == ["001b02"]
    assert desk.replayed() == []
    desk.disk.failing = False
    desk.run(6 * S)
    assert len(desk.replayed()) == 4


def test_what_looks_into_stores_waits_for_them_to_be_open() -> None:
    disk = recorded(1).disk
    disk.failing = True
    desk = Desk(disk)
    request = desk.request(APID_SYSTEM, 15, 12, b"\0")
    desk.executions[type(request.body)](request, desk.now)
    assert words(desk.take()) == [(4, BUSY)]


def test_ten_looks_at_once_are_two_too_many() -> None:
    desk = recorded(1)
    for _ in range(10):
        request = desk.request(APID_SYSTEM, 15, 12, b"\0")
        desk.executions[type(request.body)](request, desk.now)
    desk.run(0)
    said = desk.take()
    assert [word for word in words(said) if word[0] in (4, 7)] == [(4, BUSY)] * 2 + [(7, OK)] * 8
    assert sum((r.service, r.subtype) == (15, 13) for r in said) == 8


@pytest.mark.proves("K-ARCH-006")
def test_the_allocation_follows_the_passes() -> None:
    allocation = Allocation(Framing(115_200, 434, 446))
    basis, per_day = allocation.per_day()
    assert basis is Basis.LINE_RATE
    for aos_s, los_s in ((1_000, 1_600), (1_000, 1_650), (8_000, 8_700)):
        allocation.hear(
            LanderLink(aos=cuc_octets(aos_s), los=cuc_octets(los_s), bps=10_000, queue_free=0, one_way_ms=0)
        )
        basis, per_day = allocation.per_day()
        if aos_s == 1_000:
            assert (basis, per_day) == (Basis.LINK, 10_000 * 86_400 // 8 * 434 // 446)
    assert (basis, per_day) == (Basis.PASSES, 10_000 * 86_400 // 8 * 434 // 446 * 700 // 7_000)


def cuc_octets(seconds: int) -> bytes:
    return bytes.fromhex(cuc(seconds * S))
