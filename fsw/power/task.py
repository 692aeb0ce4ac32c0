"""The power task: loads within the lander's allocation, the lander's notices, ready-for-off.

A notice that OPS goes off sheds every load, has the store write down how this life ends, and says ready (0x119).
Off nominal: a lander that does not cut at the announced time: `CANCELLED_US` later the notice counts as withdrawn,
shed loads come back by command. A board that is too hot sheds its loads one by one. A circuit that we do not have is
reported in the event and changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.copies import agree, outvote
from fsw.kernel.mailbox import Mailbox
from fsw.mdb import power as mdb
from fsw.mdb.autonomy import MemoryItem, MemoryRepaired
from fsw.mdb.lander import PowerNotice, PowerStatus, ReadyForPowerOff, RequestKind, SafeNow
from fsw.mdb.power import Circuit, NoticeAction, RequestHeater, SwitchLoad, SwitchReason
from fsw.mdb.system import PACKAGE_TEMPERATURE, Mode, ModeReason
from fsw.mdb.values import Raw
from fsw.power.loads import TABLE, Load, LoadEvent, LoadState
from fsw.pus.ids import FailureCode
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.lander_outbox import LanderOutbox
from fsw.services.process import Execution, Process
from fsw.services.verification import Request

CANCELLED_US: Final = 15_000_000
HOT_CDEGC: Final = 8_500
"""From here on a load is shed every second, by priority; the limit that is told lies 5 K lower."""
SAMPLE_US: Final = 1_050_000
"""Samples go with the lander's power status, which comes a little sooner; without it they come at this interval."""


class PowerTask:
    """APID 0x021. Built once by `app`; `step` is its slot."""

    def __init__(
        self, board: Board, services: Services, outbox: LanderOutbox, loads: Sequence[Load], base_mw: int
    ) -> None:
        self._board = board
        self._services = services
        self._outbox = outbox
        self._loads = self._loads_second = self._loads_third = tuple(loads)
        self._states = [LoadState.OFF] * len(self._loads)
        self._base_mw = base_mw
        self._allocation_mw: int | None = None
        self._allocation_second: int | None = None
        self._allocation_inverse: int | None = None
        self.repairs = 0
        """Flipped bits of allocation and load table that were mended."""
        self._notices = 0
        self._ready_said = False
        self._sample_us = Micros(0)
        self._started = False
        self.bell = board.bell()
        self.inbox: Mailbox[object] = Mailbox("power", 16)
        """What comms hears of the lander's power: notices, status, safe now."""
        self.process: Process | None = None
        self.executions: Mapping[type[object], Execution] = {SwitchLoad: self._switch, RequestHeater: self._heater}

    def step(self, now: Micros) -> Micros:
        """One turn: what the lander said, requests, ready-for-off, samples."""
        assert self.process is not None
        self.bell.silence()
        self._mend(now)
        if not self._started and self._board.mode is not Mode.BOOT:
            self._started = True
            for load in self._loads:
                if load.on_at_boot and not self._board.minimal and self._board.off_at_us == NEVER:
                    self._switch_on(load, SwitchReason.BOOT, now)
        while (heard := self.inbox.take()) is not None:
            self._hear(heard, now)
            if isinstance(heard, PowerStatus) and now >= self._sample_us - SAMPLE_US // 2:
                self._sample_us = now  # with a turn that comes anyway
        self.process.run(now)
        self._say_ready(now)
        if now >= self._sample_us:
            self._sample(now)
            self._sample_us = Micros(now + SAMPLE_US)
        return min(self._sample_us, self._next_of_notice())

    def _mend(self, now: Micros) -> None:
        """Put flipped bits of the load table and of the allocation right, which are held three times."""
        if not self._loads == self._loads_second == self._loads_third:
            right = self._loads_second if self._loads_second == self._loads_third else self._loads
            rows = [load.row for load, good in zip(self._loads, right, strict=True) if load != good]
            self._loads = self._loads_second = self._loads_third = right
            self._tell_mended(MemoryItem.LOAD_TABLE, rows[0] if rows else 0, now)
        one, two, inverse = self._allocation_mw, self._allocation_second, self._allocation_inverse
        if one is None or two is None or inverse is None or agree(one, two, inverse):
            return
        self._hold_allocation(outvote(one, two, inverse))
        self._tell_mended(MemoryItem.ALLOCATION, 0, now)

    def _hold_allocation(self, limit_mw: int) -> None:
        self._allocation_mw = self._allocation_second = limit_mw
        self._allocation_inverse = ~limit_mw

    def _tell_mended(self, item: MemoryItem, place: int, now: Micros) -> None:
        self.repairs += 1
        self._services.events.report(MemoryRepaired(object=item, place=place), now)

    # --- the lander ------------------------------------------------------------------------------------------------

    def _hear(self, heard: object, now: Micros) -> None:
        match heard:
            case PowerNotice():
                self._notice(heard, now)
            case PowerStatus():
                for circuit in heard.circuits:
                    if circuit.circuit == Circuit.OPS:
                        parameters = self._services.parameters
                        parameters.set(mdb.BUS, circuit.bus_mv, now)
                        parameters.set(mdb.AVERAGE, circuit.average_ma, now)
                        parameters.set(mdb.MAXIMUM, circuit.max_ma, now)
                        parameters.set(mdb.LIMIT, circuit.limit_ma, now)
                        parameters.set(mdb.TRIP, circuit.trip, now)
            case SafeNow():  # at once: the seconds that it grants are for getting there
                self._board.safe_wanted = ModeReason.LANDER
            case _:
                raise AssertionError(f"not for power: {heard!r}")

    def _notice(self, notice: PowerNotice, now: Micros) -> None:
        self._notices += 1
        event = mdb.Notice(
            circuit=notice.circuit, action=notice.action, seconds_until=notice.seconds_until, reason=notice.reason
        )
        self._services.events.report(event, now, flush=True)
        if notice.circuit is not Circuit.OPS:
            return
        match notice.action:
            case NoticeAction.OFF | NoticeAction.CYCLE:
                self._board.off_at_us = Micros(now + notice.seconds_until * 1_000_000)
                self._ready_said = False
                for load in self._loads:
                    self._shed(load, SwitchReason.NOTICE, now)
            case NoticeAction.REDUCE | NoticeAction.ON:
                self._board.off_at_us = NEVER
                if notice.limit_mw:
                    self._allocate(notice.limit_mw, now)

    def _say_ready(self, now: Micros) -> None:
        board = self._board
        if board.off_at_us == NEVER:
            return
        if not self._ready_said and (board.kept or now >= board.off_at_us):
            self._ready_said = True
            ready = ReadyForPowerOff(circuit=Circuit.OPS, clean=board.kept)
            self._outbox.post(ready, now, flush=True)
            self._services.events.report(mdb.ReadyForOff(circuit=Circuit.OPS, clean=board.kept), now, flush=True)
        if now >= board.off_at_us + CANCELLED_US:
            board.off_at_us = NEVER

    def _next_of_notice(self) -> Micros:
        """When a notice that stands asks for something without a change elsewhere."""
        off_at_us = self._board.off_at_us
        if off_at_us == NEVER or not self._ready_said:
            return off_at_us
        return Micros(off_at_us + CANCELLED_US)

    # --- loads -----------------------------------------------------------------------------------------------------

    def _drawn_mw(self) -> int:
        pairs = zip(self._loads, self._states, strict=True)
        return self._base_mw + sum(load.power_mw for load, state in pairs if state is LoadState.ON)

    def _fits(self, load: Load) -> bool:
        if self._states[load.row] is LoadState.ON or self._allocation_mw is None:
            return True
        return self._drawn_mw() + load.power_mw <= self._allocation_mw

    def _move(self, load: Load, event: LoadEvent) -> bool:
        """Let an event happen to a load; whether its state changed."""
        before = self._states[load.row]
        after = TABLE[event][before]
        assert after is not None, "refused before it happens"
        self._states[load.row] = after
        bit = 1 << load.row
        self._board.loads_on = self._board.loads_on | bit if after is LoadState.ON else self._board.loads_on & ~bit
        return after is not before

    def _switch_on(self, load: Load, reason: SwitchReason, now: Micros) -> None:
        if self._fits(load) and self._move(load, LoadEvent.SWITCH_ON):
            self._services.events.report(mdb.LoadSwitched(load=load.row, on=True, reason=reason), now)

    def _shed(self, load: Load, reason: SwitchReason, now: Micros) -> None:
        if self._move(load, LoadEvent.SHED):
            self._services.events.report(mdb.LoadShed(load=load.row, reason=reason), now)

    def _allocate(self, limit_mw: int, now: Micros) -> None:
        """Take a new allocation and shed by priority until what is drawn fits."""
        self._hold_allocation(limit_mw)
        self._services.events.report(mdb.AllocationChanged(limit_mw=limit_mw), now)
        for load in self._by_priority():
            if self._drawn_mw() <= limit_mw:
                return
            self._shed(load, SwitchReason.ALLOCATION, now)

    def _cool(self, now: Micros) -> None:
        """Shed one load of a board that is too hot; a board that shows no temperature is not."""
        shown = self._services.parameters.values[PACKAGE_TEMPERATURE.pid]
        if shown is not None and shown >= HOT_CDEGC:
            for load in self._by_priority()[:1]:
                self._shed(load, SwitchReason.LIMIT, now)

    def _by_priority(self) -> list[Load]:
        """The loads that are on, the least important first."""
        on = (load for load in self._loads if self._states[load.row] is LoadState.ON)
        return sorted(on, key=lambda load: load.priority)

    # --- requests --------------------------------------------------------------------------------------------------

    def _switch(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, SwitchLoad)
        load = self._loads[body.load] if body.load < len(self._loads) else None
        code = None
        if load is None:
            code = FailureCode.UNKNOWN_ID
        elif body.on and (not self._fits(load) or self._board.off_at_us != NEVER):
            code = FailureCode.WRONG_STATE
        if not self._services.verification.settle(request, code, now):
            return
        assert load is not None
        if self._move(load, LoadEvent.SWITCH_ON if body.on else LoadEvent.SWITCH_OFF):
            event = mdb.LoadSwitched(load=load.row, on=body.on, reason=SwitchReason.COMMAND)
            self._services.events.report(event, now)
        self._services.verification.completed(request, now)

    def _heater(self, request: Request, now: Micros) -> None:
        """The heater is a circuit of the lander's: all we can do is ask for it (contract 0x117, kind 1).

        A lander that is silent, or is about to switch us off, would not hear or not heed it: 0x14.
        """
        body = request.body
        assert isinstance(body, RequestHeater)
        unheard = not self._board.lander_alive or (body.on and self._board.off_at_us != NEVER)
        code = FailureCode.WRONG_STATE if unheard else None
        if not self._services.verification.settle(request, code, now):
            return
        self._board.lander_requests.append((RequestKind.HEATER, int(body.on)))
        self._services.verification.completed(request, now)

    def _sample(self, now: Micros) -> None:
        self._cool(now)
        values: dict[int, Raw] = {
            mdb.ALLOCATION.pid: self._allocation_mw,
            mdb.LOAD.pid: self._drawn_mw(),
            mdb.LOADS_ON.pid: self._board.loads_on,
            mdb.NOTICES.pid: self._notices,
        }
        self._services.parameters.set_all(values, now)
