"""Who works with a ground session over many commands, and is told what comes of them."""

from collections.abc import Mapping
from typing import Protocol

from fsw.kernel.clock import NEVER, Micros
from tools.ground.expiry import NONE
from tools.ground.request import Refusal
from tools.ground.saying import Saying
from tools.ground.ticket import Sender, Ticket
from tools.ground.tracking import StageChange
from tools.ground.uplink import Uplink


class Commanding(Protocol):
    """What an attendant may do; a session."""

    def send(
        self,
        name: str,
        arguments: Mapping[str, str],
        source_id: int,
        now: Micros,
        *,
        not_after: str = NONE,
        by: Sender,
    ) -> Ticket | Refusal:
        """Check and queue one telecommand; `not_after` as in `expiry.Contact`."""

    def ready(self, now: Micros) -> bool:
        """Whether a command would leave at once."""

    @property
    def uplink(self) -> Uplink:
        """The way up."""

    @property
    def saying(self) -> Saying:
        """Where remarks are put on record."""


class Attendant(Protocol):
    """Told of what comes; acts in `step`."""

    @property
    def due(self) -> Micros:
        """When `step` has something to do without having been told anything; NEVER if nothing."""

    def hear(self, body: object) -> None:
        """A live report of the payload, as the database reads it."""

    def stage(self, change: StageChange) -> None:
        """A word on a request, anybody's."""

    def step(self, session: Commanding, now: Micros) -> None:
        """Do what is due."""


class Attendants:
    """All that work with one session; an `Attendant` themselves."""

    def __init__(self) -> None:
        self._all: list[Attendant] = []

    def join(self, attendant: Attendant) -> None:
        """One more, for good."""
        self._all.append(attendant)

    @property
    def due(self) -> Micros:
        """When the first of them has something to do."""
        return min((attendant.due for attendant in self._all), default=NEVER)

    def hear(self, body: object) -> None:
        """Tell all."""
        for attendant in self._all:
            attendant.hear(body)

    def stage(self, change: StageChange) -> None:
        """Tell all."""
        for attendant in self._all:
            attendant.stage(change)

    def step(self, session: Commanding, now: Micros) -> None:
        """Let those act who have something to do."""
        for attendant in self._all:
            if now >= attendant.due:
                attendant.step(session, now)
