"""Modes beside a plain model: commands, responses, the lander's demands and notices, and resets, in any order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.lander import LanderMode, Phase
from fsw.mdb.system import Mode, ModeReason
from fsw.services.board import Board
from fsw.system.memory_guard import MemoryGuard
from fsw.system.mode_control import ModeControl
from fsw.system.modes import ModeEvent
from tests.services.desk import Desk, words

DONE, REFUSED = [(3, 0), (7, 0)], [(4, 0x14)]


class AgainstAModel(RuleBasedStateMachine):
    """What stands behind a passing mode is one flag here: whether somebody wants it safe."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.begin()
        self.kept_safe = False
        self.boot_as("NOMINAL")

    def begin(self) -> None:
        self.board = Board()
        self.control = ModeControl(self.board, self.desk.services, MemoryGuard(self.desk.events))
        self.desk.executions |= self.control.executions
        self.desk.restore()

    def boot_as(self, mode: str) -> None:
        safe = self.control.was_safe
        event = ModeEvent.BOOT_SAFE if safe else ModeEvent.BOOT_DONE
        self.control.enter(event, ModeReason.KEPT if safe else ModeReason.BOOT_DONE, self.desk.now)
        self.mode, self.safe_behind, self.quiet_wanted, self.quiet_done, self.off = mode, False, False, False, False

    def turn(self) -> None:
        self.desk.now = Micros(self.desk.now + 1_000_000)
        self.control.step(self.desk.now)
        self.desk.answer()

    def asks_for_safe(self, *, kept: bool, out_of_quiet: bool = False) -> None:
        if self.mode == "POWER_DOWN" or (self.mode == "QUIET" and not out_of_quiet):
            self.safe_behind = True
        else:
            self.mode = "SAFE"
        self.kept_safe = self.kept_safe or kept

    @rule(mode=st.sampled_from(["SAFE", "NOMINAL", "OBSERVE", "QUIET"]))
    def command(self, mode: str) -> None:
        said = words(self.desk.ask(0x020, 8, 1, bytes((0, 2, Mode[mode]))))
        if mode == "SAFE":
            assert said == DONE
            self.asks_for_safe(kept=True, out_of_quiet=True)
        elif self.mode == "POWER_DOWN" or (mode == "OBSERVE" and self.mode in ("SAFE", "QUIET")):
            assert said == REFUSED
        else:
            assert said == DONE
            if mode == "QUIET":
                self.safe_behind = self.mode == "SAFE" or (self.mode == "QUIET" and self.safe_behind)
            else:
                self.kept_safe = False
            self.mode = mode
        self.turn()

    @rule()
    def response(self) -> None:
        assert words(self.desk.ask(0x020, 8, 1, b"\0\x1f")) == DONE
        self.asks_for_safe(kept=True)
        self.turn()

    @rule(why=st.sampled_from([ModeReason.LANDER, ModeReason.STRIKE_OUT, ModeReason.LANDER_SILENT]))
    def protection(self, why: ModeReason) -> None:
        self.board.safe_wanted = why
        silent = why is ModeReason.LANDER_SILENT
        self.asks_for_safe(kept=False, out_of_quiet=silent)
        if silent:
            self.quiet_wanted = self.quiet_done = False
        self.turn()

    @rule(phase=st.sampled_from([Phase.DESCENT, Phase.CRUISE]), quiet=st.sampled_from([0, 1, 2]))
    def lander_says(self, phase: Phase, quiet: int) -> None:
        self.control.hear(LanderMode(phase, 0, quiet), self.desk.now)
        self.quiet_wanted = phase is Phase.DESCENT or quiet == 2
        self.obey()
        self.turn()

    def obey(self) -> None:
        """The lander's demand for quiet is obeyed when it is made, not while the power is about to go."""
        if self.mode == "POWER_DOWN" or self.quiet_wanted == self.quiet_done:
            return
        self.quiet_done = self.quiet_wanted
        if self.quiet_wanted:
            if self.mode != "QUIET":
                self.safe_behind = self.mode == "SAFE"
            self.mode = "QUIET"
        elif self.mode == "QUIET":
            self.back()

    def back(self) -> None:
        self.mode = "SAFE" if self.safe_behind else "NOMINAL"
        if not self.safe_behind:
            self.kept_safe = False

    @rule(off=st.booleans())
    def notice(self, off: bool) -> None:
        self.board.off_at_us = Micros(self.desk.now + 10**9) if off else NEVER
        if off and self.mode != "POWER_DOWN":
            if self.mode != "QUIET":
                self.safe_behind = self.mode == "SAFE"
            self.mode = "POWER_DOWN"
            self.quiet_done = False
        elif not off and self.mode == "POWER_DOWN":
            self.back()
            self.obey()
        self.turn()

    @rule()
    def flip(self) -> None:
        self.board.mode = Mode((self.board.mode + 1) % len(Mode))
        self.turn()

    @rule()
    def reset(self) -> None:
        for _ in range(2):  # what could not be written in quiet never is
            self.turn()
        written = self.kept_safe if self.mode != "QUIET" else None
        self.desk = Desk(self.desk.disk)
        self.begin()
        if written is not None:
            assert self.control.was_safe is written
        self.kept_safe = self.control.was_safe
        self.boot_as("SAFE" if self.kept_safe else "NOMINAL")

    @invariant()
    def is_what_the_model_is(self) -> None:
        assert self.board.mode.name == self.mode


TestModes = AgainstAModel.TestCase
TestModes.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
