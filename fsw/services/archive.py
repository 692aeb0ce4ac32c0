"""The board's archive put together: forwarding, packet stores, retrieval."""

from fsw.mdb.database import Database
from fsw.services.forwarding import Forwarding
from fsw.services.instrument import Services
from fsw.services.process import Execution
from fsw.services.selection import universe
from fsw.services.switch import Switch
from fsw.services.telemetry import TelemetryService


class Archive:
    """ST[14] and ST[15] of the whole board."""

    def __init__(self, database: Database, telemetry: TelemetryService, services: Services) -> None:
        self.switch = Switch(universe(database), lambda *_: None)
        telemetry.hand_over = self.switch.hand_over
        self.forwarding = Forwarding(
            self.switch, telemetry, services.verification, services.housekeeping, services.keeper
        )
        self.executions: dict[type[object], Execution] = {**self.forwarding.executions}
