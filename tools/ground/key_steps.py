"""What is due next while the key of an association is changed: a table of rules over what is known; pure.

Whatever was interrupted, and by whom, the states on board say what is left to do. So nothing is remembered of a change:
it begins by asking, and a change that was half done is finished before another begins.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds.sdls import SPI_TC, SPI_TM
from fsw.kernel.key import RECOVERY_SLOT, SLOTS, key_id, slot_of, spi_of
from fsw.mdb.keys import KeyState

VC_LIVE: Final = 0


@unique
class Step(Enum):
    """One step; the values are what is said of it, of the key named before them."""

    ASK = "is asked to prove itself"
    ACTIVATE = "is taken in use beside the one at work"
    USE = "is what commands leave under from now on"
    SIGN = "proves itself on its channel"
    RETIRE = "is retired"
    LEAVE = "is taken by the ground no more"
    ERASE = "is erased on board"
    DESTROY = "is erased on the ground"


class Wish(NamedTuple):
    """What was asked for. `spis` in the order in which they are changed."""

    spis: tuple[int, ...]
    recovery: bool = False
    keep_old: bool = False


class Place(NamedTuple):
    """One association as far as it is known: `states` on board by key id; what is missing there is not known."""

    target: int
    states: Mapping[int, KeyState]
    in_use: int | None
    """Under which key the ground commands, where telecommands leave."""
    heard: bool
    """Whether telemetry has come under the target."""
    held: Set[int] = frozenset()
    """Keys at hand on the ground."""
    left: Set[int] = frozenset()
    """Those of them that the ground takes no more."""
    given_up: Set[int] = frozenset()
    """Keys that cannot be erased now."""
    keep_old: bool = False

    @property
    def is_tc(self) -> bool:
        """Whether telecommands go by it."""
        return spi_of(self.target) < SPI_TM

    @property
    def vcid(self) -> int:
        """Its virtual channel."""
        spi = spi_of(self.target)
        return spi - (SPI_TC if self.is_tc else SPI_TM)

    @property
    def state(self) -> KeyState | None:
        """That of the target."""
        return self.states.get(self.target)

    @property
    def proves_by_frame(self) -> bool:
        """Whether the target waits for a frame under it: on trial, or a recovery key that nobody has used yet."""
        return self.is_tc and self.state in (KeyState.TRIAL, KeyState.STANDBY)

    def lower(self, *states: KeyState) -> Iterator[int]:
        """Keys below the target in one of these states, the lowest first."""
        return (key for key in slots(spi_of(self.target)) if key < self.target and self.states.get(key) in states)


def slots(spi: int) -> tuple[int, ...]:
    """The key ids of an association, lowest slot first."""
    return tuple(key_id(spi, slot) for slot in range(SLOTS))


def is_recovery(key: int) -> bool:
    """Whether it is a recovery key."""
    return slot_of(key) == RECOVERY_SLOT


def _unknown(place: Place) -> int | None:
    return next((key for key in slots(spi_of(place.target)) if key not in place.states), None)


def _standby(place: Place) -> int | None:
    by_itself = place.is_tc and is_recovery(place.target)
    return place.target if place.state is KeyState.STANDBY and not by_itself else None


def _not_used(place: Place) -> int | None:
    return place.target if place.is_tc and place.in_use != place.target else None


def _unsigned(place: Place) -> int | None:
    return place.target if place.proves_by_frame and place.vcid != VC_LIVE else None


def _unproved(place: Place) -> int | None:
    """On VC 0 the very question is a frame under the key."""
    silent = not place.is_tc and place.vcid == VC_LIVE and not place.heard
    return place.target if silent or (place.proves_by_frame and place.vcid == VC_LIVE) else None


def _working(place: Place) -> int | None:
    return next(place.lower(KeyState.STANDBY, KeyState.TRIAL, KeyState.ACTIVE), None)


def _still_taken(place: Place) -> int | None:
    return next((key for key in place.lower(KeyState.SPENT) if key in place.held and key not in place.left), None)


def _spent(place: Place) -> int | None:
    there = place.lower(KeyState.SPENT)
    return None if place.keep_old else next((key for key in there if key not in place.given_up), None)


def _remaining(place: Place) -> int | None:
    gone = place.lower(KeyState.EMPTY)
    return None if place.keep_old else next((key for key in gone if key in place.held and key in place.left), None)


RULES: Final[tuple[tuple[Step, Callable[[Place], int | None]], ...]] = (
    (Step.ASK, _unknown),
    (Step.ACTIVATE, _standby),
    (Step.USE, _not_used),
    (Step.SIGN, _unsigned),
    (Step.ASK, _unproved),
    (Step.RETIRE, _working),
    (Step.LEAVE, _still_taken),
    (Step.ERASE, _spent),
    (Step.DESTROY, _remaining),
)
"""The first rule that names a key says what is due: no old key is retired before the new one has proved itself."""


def due(place: Place) -> tuple[Step, int] | None:
    """The step that is due, and the key that it is about; None when the target alone is at work."""
    for step, rule in RULES:
        key = rule(place)
        if key is not None:
            return step, key
    return None


# --- which key --------------------------------------------------------------------------------------------------------


def at_work(spi: int, states: Mapping[int, KeyState]) -> int | None:
    """The highest key that is on trial or active."""
    working = [key for key in slots(spi) if states.get(key) in (KeyState.TRIAL, KeyState.ACTIVE)]
    return working[-1] if working else None


def targets(
    wish: Wish, states: Mapping[int, KeyState], verified: Set[int], place_of: Callable[[int], Place]
) -> dict[int, int] | str:
    """The key that each association is to have, or a sentence why not; `place_of` gives the place of a target.

    What was begun is finished first, and associations that are behind the others come up to them; only when there is
    nothing of that, all go on to the next key.
    """
    if wish.recovery:
        found = {spi: slots(spi)[RECOVERY_SLOT] for spi in wish.spis}
        lacking = [key for key in found.values() if key not in verified or states.get(key) is KeyState.SPENT]
        return f"recovery key {lacking[0]:04x} is not the one on board, or is spent" if lacking else found
    current: dict[int, int] = {}
    for spi in wish.spis:
        key = at_work(spi, states)
        if key is None or key not in verified:
            return f"of SPI {spi:04x} no key is at work on board that is at hand here: kratai keys rotate --recovery"
        current[spi] = key
    working = [slot_of(key) for key in current.values() if not is_recovery(key)]
    if not working:
        return "the recovery keys are at work, and no key is above them: new ones are brought to the board by hand"
    level = max(working)
    ahead = {spi: _next(spi, level, states, verified) for spi, key in current.items() if slot_of(key) < level}
    behind = {spi: key for spi, key in ahead.items() if key is not None}
    if behind or any(due(place_of(key)) is not None for key in current.values()):
        return current | behind
    following = {
        spi: _next(spi, slot_of(key) + 1, states, verified) for spi, key in current.items() if not is_recovery(key)
    }
    lacking_spi = next((spi for spi, key in following.items() if key is None), None)
    if lacking_spi is not None:
        return f"no key above {current[lacking_spi]:04x} is left for SPI {lacking_spi:04x}; nothing was changed"
    return current | {spi: key for spi, key in following.items() if key is not None}


def _next(spi: int, slot: int, states: Mapping[int, KeyState], verified: Set[int]) -> int | None:
    """The lowest working key from a slot on that waits on board and is the same here."""
    waiting = [key for key in slots(spi)[slot:RECOVERY_SLOT] if states.get(key) is KeyState.STANDBY]
    return next((key for key in waiting if key in verified), None)
