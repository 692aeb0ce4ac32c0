"""A telecommand that was taken, and who has sent it."""

from typing import Final, NamedTuple

from tools.ground.operators import GROUND


class Sender(NamedTuple):
    """Who commands, and from where: an operator's name, and the address of the connection."""

    operator: str
    origin: str = ""


ITSELF: Final = Sender(GROUND)
"""The session, when it asks of its own accord."""


class Ticket(NamedTuple):
    """A telecommand that was taken; its stages come as `StageChange` records under this number."""

    number: int
    name: str
    apid: int
    service: int
    sequence_count: int
    request_id: bytes
    expiry: str = ""
    """Until when it may be executed, or why it may at any time; empty where nobody asked."""
