"""ST[06] case by case: what is dumped is what is there, and each wrong request has its code and changes nothing."""

import struct

import pytest

from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.memory import MemoryObject
from fsw.mdb.system import DISK_USED
from fsw.services.memory.memory import CHECK_OCTETS_MAX, WAITING_MAX
from fsw.services.memory.memory_objects import EVENTS_MAX
from fsw.store.keep import Table, put
from tests.services import memory_asks as by
from tests.services.desk import MISSION, Desk, words
from tests.services.memory_asks import asked, dumps, turns
from tests.system.by_hand import crc

OK = [(3, 0), (7, 0)]
SCRATCH, UPTIME = 10, 2
SECOND = 1_000_000


@pytest.fixture
def desk() -> Desk:
    one = Desk()
    one.restore()
    return one


def fill_schedule(desk: Desk, rows: int, octets: int = 100) -> bytes:
    """Rows in the table of the schedule; the octets of the object that they are."""
    whole = b""
    for n in range(rows):
        row = bytes((n % 251,)) * octets
        assert desk.keeper.keep([put(Table.SCHEDULE, n * 3, row)], desk.now, lambda *_: None)
        desk.answer()
        whole += struct.pack(">IH", n * 3, octets) + row
    return whole


@pytest.mark.proves("K-MEM-001")
def test_a_small_dump_is_one_report(desk: Desk) -> None:
    desk.parameters.values[SCRATCH] = 0xDEADBEEF
    at, octets = by.places()[SCRATCH]
    reports = asked(desk, 3, by.areas(by.PARAMETERS, (at, octets), (at + 1, 2), (at, octets)))
    assert words(reports) == OK
    whole = bytes.fromhex("deadbeef")
    assert dumps(reports) == [by.Dump(by.PARAMETERS, ((at, whole), (at + 1, whole[1:3]), (at, whole)))]
    assert [r.destination for r in reports if r.service == 6] == [7]


@pytest.mark.proves("K-MEM-001")
def test_every_object_says_its_length_and_checksum_and_dumps_as_much(desk: Desk) -> None:
    fill_schedule(desk, 3)
    desk.mailboxes.append(Mailbox("requests-020", 32))
    for object_id in MemoryObject:
        (measured,) = [r for r in asked(desk, 17, bytes((object_id,))) if r.service == 6]
        assert measured.subtype == 18
        _, length, checksum = struct.unpack(">BIH", measured.data)
        if not length:  # no event has occurred
            assert (object_id, checksum) == (MemoryObject.EVENT_LOG, 0xFFFF)
            continue
        (dump,) = dumps(asked(desk, 3, by.areas(object_id, (0, length)), us=5 * SECOND))
        ((_, octets),) = dump.areas
        if object_id is not MemoryObject.PARAMETERS:  # a dump counts itself there
            assert crc(octets) == checksum
        assert len(octets) == length


@pytest.mark.proves("K-MEM-001")
def test_checks_are_the_checksums_of_the_dump(desk: Desk) -> None:
    whole = fill_schedule(desk, 4)
    reports = asked(desk, 7, by.areas(by.SCHEDULE, (0, len(whole)), (100, 7)))
    assert words(reports) == OK
    (checked,) = [r.data for r in reports if r.service == 6]
    assert checked == bytes((by.SCHEDULE, 2)) + struct.pack(
        ">IHHIHH", 0, len(whole), crc(whole), 100, 7, crc(whole[100:107])
    )


@pytest.mark.proves("K-MEM-004")
def test_what_no_packet_holds_comes_in_parts_and_then_completes(desk: Desk) -> None:
    whole = fill_schedule(desk, 300)
    wanted = by.areas(by.SCHEDULE, (0, 20_000), (1_000, 5_000))
    reports = asked(desk, 3, wanted, us=10 * SECOND)
    assert dumps(reports) == [by.Dump(by.SCHEDULE, ((0, whole[:20_000]), (1_000, whole[1_000:6_000])))]
    assert words(reports) == OK
    assert (reports[-1].service, reports[-1].subtype) == (1, 7)
    assert [r.subtype for r in reports if r.service == 13].count(1) == 1


@pytest.mark.proves("K-MEM-004")
def test_parts_leave_room_for_what_else_waits(desk: Desk) -> None:
    fill_schedule(desk, 200)
    desk.ask(by.SYSTEM, 6, 3, by.areas(by.SCHEDULE, (0, 20_000)))
    for _ in range(10):
        desk.answer()
        desk.memory.step(desk.now)
        desk.now = Micros(desk.now + SECOND)
    assert desk.outbox.octets < 6_000, "nothing leaves the outbox: no more is put into it"
    assert desk.outbox.dropped == 0
    assert dumps(turns(desk, 5 * SECOND)) != []


@pytest.mark.proves("K-MEM-002")
@pytest.mark.parametrize(
    ("subtype", "data", "code"),
    [
        (3, by.areas(0, (0, 1)), 0x10),
        (3, by.areas(7, (0, 1)), 0x10),
        (7, by.areas(255, (0, 1)), 0x10),
        (17, b"\x63", 0x10),
        (1, by.load(9, (0, b"1")), 0x10),
        (3, by.areas(by.PARAMETERS, (100_000, 1)), 0x16),
        (3, by.areas(by.PARAMETERS, (0, 1), (0xFFFF_FFFF, 9)), 0x16),
        (7, by.areas(by.QUEUES, (0, 60_000)), 0x16),
        (1, by.load(by.PARAMETERS, (100_000, b"1")), 0x16),
        (3, by.areas(by.SCHEDULE, (0, 1)), 0x16),  # nothing is scheduled
        (3, by.areas(by.SCHEDULE, (0, 60_000), (0, 1)), 0x12),
        (7, by.areas(by.SCHEDULE, (0, 65_535), (0, 2)), 0x12),
        (1, by.load(by.CONFIGURATION, (0, b"1")), 0x19),
        (1, by.load(by.SCHEDULE, (0, b"1")), 0x19),
        (1, by.load(by.PARAMETERS, (by.places()[UPTIME][0], b"1")), 0x19),
        (1, by.load(by.PARAMETERS, (by.places()[SCRATCH][0] + 3, b"12")), 0x19),
        (1, by.load(by.PARAMETERS, (by.places()[SCRATCH][0], b"1"))[:-1] + b"\0", 0x15),
        (1, by.load(by.PARAMETERS, (by.places()[SCRATCH][0], b"")), 0x13),
        (1, by.load(by.PARAMETERS, (by.places()[20][0], b"\x04")), 0x13),  # command loss: 5 to 109
    ],
)
def test_wrong_requests(desk: Desk, subtype: int, data: bytes, code: int) -> None:
    before = dict(desk.parameters.values)
    assert words(asked(desk, subtype, data)) == [(4, code)]
    assert desk.commits == []
    counts = {107, 106, 105}
    assert {p: v for p, v in desk.parameters.values.items() if p not in counts} == {
        p: v for p, v in before.items() if p not in counts
    }


@pytest.mark.proves("K-MEM-003")
def test_a_load_is_committed_before_it_counts(desk: Desk) -> None:
    desk.parameters.values[SCRATCH] = 0x11223344
    at = by.places()[SCRATCH][0]
    assert words(asked(desk, 1, by.load(by.PARAMETERS, (at + 1, b"\xaa\xbb"), (at + 2, b"\xcc")))) == [(3, 0)]
    assert desk.commits == [{SCRATCH: bytes.fromhex("11aacc44")}]
    assert desk.parameters.values[SCRATCH] == 0x11223344
    assert words(asked(desk, 1, by.load(by.PARAMETERS, (at, b"\xdd")))) == []  # waits for the one before it
    desk.parameters.committed(1, desk.now)
    assert words(turns(desk)) == [(7, 0), (3, 0)]
    assert desk.commits[1] == {SCRATCH: bytes.fromhex("ddaacc44")}
    desk.parameters.committed(2, desk.now)
    assert words(desk.take()) == [(7, 0)]


@pytest.mark.proves("K-MEM-003")
def test_a_load_that_the_store_refuses_changes_nothing(desk: Desk) -> None:
    at = by.places()[SCRATCH][0]
    asked(desk, 1, by.load(by.PARAMETERS, (at, b"\x01")))
    desk.parameters.uncommitted(1, desk.now, refused=True)
    assert words(turns(desk)) == [(8, 0x1B)]
    assert desk.parameters.values[SCRATCH] == 0
    assert words(asked(desk, 17, bytes((by.QUEUES,)))) == OK, "the next request has its turn"


@pytest.mark.proves("K-MEM-004")
def test_dumps_can_be_ended(desk: Desk) -> None:
    fill_schedule(desk, 300)
    wanted = by.areas(by.SCHEDULE, (0, 30_000))
    running = asked(desk, 3, wanted) + asked(desk, 3, wanted)
    assert words(running) == [(3, 0), (3, 0)]
    desk.ask(by.SYSTEM, 6, 3, wanted)
    desk.ask(by.SYSTEM, 6, 17, bytes((by.QUEUES,)))
    ended = asked(desk, 12, b"")
    assert words(ended) == [(3, 0), (4, 0x14), (8, 0x14), (8, 0x14), (7, 0), (3, 0), (7, 0)]
    assert [r for r in turns(desk, 5 * SECOND) if r.service == 13] == []
    assert words(asked(desk, 12, b"")) == OK


def test_more_than_can_wait_is_busy(desk: Desk) -> None:
    fill_schedule(desk, 300)
    large = by.areas(by.SCHEDULE, (0, 30_000))
    said = [words(asked(desk, 3, large)) for _ in range(5)]
    assert said == [[(3, 0)]] * 4 + [[(4, 8)]]
    small = by.areas(by.SCHEDULE, (0, 1))
    said = [words(desk.ask(by.SYSTEM, 6, 3, small)) for _ in range(WAITING_MAX + 1)]
    assert said == [[]] * WAITING_MAX + [[(4, 8)]]
    assert words(turns(desk, 20 * SECOND)).count((7, 0)) == WAITING_MAX + 4


def test_a_store_that_does_not_answer_has_no_schedule_to_dump(desk: Desk) -> None:
    desk.disk.failing = True
    assert words(asked(desk, 3, by.areas(by.SCHEDULE, (0, 1)))) == [(4, 0x14)]
    assert words(asked(desk, 17, bytes((by.STORE_INDEX,)))) == [(4, 0x14)]
    assert words(asked(desk, 17, bytes((by.QUEUES,)))) == OK
    desk.disk.failing = False
    assert words(asked(desk, 3, by.areas(by.SCHEDULE, (0, 1)))) == [(4, 0x16)]


def test_a_long_object_is_measured_slice_by_slice(desk: Desk) -> None:
    whole = fill_schedule(desk, 200, octets=1_000)
    assert len(whole) > 3 * CHECK_OCTETS_MAX
    desk.ask(by.SYSTEM, 6, 17, bytes((by.SCHEDULE,)))
    steps = 0
    reports = desk.take()
    while not any(r.service == 6 for r in reports):
        desk.answer()
        desk.memory.step(desk.now)
        reports += desk.take()
        steps += 1
    assert steps > 3
    assert reports[-2].data == struct.pack(">BIH", by.SCHEDULE, len(whole), crc(whole))


@pytest.mark.proves("K-MEM-006")
def test_the_event_log_holds_the_last_events_oldest_first(desk: Desk) -> None:
    desk.ask(by.SYSTEM, 5, 6, struct.pack(">BH", 1, 9))
    for n in range(EVENTS_MAX + 5):  # 9 limit crossed and 10 limit back, in turns; 9 is not even reported
        desk.now = Micros(n * SECOND)
        value = 990 if n % 2 == 0 else 10
        desk.parameters.set(DISK_USED, value, desk.now)
    desk.take()
    (dump,) = dumps(asked(desk, 3, by.areas(by.EVENT_LOG, (0, EVENTS_MAX * 48)), us=10 * SECOND))
    octets = dump.areas[0][1]
    records = [octets[at : at + 48] for at in range(0, len(octets), 48)]
    assert len(records) == EVENTS_MAX
    for n, record in enumerate(records, 5):
        status, time, apid, severity, number, length = struct.unpack_from(">B7sHBHB", record)
        assert (status, apid, time[:5]) == (0, by.SYSTEM, b"\x1e" + struct.pack(">I", n))
        crossed = n % 2 == 0
        assert (severity, number) == ((3, 9) if crossed else (1, 10))
        auxiliary = struct.pack(">HBi", 7, 2, 990) if crossed else struct.pack(">Hi", 7, 10)
        assert record[14 : 14 + length] == auxiliary
        assert not any(record[14 + length :])


@pytest.mark.proves("K-MEM-006")
def test_the_index_of_the_store_counts_what_each_table_holds(desk: Desk) -> None:
    fill_schedule(desk, 70, octets=1_200)  # more than a page
    desk.keeper.keep([put(Table.FATES, 5, b"abc"), put(Table.FATES, 9, b"")], desk.now, lambda *_: None)
    stores = MISSION.storage.stores
    asked(desk, 17, bytes((by.QUEUES,)))
    for _ in range(10):
        desk.archive.step(desk.now)
        desk.answer()
        desk.now = Micros(desk.now + SECOND)
    reports = asked(desk, 17, bytes((by.STORE_INDEX,)))
    length = next(struct.unpack(">BIH", r.data)[1] for r in reports if r.service == 6)
    (dump,) = dumps(asked(desk, 3, by.areas(by.STORE_INDEX, (0, length))))
    octets = dump.areas[0][1]
    rows = [struct.unpack(">BBIQQQQQ", octets[at : at + 46]) for at in range(0, len(octets), 46)]
    tables = [row for row in rows if row[0] == 0 and row[1] in (Table.SCHEDULE, Table.FATES)]
    assert tables == [(0, 1, 70, 84_000, 0, 69 * 3, 0, 0), (0, 6, 2, 3, 5, 9, 0, 0)]
    assert [row[1] for row in rows if row[0] == 1] == [one.store for one in stores]
    packets = {row[1]: row for row in rows if row[0] == 1}
    assert sum(row[2] for row in packets.values()) >= 3, "what was reported is recorded"


@pytest.mark.proves("K-MEM-006")
def test_configuration_is_text_and_queues_are_rows(desk: Desk) -> None:
    desk.mailboxes.append(Mailbox("requests-020", 32))
    desk.mailboxes[0].put(object())
    (dump,) = dumps(asked(desk, 3, by.areas(by.QUEUES, (0, 20))))
    assert dump.areas[0][1] == b"requests-020" + struct.pack(">HHI", 1, 32, 0)
    (dump,) = dumps(asked(desk, 3, by.areas(by.CONFIGURATION, (0, 35))))
    assert dump.areas[0][1] == b"software kratai test\nmission rabbit"
