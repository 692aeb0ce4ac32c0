"""A bell wakes a slot once, however often it was rung; the board's common state rings one for each reader."""

from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, TICK_US, ManualClock, Micros
from fsw.kernel.scheduler import Scheduler, Slot, Step


class Listener:
    """A slot that silences its bell and waits for the next ring."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.turns: list[int] = []

    def step(self, now: Micros) -> Micros:
        self.bell.silence()
        self.turns.append(now // TICK_US)
        return NEVER


def unguarded(slot: Slot) -> Step:
    return slot.step


def run(scheduler: Scheduler, clock: ManualClock, ticks: range, ring: dict[int, Bell]) -> list[Micros]:
    said = []
    for tick in ticks:
        clock.advance_to(Micros(tick * TICK_US))
        if tick in ring:
            ring[tick].ring()
            ring[tick].ring()
        said.append(scheduler.tick(Micros(tick * TICK_US)))
    return said


def test_a_rung_bell_runs_the_slot_once() -> None:
    clock, listener = ManualClock(), Listener()
    scheduler = Scheduler(clock, [Slot("one", listener.step, wakes=(listener.bell,))], unguarded)
    said = run(scheduler, clock, range(6), {3: listener.bell})
    assert listener.turns == [0, 3]
    assert said == [NEVER] * 6


def test_what_is_rung_behind_the_slot_has_its_turn_in_the_next_tick() -> None:
    clock, first = ManualClock(), Listener()

    def second(now: Micros) -> Micros:
        if now == TICK_US:
            first.bell.ring()
        return Micros(TICK_US) if now == 0 else NEVER

    slots = [Slot("first", first.step, wakes=(first.bell,)), Slot("second", second)]
    scheduler = Scheduler(clock, slots, unguarded)
    assert run(scheduler, clock, range(4), {}) == [TICK_US, 2 * TICK_US, NEVER, NEVER]
    assert first.turns == [0, 2]


def test_nothing_wakes_a_task_that_is_out() -> None:
    clock, out, other = ManualClock(), Listener(), Listener()
    slots = [Slot("out.part", out.step, wakes=(out.bell,)), Slot("other", other.step, wakes=(other.bell,))]
    scheduler = Scheduler(clock, slots, unguarded)
    run(scheduler, clock, range(1), {})
    scheduler.unwake("out")
    assert run(scheduler, clock, range(1, 4), {1: out.bell, 2: other.bell}) == [NEVER] * 3
    assert (out.turns, other.turns) == ([0], [0, 2])
