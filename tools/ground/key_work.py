"""The changes of keys of one session, one at a time: an attendant that begins, stops and tells of them."""

from collections.abc import Callable, Mapping

from fsw.ccsds.sdls import SPIS
from fsw.kernel.clock import NEVER, Micros
from tools.ground.attendant import Commanding
from tools.ground.key_rotation import News, Rotation, lacking
from tools.ground.key_steps import Wish
from tools.ground.keyring import KeyHands
from tools.ground.ticket import Sender
from tools.ground.tracking import StageChange


def wish_of(message: Mapping[str, object]) -> Wish | str:
    """What a client's message asks for: `spis` (all unless named), `recovery`, `keep_old`; or what is wrong with it."""
    named = message.get("spis", list(SPIS))
    recovery, keep_old = message.get("recovery", False), message.get("keep_old", False)
    if not isinstance(named, list) or not isinstance(recovery, bool) or not isinstance(keep_old, bool):
        return "rotate takes spis as a list, recovery and keep_old as true or false"
    if not named or not all(type(spi) is int and spi in SPIS for spi in named):
        return f"spis are some of {', '.join(f'{spi:04x}' for spi in SPIS)}"
    return Wish(tuple(spi for spi in SPIS if spi in named), recovery, keep_old)


class KeyWork:
    """`challenge` gives 16 random octets, never the same twice."""

    def __init__(self, hands: KeyHands, challenge: Callable[[], bytes]) -> None:
        self._hands = hands
        self._challenge = challenge
        self._rotation: Rotation | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._rotation is not None and self._rotation.ending is None

    def begin(self, wish: Wish, by: Sender, source_id: int) -> str:
        """Begin a change of keys; why not, or empty."""
        if self._rotation is not None and self.running:
            return f"{self._rotation.by.operator} is changing keys now"
        refused = self._hands.refresh() or lacking(wish, self._hands)
        if not refused:
            self._rotation = Rotation(wish, self._hands, self._challenge, by, source_id)
        return refused

    def stop(self, why: str, session: Commanding, now: Micros) -> None:
        """End the one that is under way."""
        if self._rotation is not None:
            self._rotation.stop(why, now, session)

    def take_news(self) -> list[News]:
        """What there is to tell of it."""
        return [] if self._rotation is None else self._rotation.take_news()

    @property
    def due(self) -> Micros:
        """As `attendant.Attendant`."""
        return NEVER if self._rotation is None else self._rotation.due

    def hear(self, body: object) -> None:
        """As `attendant.Attendant`."""
        if self._rotation is not None:
            self._rotation.hear(body)

    def stage(self, change: StageChange) -> None:
        """As `attendant.Attendant`."""
        if self._rotation is not None:
            self._rotation.stage(change)

    def step(self, session: Commanding, now: Micros) -> None:
        """As `attendant.Attendant`."""
        if self._rotation is not None:
            self._rotation.step(session, now)
