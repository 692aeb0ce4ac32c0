"""ST[20] staging against a model, its table against a second transcription, and parameter definitions by hand."""

import struct

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from fsw.pus.ids import APID_SYSTEM
from fsw.services.staging import TABLE, Act, Staged
from tests.services.desk import Desk, words

OK = [(3, 0), (7, 0)]
REFUSED = 4
SCRATCH, LOSS, UPTIME = 10, 20, 2
WIDTH = {SCRATCH: ">I", LOSS: ">B", UPTIME: ">I"}
SECOND = """
             EMPTY   LOADED     VALIDATED   COMMITTING
STAGE        LOADED  LOADED     LOADED      -
VALIDATE     -       VALIDATED  VALIDATED   -
COMMIT       -       -          COMMITTING  -
DISCARD      EMPTY   EMPTY      EMPTY       -
KEPT         -       -          -           EMPTY
UNKEPT       -       -          -           VALIDATED
"""


def crc(octets: bytes) -> int:
    """CRC-16/IBM-3740 bit by bit, as its catalogue entry says."""
    remainder = 0xFFFF
    for octet in octets:
        remainder ^= octet << 8
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x1021 if remainder & 0x8000 else 0)) & 0xFFFF
    return remainder


def values(given: dict[int, int]) -> bytes:
    return b"".join(struct.pack(">H", pid) + struct.pack(WIDTH[pid], value) for pid, value in given.items())


@pytest.mark.proves("K-PARAM-002")
def test_the_table_is_the_second_transcription() -> None:
    head, *rows = (line.split() for line in SECOND.strip().splitlines())
    assert {row[0] for row in rows} == {act.name for act in Act}
    for act, *after in rows:
        for state, name in zip(head, after, strict=True):
            found = TABLE[Act[act]][Staged[state]]
            assert (found.name if found else "-") == name, (act, state)


class AgainstAModel(RuleBasedStateMachine):
    """The model: a dictionary laid aside, one in force, and whether the ground knows the checksum."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.restore()
        self.staged: dict[int, int] = {}
        self.known = False
        self.force = {SCRATCH: 0, LOSS: 40}
        self.commits = 0

    def ask(self, subtype: int, data: bytes = b"") -> list[tuple[int, int]]:
        return words(self.desk.ask(APID_SYSTEM, 20, subtype, data))

    @rule(given=st.dictionaries(st.sampled_from([SCRATCH, LOSS, UPTIME]), st.integers(0, 120), min_size=1, max_size=3))
    def stage(self, given: dict[int, int]) -> None:
        said = self.ask(128, bytes((len(given),)) + values(given))
        wrong = [
            0x19 if pid == UPTIME else 0x13
            for pid, v in given.items()
            if pid == UPTIME or (pid == LOSS and not 5 <= v <= 109)
        ]
        if wrong:
            assert said == [(REFUSED, wrong[0])]
        else:
            assert said == OK
            self.staged |= given
            self.known = False

    @rule(unknown=st.integers(60_000, 65_000))
    def stage_what_is_not_there(self, unknown: int) -> None:
        assert self.ask(128, struct.pack(">BHIHI", 2, SCRATCH, 9, unknown, 1)) == [(REFUSED, 0x10)]

    @rule()
    def validate(self) -> None:
        reports = self.desk.ask(APID_SYSTEM, 20, 129)
        if not self.staged:
            assert words(reports) == [(REFUSED, 0x14)]
            return
        assert words(reports) == OK
        (report,) = [r for r in reports if r.service == 20]
        expected = crc(values(dict(sorted(self.staged.items()))))
        assert (report.subtype, report.data) == (130, struct.pack(">BH", len(self.staged), expected))
        self.known = True

    @rule(off=st.sampled_from([0, 0, 1]), fate=st.sampled_from(["kept", "kept", "refused", "unknown", "full"]))
    def commit(self, off: int, fate: str) -> None:
        checksum = crc(values(dict(sorted(self.staged.items()))))
        self.desk.store_is_full = fate == "full"
        said = self.ask(131, struct.pack(">H", checksum ^ off))
        if not self.known:
            assert said == [(REFUSED, 0x14)]
        elif off:
            assert said == [(REFUSED, 0x15)]
        elif fate == "full":
            assert said == [(3, 0), (8, 8)]
        else:
            assert said == [(3, 0)]
            assert self.desk.parameters.values[SCRATCH] == self.force[SCRATCH]
            assert self.ask(128, bytes((1,)) + values({SCRATCH: 5})) == [(REFUSED, 8)]
            assert self.ask(132) == [(REFUSED, 8)]
            self.end(fate)
        for pid, value in self.force.items():
            assert self.desk.parameters.values[pid] == value

    def end(self, fate: str) -> None:
        number = len(self.desk.commits)
        if fate == "kept":
            self.desk.parameters.committed(number, self.desk.now)
            assert words(self.desk.take()) == [(7, 0)]
            self.force |= self.staged
            self.staged, self.known = {}, False
        else:
            self.desk.parameters.uncommitted(number, self.desk.now, refused=fate == "refused")
            assert words(self.desk.take()) == [(8, 0x1B if fate == "refused" else 0x1A)]

    @rule()
    def discard(self) -> None:
        assert self.ask(132) == OK
        self.staged, self.known = {}, False


AgainstAModel.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None, derandomize=True)
TestStaging = pytest.mark.proves("K-PARAM-002")(AgainstAModel.TestCase)


def test_what_is_laid_aside_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsw.services.staging.PARAMETERS_MAX", 1)
    desk = Desk()
    assert words(desk.ask(APID_SYSTEM, 20, 128, bytes((1,)) + values({SCRATCH: 5}))) == OK
    assert words(desk.ask(APID_SYSTEM, 20, 128, bytes((1,)) + values({SCRATCH: 6}))) == OK
    assert words(desk.ask(APID_SYSTEM, 20, 128, bytes((1,)) + values({LOSS: 50}))) == [(REFUSED, 0x12)]


@pytest.mark.proves("K-PARAM-003")
def test_definitions() -> None:
    desk = Desk()
    reports = desk.ask(APID_SYSTEM, 20, 6, struct.pack(">BHHH", 3, SCRATCH, LOSS, UPTIME))
    (report,) = [r for r in reports if r.service == 20]
    # id, kind (2: u32, 0: u8), writable, guarded
    assert (report.subtype, report.data.hex()) == (7, "03000a02010000140001010002020000")
    assert words(desk.ask(APID_SYSTEM, 20, 6, struct.pack(">BHH", 2, SCRATCH, 999))) == [(REFUSED, 0x10)]
