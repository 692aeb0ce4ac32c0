"""The begin of a life: which boot this is, how the life before ended, what flies, and in which mode it begins.

The store counts the boot; its two events go out as soon as the count is known and what was kept of modes and lives is
back, and after `BOOT_WAIT_US` without.

Off nominal: a store that is silent or refuses costs a second, and leaves boot count 0 and cause unknown; a loop of
resets begins in the minimal configuration.
"""

import hashlib
from typing import Final

from fsw.ccsds.crc import BACKEND
from fsw.config import Config
from fsw.hal.ports import BoardReadings
from fsw.kernel.clock import Micros
from fsw.mdb import autonomy
from fsw.mdb import system as mdb
from fsw.mdb.database import DIGEST_OCTETS_FLOWN, Database
from fsw.mdb.mission import Mission
from fsw.mdb.system import CrcBackend, ModeReason, ResetCause
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.store.client import Booted
from fsw.system.lives import Lives
from fsw.system.mode_control import ModeControl
from fsw.system.modes import ModeEvent

BOOT_WAIT_US: Final = 1_000_000
VERSION: Final = "kratai 0.1.0"


def configuration_digest(config: Config, mission: Mission) -> bytes:
    """The first octets of the digest of what mission and command line have set."""
    entries = tuple((entry.name, *entry[2:]) for entry in mission.instruments)
    hazards = sorted((body.__qualname__, rule.mask, rule.operators) for body, rule in mission.hazards.items())
    security = (sorted(mission.signing),) if mission.signing else ()
    text = repr(
        (tuple(config), mission.name, mission.line, mission.base_mw, entries, mission.storage, hazards, *security)
    )
    return hashlib.sha256(text.encode()).digest()[:DIGEST_OCTETS_FLOWN]


class Boot:
    """`done`: whether the boot event has gone out."""

    def __init__(
        self,
        board: Board,
        services: Services,
        database: Database,
        configuration: bytes,
        modes: ModeControl,
        lives: Lives,
    ) -> None:
        self._board = board
        self._services = services
        self._database = database
        self._configuration = configuration
        self._modes = modes
        self._lives = lives
        self._answer: Booted | None = None
        self.done = False

    def counted(self, answer: Booted) -> None:
        """The store has counted this boot. What comes behind the event is too late: count 0 it stays in this life."""
        self._answer = answer

    def due(self, now: Micros) -> bool:
        """Whether this life is to begin in this turn."""
        whole = self._answer is not None and self._modes.restored and self._lives.restored
        return not self.done and (whole or now >= BOOT_WAIT_US)

    def begin(self, readings: BoardReadings, now: Micros) -> None:
        """Say which life begins, and enter its first mode."""
        self.done = True
        count, cause = 0, ResetCause.UNKNOWN
        if self._answer is not None:
            count, cause = self._answer.boot_count, self._lives.begin(self._answer.last_life, readings)
        self._say(count, cause, now)
        if self._lives.looping:
            self._board.minimal = True
            self._services.events.report(autonomy.ResetLoop(lives=self._lives.short or 0), now)
            self._modes.enter(ModeEvent.BOOT_SAFE, ModeReason.RESET_LOOP, now)
        elif self._modes.was_safe:
            self._modes.enter(ModeEvent.BOOT_SAFE, ModeReason.KEPT, now)
        else:
            self._modes.enter(ModeEvent.BOOT_DONE, ModeReason.BOOT_DONE, now)

    def _say(self, count: int, cause: ResetCause, now: Micros) -> None:
        board, parameters, events = self._board, self._services.parameters, self._services.events
        board.boot_count, board.reset_cause = count, cause
        parameters.set(mdb.BOOT_COUNT, count, now)
        parameters.set(mdb.RESET_CAUSE, cause, now)
        parameters.set(mdb.CRC_BACKEND, CrcBackend.BINASCII if BACKEND == "binascii" else CrcBackend.CRCMOD, now)
        parameters.set(autonomy.SHORT_LIVES, self._lives.short, now)
        parameters.set(autonomy.WATCHDOG_BITES, self._lives.bites, now)
        digest = self._database.digest()[:DIGEST_OCTETS_FLOWN]
        events.report(
            mdb.Booted(boot_count=count, reset_cause=cause, database=digest, version=VERSION), now, flush=True
        )
        report = autonomy.BootReport(
            boot_count=count,
            ended=cause,
            short_lives=self._lives.short or 0,
            version=VERSION,
            database=digest,
            configuration=self._configuration,
        )
        events.report(report, now)
