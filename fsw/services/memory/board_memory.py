"""The board's memory put together: named objects, large packets, scrubbing. One turn in the slot of `system`.

Off nominal: each part says so in its own file; none waits for another but a dump for its parts to leave.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fsw.config import Config
from fsw.kernel.bus import Port, Wire
from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.memory import MemoryObject
from fsw.mdb.mission import Mission
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import BATCHES_MAX
from fsw.services.memory.large_packets import LargePackets
from fsw.services.memory.memory import Memory
from fsw.services.memory.memory_objects import (
    EventLog,
    ParameterMemory,
    QueueState,
    Source,
    at_once,
    kept_rows,
    queue_octets,
)
from fsw.services.memory.scrubbing import Scrubbing
from fsw.services.memory.store_index import StoreIndex
from fsw.services.outbox import CAPACITY_PACKETS, Outbox
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.store.client import Store, StoreAnswer
from fsw.store.keep import Table

FILES_DEADLINE_US: Final = 30_000_000
FILES_SILENCE_US: Final = 60_000_000

Mailboxes = Callable[[], Iterable[Mailbox[object]]]


class BoardMemory:
    """Services 6 and 13. `files` leads to the server of the scrubbed files, None where there is none."""

    def __init__(
        self,
        flown: tuple[Config, Mission, str],
        board: Board,
        telemetry: TelemetryService,
        services: Services,
        outbox: Outbox,
        time: Timebase,
        *,
        store: Store,
        mailboxes: Mailboxes,
        files: Wire | None,
    ) -> None:
        config, mission, version = flown
        parameters, verification, attention = services.parameters, services.verification, services.attention
        self.event_log = EventLog(time)
        services.events.listeners += (self.event_log.heard,)
        pool = ParameterMemory(mission.database, parameters)
        self._index = StoreIndex(services.keeper, store, tuple(one.store for one in mission.storage.stores))
        configuration = _configuration(config, mission, version)

        def queues() -> bytes:
            states = [QueueState(one.name, len(one), one.capacity, one.dropped) for one in mailboxes()]
            capacity = sum(CAPACITY_PACKETS.values())
            states.append(QueueState("outbox", len(outbox), capacity, outbox.dropped))
            states.append(QueueState("store", len(store), store.port.capacity, store.port.refused))
            states.append(QueueState("keeper", len(services.keeper), BATCHES_MAX, 0))
            return queue_octets(states)

        sources: Mapping[MemoryObject, Source] = {
            MemoryObject.CONFIGURATION: at_once(lambda: configuration),
            MemoryObject.PARAMETERS: at_once(pool.octets),
            MemoryObject.QUEUES: at_once(queues),
            MemoryObject.EVENT_LOG: at_once(self.event_log.octets),
            MemoryObject.SCHEDULE: kept_rows(services.keeper, Table.SCHEDULE),
            MemoryObject.STORE_INDEX: self._index.read,
        }
        assert set(sources) == set(MemoryObject), "every named object is there"
        port = None
        if files is not None:
            port = Port("files", files, capacity=1, deadline_us=FILES_DEADLINE_US, silence_us=FILES_SILENCE_US)
        self.large = LargePackets(telemetry, verification, parameters, outbox, attention)
        self.memory = Memory(telemetry, verification, parameters, self.large, attention, sources, pool.load)
        self.scrubbing = Scrubbing(board, port, services, telemetry, time, version)
        self.executions: Mapping[type[object], Execution] = {
            **self.large.executions,
            **self.memory.executions,
            **self.scrubbing.executions,
        }

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store about packets; False when nobody here asked for it."""
        return self._index.answered(answer, now)

    def step(self, now: Micros) -> Micros:
        """The turns of all three."""
        return min(self.memory.step(now), self.large.step(now), self.scrubbing.step(now))


def _configuration(config: Config, mission: Mission, version: str) -> bytes:
    """What this life flies with, as lines of text."""
    line = config.line
    lines = [
        f"software {version}",
        f"mission {mission.name}",
        f"database {mission.database.digest().hex()}",
        f"line {line.name} baud {line.baud} frame {line.tm_frame_octets} release_us {line.release_us}"
        f" idle_us {line.idle_us} heartbeat_us {line.heartbeat_us}",
        f"carrier {config.carrier}",
        f"base_mw {mission.base_mw}",
    ]
    for entry in mission.instruments:
        instrument = entry.module.INSTRUMENT
        lines.append(
            f"instrument {entry.name} row {entry.row} apid {instrument.process.apid} ticks {entry.period_ticks}"
            f" budget_us {entry.budget_us} priority {entry.priority} power_mw {instrument.power_mw}"
        )
    return "\n".join((*lines, "")).encode("ascii", "replace")
