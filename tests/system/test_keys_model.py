"""Key slots of a whole board against a plain model: the ground, a thief of one slot, cuts, and a store that is lost.

Whatever happens, a ground that holds its working key and all above it commands under that or the recovery key; a thief
changes nothing above what he stole; and no counter of telemetry comes twice (`Cadus` holds all lives together).
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.system.key_bench import ACTIVE, EMPTY, KEYS, SPENT, STANDBY, TRIAL, KeyBench

SPIS = st.sampled_from((0x10, 0x20))
SLOTS = st.integers(0, 3)
WORKING = (TRIAL, ACTIVE)
RECOVERY = 3
REFUSED = {"activate": {EMPTY: 0x10, TRIAL: 0x11, ACTIVE: 0x11, SPENT: 0x14}, "deactivate": {EMPTY: 0x10, SPENT: 0x14}}


class Slots:
    """The rules as the design has them (DESIGN: states of a slot), of one association."""

    def __init__(self) -> None:
        self.states = [ACTIVE, STANDBY, STANDBY, STANDBY]

    def forget(self) -> None:
        """The store is lost: only the files are left."""
        there = [slot for slot in range(4) if self.states[slot] != EMPTY]
        self.states = [EMPTY if slot not in there else ACTIVE if slot == there[0] else STANDBY for slot in range(4)]

    @property
    def taken(self) -> list[int]:
        at_work = [n for n in range(4) if self.states[n] in WORKING or (n == RECOVERY and self.states[n] == STANDBY)]
        return at_work or [n for n in range(4) if self.states[n] == STANDBY][:1]

    @property
    def sends(self) -> int:
        at_work = [n for n in range(4) if self.states[n] in WORKING]
        standby = [n for n in range(4) if self.states[n] == STANDBY]
        return (at_work[-1:] or [n for n in standby if n == RECOVERY] or standby)[0]

    def proved(self, slot: int) -> None:
        if self.states[slot] in (STANDBY, TRIAL):
            self.states[slot] = ACTIVE

    def activate(self, slot: int, *, proven: bool) -> int:
        state = self.states[slot]
        if state == EMPTY:
            return 0x10
        if not proven:
            return 0x19
        if state != STANDBY:
            return REFUSED["activate"][state]
        self.states[slot] = TRIAL
        return 0

    def deactivate(self, slot: int, by: int, *, proven: bool, telemetry: bool) -> int:
        if by <= slot:
            return 0x13
        if self.states[by] == EMPTY:
            return 0x10
        if not proven:
            return 0x19
        if self.states[by] not in (WORKING if telemetry else (ACTIVE,)):
            return 0x14
        code = REFUSED["deactivate"].get(self.states[slot], 0)
        if not code:
            self.states[slot] = SPENT
            self.proved(by)
        return code

    def erase(self, slot: int) -> int:
        if self.states[slot] != SPENT:
            return 0x10 if self.states[slot] == EMPTY else 0x14
        if any(state in WORKING for state in self.states[:slot]):
            return 0x14
        self.states[slot] = EMPTY
        return 0


class Rotations(RuleBasedStateMachine):
    """`working`: the ground's slot of telecommands; it only moves upwards."""

    @initialize(stolen=st.integers(0, 2))
    def begin(self, stolen: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.keys = KeyBench(Path(self.folder.name))
        self.keys.tell_time()
        self.slots = {0x10: Slots(), 0x20: Slots()}
        self.working = 0
        self.stolen = stolen

    def teardown(self) -> None:
        if hasattr(self, "keys"):
            self.keys.bench.board.close()
            self.folder.cleanup()

    def heard(self, slot: int) -> bool:
        """Who speaks next does so under this slot; whether that is taken, and so proved."""
        self.keys.bench.under = 0x10 + (slot << 8)
        taken = slot in self.slots[0x10].taken
        if taken:
            self.slots[0x10].proved(slot)
        return taken

    def act(self, verb: str, spi: int, slot: int, by: int, under: int, stolen: int | None = None) -> None:
        """One request, with proofs of whom it takes, or of the stolen keys alone."""
        key, slots = spi + (slot << 8), self.slots[spi]
        heard = self.heard(under)
        mine = KEYS[spi + (stolen << 8)] if stolen is not None else None
        before = slots.states.copy()
        if verb == "activate":
            code = self.keys.activate(key, mine)
            wanted = slots.activate(slot, proven=stolen in (None, slot)) if heard else -1
        elif verb == "deactivate":
            code = self.keys.deactivate(key, spi + (by << 8), mine)
            proven = stolen in (None, by)
            wanted = slots.deactivate(slot, by, proven=proven, telemetry=spi == 0x20) if heard else -1
        else:
            code = self.keys.erase(key)
            wanted = slots.erase(slot) if heard else -1
        assert code == wanted, (verb, hex(key), by, under, stolen, before)

    verbs = st.sampled_from(("activate", "activate", "deactivate", "deactivate", "erase"))

    @rule(verb=verbs, spi=SPIS, slot=SLOTS, by=SLOTS)
    def ground(self, verb: str, spi: int, slot: int, by: int) -> None:
        """The ground says what it may; of the keys that it gives up it never wants more than the rules allow."""
        self.act(verb, spi, slot, by, self.working)

    @rule(slot=SLOTS)
    def ground_moves(self, slot: int) -> None:
        """It tries a higher key, and works with it when it is answered."""
        if slot > self.working:
            heard = self.heard(slot)
            assert self.keys.ping() is heard
            self.working = slot if heard else self.working

    @rule(verb=verbs, spi=SPIS, slot=SLOTS, by=SLOTS)
    def thief(self, verb: str, spi: int, slot: int, by: int) -> None:
        before = {one: slots.states.copy() for one, slots in self.slots.items()}
        self.act(verb, spi, slot, by, self.stolen, self.stolen)
        for one in before:
            above = slice(self.stolen + 1, None)
            assert self.slots[one].states[above] == before[one][above] or (one == 0x20 and verb == "erase")

    @rule()
    def cut(self) -> None:
        self.keys.cut()

    @rule(slot=SLOTS, spi=SPIS, ms=st.integers(1, 60))
    def cut_amid(self, slot: int, spi: int, ms: int) -> None:
        """Power goes while a change is under way: it is made or not, and the disk says which."""
        slots = self.slots[spi]
        before = slots.states.copy()
        if not self.heard(self.working):
            return
        try:
            self.keys.activate(spi + (slot << 8), seconds=ms / 1000)
        except AssertionError as error:
            assert "last word" in str(error)  # noqa: PT017 - it may have had none yet
        self.keys.cut()
        mid = slots.states.copy()
        slots.activate(slot, proven=True)
        self.heard(self.working)
        states = self.keys.states(spi)
        assert states in (before, mid, slots.states)
        slots.states = states

    @rule(whole=st.booleans())
    def lose_the_store(self, whole: bool) -> None:
        self.keys.lose_store(whole=whole)
        self.keys.tell_time()
        for slots in self.slots.values():
            slots.forget()

    @invariant()
    def the_ground_commands(self) -> None:
        if not hasattr(self, "keys"):
            return
        heard = self.heard(self.working)
        assert self.keys.ping() is heard
        if not heard:
            assert self.heard(RECOVERY)
            assert self.keys.ping()
            self.working = RECOVERY
        for spi, slots in self.slots.items():
            assert self.keys.states(spi) == slots.states
        assert self.keys.bench.cadus.under[0] == 0x20 + (self.slots[0x20].sends << 8)


TestRotations = pytest.mark.proves("K-SEC-004", "K-SEC-005", "K-SEC-006", "K-SEC-009")(Rotations.TestCase)
TestRotations.settings = settings(
    max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
)
