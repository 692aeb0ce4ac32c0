"""Scrubbing beside a plain model: two dictionaries of files, what was right and what is there, over resets."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fsw.kernel.clock import Micros
from fsw.mdb.system import Mode
from fsw.store.checked_files import CODE, SETTINGS, CheckedFile
from tests.services.desk import Desk, words
from tests.services.memory_asks import asked, turns
from tests.services.test_scrubbing import Days

OK = [(3, 0), (7, 0)]
SECOND = 1_000_000
PASSES = 300 * SECOND
"""Two whole passes of what this machine can put there, and one that has begun."""
FILES = [CheckedFile(CODE, f"fsw/{n}.py") for n in range(3)] + [CheckedFile(SETTINGS, "mission.toml")]
ONE = st.sampled_from(FILES)


class Scrubber(RuleBasedStateMachine):
    """`right` is what the last baseline took; None: the next pass takes one."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.code.octets = {file: bytes((n,)) * 70_000 * (n % 2) for n, file in enumerate(FILES)}
        self.desk.board.mode = Mode.NOMINAL
        self.desk.restore()
        self.right: dict[CheckedFile, bytes] | None = None
        self.enabled = {CODE, SETTINGS}
        self.seen: set[CheckedFile] = set()
        """What is known to be wrong in this life."""
        self.settled = False

    def there(self) -> dict[CheckedFile, bytes]:
        return {file: octets for file, octets in self.desk.code.octets.items() if file not in self.desk.code.unreadable}

    @precondition(lambda self: self.right is not None)  # what changes amid a first pass is right or wrong by chance
    @rule(file=ONE, octets=st.binary(max_size=5))
    def write(self, file: CheckedFile, octets: bytes) -> None:
        self.desk.code.octets[file] = octets
        self.settled = False

    @precondition(lambda self: self.right is not None)
    @rule(file=ONE)
    def delete(self, file: CheckedFile) -> None:
        self.desk.code.octets.pop(file, None)
        self.settled = False

    @precondition(lambda self: self.right is not None)
    @rule(file=ONE)
    def fail(self, file: CheckedFile) -> None:
        self.desk.code.unreadable ^= {file}
        self.settled = False

    @precondition(lambda self: self.right is not None)
    @rule()
    def mend(self) -> None:
        assert self.right is not None
        self.desk.code.octets = dict(self.right)
        self.desk.code.unreadable.clear()
        self.settled = False

    @rule()
    def time_passes(self) -> None:
        turns(self.desk, PASSES)
        if self.right is None and self.enabled and not self.desk.disk.failing:
            found = self.there()
            self.right = found or None
        if self.right is not None and self.enabled:
            now = self.there()
            listed = set(self.desk.code.octets)
            wrong = {file for file in self.right if now.get(file) != self.right[file]}
            wrong |= listed - set(self.right)
            self.seen = {file for file in wrong if file.kind in self.enabled}
        self.settled = True

    @rule(kind=st.sampled_from((CODE, SETTINGS)), on=st.booleans())
    def switch(self, kind: int, on: bool) -> None:
        said = words(asked(self.desk, 13 if on else 14, bytes((kind,))))
        if self.desk.disk.failing:
            assert said == [(3, 0), (8, 0x1B)]
            return
        assert said == OK
        self.settled = False
        (self.enabled.add if on else self.enabled.discard)(kind)
        if not on:
            self.seen = {file for file in self.seen if file.kind != kind}

    @rule()
    def take_baseline(self) -> None:
        said = words(asked(self.desk, 128, b""))
        if self.desk.disk.failing:
            assert said == [(3, 0), (8, 0x1B)]
        else:
            assert said == OK
            self.right, self.seen = None, set()

    @rule(failing=st.booleans())
    def disk(self, failing: bool) -> None:
        self.desk.disk.failing = failing

    @precondition(lambda self: not self.desk.disk.failing)
    @rule(ran_s=st.integers(0, 120))
    def reset(self, ran_s: int) -> None:
        turns(self.desk, ran_s * SECOND)
        if self.right is None:
            return  # whether that pass was whole is the case tests' question
        self.desk = Desk(self.desk.disk)
        self.desk.now = Micros(0)
        self.desk.board.mode = Mode.NOMINAL
        self.desk.restore()
        self.seen, self.settled = set(), False

    @invariant()
    def what_is_reported_is_the_model(self) -> None:
        days = Days(self.desk)
        assert (bool(days.code), bool(days.settings)) == (CODE in self.enabled, SETTINGS in self.enabled)
        if self.right is not None:
            assert days.files == len(self.right)
        if self.settled:
            assert days.wrong == len(self.seen)


Scrubber.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestScrubber = Scrubber.TestCase
