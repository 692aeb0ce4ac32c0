"""The slots of this board's keys: where each stands, which are taken, which one sends, and what is kept of them.

Taken are commands under keys on trial or active, and under the recovery key; where none of these is there, under the
lowest in standby. Telemetry leaves under the highest on trial or active, else under the recovery key, else under the
lowest in standby. A kept row is the state and the key's check value with their complement, twice: of another key under
the same id nothing kept holds.

Off nominal: without a kept state the lowest slot that has a key is active and the others are in standby; beside a key
at work a new one is in standby. The row of an erased key stays as that of a spent one: should its file come back, it is
spent. A file that cannot be used leaves its slot empty and is told at each boot, and so is whoever has no right proof.
"""

from collections.abc import Collection, Mapping
from typing import Final

from fsw.ccsds.key_proof import check_value
from fsw.ccsds.sdls import KEY_IDS, SPI_TC, SPI_TM, SPIS, TC_PROTECTED, Protection
from fsw.kernel.clock import Micros
from fsw.kernel.key import RECOVERY_SLOT, SLOTS, Key, Keys, key_id, slot_of
from fsw.mdb import keys as mdb
from fsw.mdb.keys import KeyState
from fsw.mdb.values import Raw
from fsw.services.instrument import Services
from fsw.services.security.key_states import AT_WORK, TABLE, KeyEvent
from fsw.store.keep import Change, Table, put

STATE: Final = 0x2_0000
"""Added to a key id: the key of its row; `COPY` more: of the second one."""
COPY: Final = 0x1_0000
_CHECKED: Final = 1 + 8
_SLOTS: Final = {
    SPI_TC: mdb.SLOTS_TC_VC0, SPI_TC + 1: mdb.SLOTS_TC_VC1,
    SPI_TM: mdb.SLOTS_TM_VC0, SPI_TM + 1: mdb.SLOTS_TM_VC1, SPI_TM + 3: mdb.SLOTS_TM_VC3,
}  # fmt: skip
assert set(_SLOTS) == set(SPIS), "the slots of every association are told"
_U16: Final = 0xFFFF


class KeySlots:
    """Keys by id, and where they stand. `unusable`: key ids whose file is no key."""

    def __init__(
        self, services: Services, protection: Protection | None, keys: Keys, unusable: Collection[int] = ()
    ) -> None:
        self._services = services
        self._protection = protection
        self.keys: dict[int, Key] = {key: keys[key] for key in KEY_IDS if protection is not None and key in keys}
        self.states: dict[int, KeyState] = dict.fromkeys(KEY_IDS, KeyState.EMPTY)
        self._checks = {key: check_value(found) for key, found in self.keys.items()}
        self._untold = [key for key in KEY_IDS if key in unusable]
        self.proofs_wrong = 0

    # --- what is kept -----------------------------------------------------------------------------------------------

    def rows(self, key: int, state: KeyState) -> list[Change]:
        """That the key stands there, twice."""
        octets = bytes((state,)) + self._checks[key]
        row = octets + bytes(octet ^ 0xFF for octet in octets)
        return [put(Table.COUNTERS, key | place, row) for place in (STATE, STATE + COPY)]

    def restore(self, rows: Mapping[int, bytes]) -> set[int]:
        """The states of the life before; returns the keys of whose id another one's rows are kept."""
        kept: dict[int, KeyState] = {}
        others: set[int] = set()
        for key, check in self._checks.items():
            found = [row for place in (STATE, STATE + COPY) if (row := _unsealed(rows.get(key | place)))]
            if found and found[0][1:] == check:
                kept[key] = KeyState(found[0][0])
            elif found:
                others.add(key)
        for spi in SPIS:
            self._begin(spi, kept)
        self.arrange()
        return others

    def _begin(self, spi: int, kept: Mapping[int, KeyState]) -> None:
        """States of one association: those that are kept, and for a key that is new the place that is left."""
        there = [key for key in _of(spi) if key in self.keys]
        new = [key for key in there if key not in kept]
        self.states |= {key: kept.get(key, KeyState.STANDBY) for key in there}
        working = [key for key in new if slot_of(key) < RECOVERY_SLOT or there == [key]]
        if working and not any(self.states[key] in AT_WORK for key in there):
            self.states[working[0]] = KeyState.ACTIVE

    # --- what the link does with them -------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Have the link take, and send under, what the states say."""
        if self._protection is None:
            return
        for vcid in TC_PROTECTED:
            self._protection.take(vcid, self._taken(SPI_TC + vcid))
        for spi in SPIS:
            sender = self._sends(spi) if spi >= SPI_TM else None
            if sender is not None:
                self._protection.use(sender)

    def _taken(self, spi: int) -> list[int]:
        there = [key for key in _of(spi) if key in self.keys]
        taken = [key for key in there if self.states[key] in AT_WORK or self._is_recovery(key)]
        return taken or [key for key in there if self.states[key] is KeyState.STANDBY][:1]

    def _sends(self, spi: int) -> int | None:
        there = [key for key in _of(spi) if key in self.keys]
        at_work = [key for key in there if self.states[key] in AT_WORK]
        recovery = [key for key in there if self._is_recovery(key)]
        return next(iter([*at_work[-1:], *recovery, *(k for k in there if self.states[k] is KeyState.STANDBY)]), None)

    def _is_recovery(self, key: int) -> bool:
        return slot_of(key) == RECOVERY_SLOT and self.states[key] is KeyState.STANDBY

    # --- what becomes of them ---------------------------------------------------------------------------------------

    def proved(self, key: int) -> bool:
        """Whether having been used changes where the key stands."""
        state = self.states[key]
        return TABLE[KeyEvent.PROVED][state].after is not state

    def become(self, key: int, state: KeyState, now: Micros) -> None:
        """What is on the disk holds: the key stands there."""
        if self.states[key] is state:
            return
        self.states[key] = state
        if state is KeyState.EMPTY:
            del self.keys[key], self._checks[key]
            assert self._protection is not None, "a clear link has no keys"
            self._protection.drop(key)
        self.arrange()
        self._services.events.report(mdb.KeyChanged(key=key, state=state), now)

    def no_proof(self, key: int, now: Micros) -> None:
        """Somebody has asked for something about a key that he does not hold."""
        self.proofs_wrong += 1
        self._services.events.report(mdb.KeyProofWrong(key=key), now)

    def tell(self, now: Micros) -> None:
        """Say which files are no keys, behind the boot event."""
        for key in self._untold:
            self._services.events.report(mdb.KeyUnusable(key=key), now)
        self._untold.clear()

    @property
    def untold(self) -> bool:
        """Whether `tell` has something to say."""
        return bool(self._untold)

    def sample(self) -> dict[int, Raw]:
        """Where all keys stand, by parameter id."""
        values: dict[int, Raw] = {mdb.PROOFS_WRONG.pid: min(self.proofs_wrong, _U16)}
        for spi, parameter in _SLOTS.items():
            values[parameter.pid] = sum(self.states[key] << 4 * slot_of(key) for key in _of(spi))
        return values


def _of(spi: int) -> list[int]:
    """The key ids of an association, lowest slot first."""
    return [key_id(spi, slot) for slot in range(SLOTS)]


def _unsealed(row: bytes | None) -> bytes | None:
    """State and check value of a row; None when it is none or its halves contradict one another."""
    if row is None or len(row) != 2 * _CHECKED:
        return None
    octets = row[:_CHECKED]
    sound = bytes(octet ^ 0xFF for octet in octets) == row[_CHECKED:]
    return octets if sound and KeyState.EMPTY < octets[0] <= KeyState.SPENT else None
