"""Any requests, ends, turns and cuts in any order: the list is what a plain one would be."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fsw.kernel.clock import NEVER
from fsw.pus.ids import FailureCode
from fsw.services.verification import Request
from tests.services.test_fates import ACCEPTED, COMPLETED, CUT, FAILED, REFUSED, REJECTED, STARTED, FateDesk

KEPT = 256
Entry = tuple[int, int, int]  # sequence count, last word, code


class Model(RuleBasedStateMachine):
    """`lives` is what was said, `disk` what of it a cut leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Entry] = []
        self.disk: list[Entry] = []
        self.open: dict[int, Request] = {}  # by place in `said`
        self.count = 0

    @initialize()
    def begin(self) -> None:
        self.desk = FateDesk()

    def come(self, *, kind: tuple[int, int] = (17, 1), word: int = ACCEPTED, code: int = 0) -> None:
        request = self.desk.receive(self.count, kind=kind)
        self.said.append((self.count, word, code))
        if request is not None:
            self.open[len(self.said) - 1] = request
        self.count += 1

    def say(self, place: int, word: int, code: int = 0) -> None:
        self.said[place] = (self.said[place][0], word, code)

    @rule(many=st.sampled_from([1, 1, 3, 60, 130]))
    def requests_come(self, many: int) -> None:
        for _ in range(many):
            self.come()

    @rule()
    def one_is_rejected(self) -> None:
        self.come(kind=(99, 1), word=REJECTED, code=3)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), how=st.sampled_from(["start", "complete", "fail", "refuse"]))
    def something_is_said(self, data: st.DataObject, how: str) -> None:
        place = data.draw(st.sampled_from(sorted(self.open)))
        request, verification, now = self.open[place], self.desk.desk.verification, self.desk.desk.now
        started = self.said[place][1] == STARTED
        if how == "refuse":
            if started:
                return
            verification.refused(request, FailureCode.WRONG_STATE, now)
            self.say(place, REFUSED, 0x14)
        else:
            if not started:
                verification.started(request, now)
                self.say(place, STARTED)
            if how == "start":
                return
            if how == "complete":
                verification.completed(request, now)
                self.say(place, COMPLETED)
            else:
                verification.failed(request, FailureCode.INTERNAL, now)
                self.say(place, FAILED, 0x1B)
        del self.open[place]

    @rule()
    def turns(self) -> None:
        """All that was said reaches the disk."""
        while self.desk.turn(5_000_000) != NEVER:
            pass
        self.disk = list(self.said)

    @precondition(lambda self: self.disk != self.said)
    @rule()
    def the_disk_fails_for_a_turn(self) -> None:
        self.desk.desk.disk.failing = True
        self.desk.turn(5_000_000)
        self.desk.desk.disk.failing = False

    @rule()
    def the_power_is_cut(self) -> None:
        """What was not on the disk is gone; what had no last word there is cut short."""
        self.desk = FateDesk(self.desk)
        self.said = [(count, CUT if word in (ACCEPTED, STARTED) else word, code) for count, word, code in self.disk]
        self.open.clear()

    @rule(first=st.integers(0, 600))
    def the_list_is_read(self, first: int) -> None:
        reports = self.desk.listed(first)
        told = [(fate.number, fate.sequence, fate.word, fate.code) for each in reports for fate in each.fates]
        oldest = max(0, len(self.said) - KEPT)
        wanted = [(number, *entry) for number, entry in enumerate(self.said) if number >= max(first, oldest)]
        assert told == wanted
        assert all(each.whole and each.following == len(self.said) for each in reports)


Model.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestModel = Model.TestCase
