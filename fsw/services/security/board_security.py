"""The parts of this room joined: the link's marks and counters, its keys, and hazardous commands, which hang on them.

Off nominal: each part's own.
"""

from collections.abc import Mapping

from fsw.ccsds.flight_link import FlightLink
from fsw.kernel.clock import Micros
from fsw.kernel.key import KeyRing
from fsw.mdb.mission import Mission
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.process import Execution
from fsw.services.security.hazards import Hazards
from fsw.services.security.key_requests import KeyRequests
from fsw.services.security.key_slots import KeySlots
from fsw.services.security.link_security import LinkSecurity
from fsw.services.security.nonces import Nonces
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.store.client import Store


class BoardSecurity:
    """What `app` sees: executions of the system process, a turn, a taker of the store's answers, and the parts."""

    def __init__(
        self,
        mission: Mission,
        board: Board,
        services: Services,
        telemetry: TelemetryService,
        time: Timebase,
        store: Store,
        link: FlightLink,
        keyring: KeyRing,
        nonces: Nonces,
    ) -> None:
        slots = KeySlots(services, link.protection, keyring.keys, keyring.unusable)
        self.link = LinkSecurity(board, services, link, time, slots, keyring.used)
        self.keys = KeyRequests(telemetry, services, store, slots, self.link)
        self.hazards = Hazards(
            mission.database, mission.hazards, telemetry, services, board, nonces, lambda: self.link.in_memory
        )  # fmt: skip
        self.executions: Mapping[type[object], Execution] = {**self.keys.executions, **self.hazards.executions}
        self.answered = self.keys.answered

    def step(self, now: Micros) -> Micros:
        """The turn of all parts; when there is work again."""
        return min(self.hazards.step(now), self.link.step(now))
