"""SIMULATED: the keys that the ground of a bench has at hand, those in its safe, and what a plan does to them.

They are changed over the link by the ground's own program (`tools/ground/key_rotation.py`). Its challenges are the
run's dice, so that a run can be repeated.
"""

from collections.abc import Iterable

from fsw.ccsds.key_proof import CHALLENGE_OCTETS
from fsw.ccsds.sdls import IV_END, Protection, on_ground
from fsw.kernel.key import RECOVERY_SLOT, Key, Keys, slot_of, spi_of
from hil.seed import Dice
from hil.written.key_order import KeyOrder
from tools.ground.key_rotation import News
from tools.ground.key_work import KeyWork
from tools.ground.keyring import Keyring
from tools.ground.ticket import Sender

_BYTE = 255
BENCH = Sender("bench")


class GroundKeys:
    """The ground's end of a protected link in a bench; counters begin at 0."""

    def __init__(self, keys: Keys, dice: Dice) -> None:
        self._dice = dice
        self._safe = {key: one for key, one in keys.items() if slot_of(key) == RECOVERY_SLOT}
        self._ring = Keyring({key: one for key, one in keys.items() if key not in self._safe})
        self._begin(self._ring.keys)
        self.astray = False
        """Whether what is at hand may be other keys than the payload's."""
        self.work = KeyWork(self._ring, self._challenge)

    @property
    def protection(self) -> Protection:
        """The ground's end."""
        return self._ring.protection

    @property
    def at_hand(self) -> Keys:
        """Those at hand."""
        return self._ring.keys

    def obey(self, order: KeyOrder, source_id: int) -> str:
        """Do what a plan says; why not, or empty."""
        if order.do == "rotate":
            return self.work.begin(order.wish, BENCH, source_id)
        if order.do == "recover":
            fresh = {key: one for key, one in self._safe.items() if key not in self._ring.keys}
            self._ring.bring(fresh)
            self._begin(fresh)
            return ""
        self._lose([key for key in self._ring.keys if spi_of(key) in order.wish.spis and key not in self._safe])
        return ""

    def take_news(self) -> list[News]:
        """What a change of keys says."""
        return self.work.take_news()

    def _begin(self, keys: Iterable[int]) -> None:
        for key in keys:
            sender = self.protection.sending.get(key)
            if sender is not None:
                sender.begin(0, IV_END)

    def _lose(self, lost: list[int]) -> None:
        self.astray = True
        protection = self.protection
        other = {
            key: Key(self._octets(len(self._ring.keys[key].octets)), signs=self._ring.keys[key].signs) for key in lost
        }
        self._ring.keys |= other
        wrong = on_ground(other, numbered=True)
        for key, sender in wrong.sending.items():
            if key in protection.sending:
                sender.begin(protection.sending[key].following, IV_END)
                protection.sending[key] = sender
        for key in [sender.key for sender in protection.senders.values() if sender.key in wrong.sending]:
            protection.use(key)
        for key in [key for key in wrong.taking if key in protection.taking]:
            protection.taking[key] = wrong.taking[key]
        for vcid in wrong.receivers:
            protection.take(vcid, protection.taking)

    def _challenge(self) -> bytes:
        return self._octets(CHALLENGE_OCTETS)

    def _octets(self, count: int) -> bytes:
        return bytes(self._dice.whole(0, _BYTE) for _ in range(count))
