"""ST[15] beside plain lists: whatever is recorded, sent again, deleted and cut off, in any order."""

from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.services.archive_desk import ArchiveDesk, S, cuc
from tests.system.by_hand import Report

OK, UNKNOWN, EXISTS, STATE, NOT_EMPTY = 0, 0x10, 0x11, 0x14, 0x18
SIDS: Final = {2: 0x01, 3: 0x31, 5: 0x02}
"""The housekeeping structure that each store alone takes; 5 is made in flight."""
VALUES: Final = {2: 1, 3: 2, 5: 0}
NUMBERS: Final = st.sampled_from(sorted(SIDS))
EVER: Final = "1effffffffffff"


class Kept:
    """A store as a list: what was recorded with its TAI, how much of it is gone, how much the ground has."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Report]] = []
        self.gone = 0
        self.sent = 0
        self.settled = 0
        self.storage = False
        self.open = False
        self.range: list[Report] | None = None

    def missing(self) -> list[Report]:
        return [report for _, report in self.rows[max(self.sent, self.gone) :]]


class StorageMachine(RuleBasedStateMachine):
    """The desk's archive and the lists."""

    @initialize()
    def begin(self) -> None:
        self.desk = ArchiveDesk()
        assert self.desk.word(2, "01 01") == OK
        assert self.desk.word(29, "02 01 0020 01 0002 0000") == OK
        self.kept = {2: Kept(), 3: Kept()}
        self.kept[2].storage = self.kept[3].storage = True

    def tai(self) -> int:
        return self.desk.t0 + self.desk.now

    def judged(self, number: int, forbidden: str) -> int:
        """The code that a request for a store must get, where these activities forbid it."""
        store = self.kept.get(number)
        if store is None:
            return UNKNOWN
        busy = (store.storage and "S" in forbidden) or (store.open and "O" in forbidden)
        return STATE if busy or (store.range is not None and "T" in forbidden) else OK

    @rule(number=NUMBERS, count=st.integers(1, 40))
    def say(self, number: int, count: int) -> None:
        self.desk.run(S)
        self.desk.take()
        self.desk.say(SIDS[number], count)
        said = self.desk.take()
        store = self.kept.get(number)
        if store is not None and store.storage:
            store.rows += [(self.tai(), report) for report in said]
        self.desk.run(2 * S)

    @rule(number=NUMBERS, on=st.booleans())
    def record(self, number: int, on: bool) -> None:
        assert self.desk.word(1 if on else 2, f"01 {number:02x}") == self.judged(number, "")
        if number in self.kept:
            self.kept[number].storage = on

    @rule(number=NUMBERS)
    def resume(self, number: int) -> None:
        code = self.judged(number, "T")
        assert self.desk.word(15, f"01 {number:02x}") == code
        if code == OK:
            self.kept[number].open = True

    @rule(number=NUMBERS)
    def suspend(self, number: int) -> None:
        assert self.desk.word(16, f"01 {number:02x}") == self.judged(number, "")
        if number in self.kept:
            self.kept[number].open = False

    @rule(number=NUMBERS, before_s=st.integers(0, 60), length_s=st.integers(0, 60))
    def retrieve(self, number: int, before_s: int, length_s: int) -> None:
        first = self.tai() - before_s * S
        last = min(first + length_s * S, self.tai())
        code = self.judged(number, "OT")
        assert self.desk.word(9, f"01 {number:02x} {cuc(first)} {cuc(last)}") == code
        if code == OK:
            store = self.kept[number]
            found = [report for tai, report in store.rows[store.gone :] if first <= tai <= last]
            store.range = found or None

    @rule(number=NUMBERS)
    def abort(self, number: int) -> None:
        assert self.desk.word(17, f"01 {number:02x}") == self.judged(number, "")
        if number in self.kept:
            self.kept[number].range = None

    @rule(packets=st.one_of(st.integers(1, 30), st.just(10_000)))
    def send(self, packets: int) -> None:
        """Some frames of VC 3, or all there are; those of one store in their order."""
        found = self.desk.replayed(packets)
        for number, store in self.kept.items():
            mine = [r for r in found if r.data[:2] == SIDS[number].to_bytes(2, "big")]
            wanted = store.range if store.range is not None else store.missing() if store.open else []
            assert mine == (wanted if packets > 1_000 else wanted[: len(mine)])
            if store.range is not None:
                store.range = store.range[len(mine) :] or None
            elif mine:
                store.sent = max(store.sent, store.gone) + len(mine)

    @rule()
    def settle(self) -> None:
        self.desk.run(11 * S)
        assert self.desk.archive.settled
        for store in self.kept.values():
            store.settled = store.sent

    @rule(number=NUMBERS, before_s=st.integers(0, 60))
    def change_tag(self, number: int, before_s: int) -> None:
        code = self.judged(number, "O")
        begin = self.tai() - before_s * S
        assert self.desk.word(14, f"{cuc(begin)} 01 {number:02x}") == code
        if code == OK:
            store = self.kept[number]
            store.sent = store.settled = sum(tai < begin for tai, _ in store.rows)

    @rule(number=NUMBERS, before_s=st.integers(0, 60))
    def delete(self, number: int, before_s: int) -> None:
        code = self.judged(number, "OT")
        end = self.tai() - before_s * S
        assert self.desk.word(11, f"{cuc(end)} 01 {number:02x}") == code
        if code == OK:
            store = self.kept[number]
            store.gone = max(store.gone, sum(tai <= end for tai, _ in store.rows))

    @rule()
    def make(self) -> None:
        code = EXISTS if 5 in self.kept else OK
        assert self.desk.word(20, "01 05 00100000 00 03") == code
        if code == OK:
            self.kept[5] = Kept()
            assert self.desk.word(29, "05 01 0020 01 0002 0001") == OK

    @rule()
    def unmake(self) -> None:
        code = self.judged(5, "SOT")
        if code == OK and len(self.kept[5].rows) > self.kept[5].gone:
            code = NOT_EMPTY
        assert self.desk.word(21, "01 05") == code
        if code == OK:
            del self.kept[5]

    @rule()
    def last_pass(self) -> None:
        busy = any(store.range is not None for store in self.kept.values())
        assert self.desk.function(11, "01") == (STATE if busy else OK)
        if not busy:
            order = sorted(self.kept, key=lambda number: -VALUES[number])
            wanted = [report for number in order for report in reversed(self.kept[number].missing())]
            assert [r for r in self.desk.replayed() if r.subtype == 25] == wanted
            for store in self.kept.values():
                store.sent = len(store.rows)

    @rule()
    def cut(self) -> None:
        """The power goes: what was not kept of a tag is sent again, never less."""
        self.desk = self.desk.cut()
        for number, store in self.kept.items():
            store.range = None
            content = bytes.fromhex(self.desk.told(12, f"01 {number:02x}"))
            missing = len(store.rows) - store.gone
            assert content[23] <= 100
            behind = self.desk.archive.stores.stores[number].tag_row
            begin = self.desk.archive.stores.stores[number].tag_from
            row = behind or sum(tai < begin for tai, _ in store.rows)
            assert min(store.settled, store.sent) <= max(row, store.gone)
            assert row <= max(store.sent, store.gone, store.settled)
            store.sent = store.settled = row
            assert missing >= 0

    @invariant()
    def states(self) -> None:
        if not hasattr(self, "desk"):
            return
        told = bytes.fromhex(self.desk.told(18))
        states = {told[at]: tuple(told[at + 1 : at + 4]) for at in range(1, len(told), 4)}
        del states[1]
        assert states == {n: (s.storage, s.open, s.range is not None) for n, s in self.kept.items()}


TestStorage = StorageMachine.TestCase
TestStorage.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
TestStorage = pytest.mark.proves("K-ARCH-002", "K-ARCH-003", "K-ARCH-004", "K-ARCH-005", "K-ARCH-006")(TestStorage)
