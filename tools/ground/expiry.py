"""Until when a telecommand may be executed: to the end of the pass, where that and the payload's time are known.

A command that waits in the lander's queue over a loss of signal would run unseen, perhaps hours late; so it is wrapped
with the loss of signal as its expiry. Where the payload's time or the loss of signal is not known it leaves bare, and
the sentence says so: a payload without time refuses every wrapped command.
"""

from typing import Final, NamedTuple

from fsw.ccsds.time_code import cuc_decode, cuc_encode
from fsw.mdb.database import Database
from fsw.mdb.lander import LanderReport
from fsw.mdb.words import Unreadable
from tools.ground.nested import Reader
from tools.ground.request import Refusal, Why
from tools.ground.times import tai_to_utc_text

LOS: Final = "los"
NONE: Final = "none"


class Expiry(NamedTuple):
    """The CUC, None for none, and what to tell an operator; nothing where none was asked for."""

    not_after: bytes | None
    sentence: str


class Contact:
    """The pass as the lander's last report has it."""

    def __init__(self) -> None:
        self._los_us: int | None = None

    def hear(self, body: object) -> None:
        """A packet of the lander's report."""
        if isinstance(body, LanderReport):
            self._los_us = cuc_decode(body.los)

    def expiry(self, word: str, database: Database, tai_us: int | None) -> Expiry | Refusal:
        """What `--not-after` means now: `los`, `none`, a date or a time from now. `tai_us`: the payload's time."""
        if word == NONE:
            return Expiry(None, "")
        if word == LOS:
            if tai_us is None:
                return Expiry(None, "sent without an expiry: the payload's time is not known")
            if self._los_us is None or self._los_us <= tai_us:
                return Expiry(None, "sent without an expiry: no loss of signal is known")
            return Expiry(cuc_encode(self._los_us), f"not after {tai_to_utc_text(self._los_us)}, the loss of signal")
        octets = Reader(database, {}, 0, tai_us).time(word)
        if isinstance(octets, Unreadable):
            return Refusal(Why.USAGE, f"not-after {octets.sentence}")
        at_us = cuc_decode(octets)
        assert at_us is not None, "what was read as a time is one"
        if tai_us is not None and at_us <= tai_us:
            return Refusal(Why.USAGE, f"not-after {word} is past: the payload has {tai_to_utc_text(tai_us)}")
        return Expiry(octets, f"not after {tai_to_utc_text(at_us)}")
