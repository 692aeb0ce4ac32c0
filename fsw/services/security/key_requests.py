"""Keys by telecommand: a key is verified, activated, retired and erased (8,1) 63 to 66; the slots are `key_slots.py`.

Nobody activates a key that he does not hold, and a key is retired by who holds a higher one of the same association
that is at work: so keys only move upwards, and who has stolen one can do nothing to those above it. Failure codes, the
first that holds: a mode in which nothing is written 0x14; a number of no key, or an empty slot, 0x10; `by` of another
association or no higher slot 0x13, empty 0x10; a wrong proof 0x19; `by` not at work, or for telecommands not proved,
0x14; then the table's (`key_states.py`); an erase above a key at work 0x14. A change of the same key that is on its
way, or a life whose first rows are not kept yet, 8; a key whose counter waits for TAI 0x14.
An erase is the disk's: its file is overwritten and removed by the store's server, and then forgotten here.
Off nominal: a store that does not keep a change fails the request with 0x1B, and with 0x1A when nobody knows whether it
does: then what holds in memory is put again. Where the link is clear every slot is empty.
"""

from collections.abc import Callable, Iterable, Mapping

from fsw.ccsds import key_proof
from fsw.ccsds.sdls import KEY_IDS, SPI_TM
from fsw.kernel.clock import Micros
from fsw.kernel.key import Key, slot_of, spi_of
from fsw.mdb import codec
from fsw.mdb import keys as mdb
from fsw.mdb.keys import KeyState
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.instrument import Services
from fsw.services.keeper import Turns
from fsw.services.process import Execution
from fsw.services.security.key_slots import KeySlots
from fsw.services.security.key_states import AT_WORK, TABLE, KeyEvent
from fsw.services.security.link_security import LinkSecurity
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request
from fsw.store.client import Failed, KeyErased, Store, StoreAnswer
from fsw.store.keep import Change, Table

_States = Mapping[int, KeyState]


class KeyRequests:
    """Executions of the system process; `answered` takes what the store says about files of keys."""

    def __init__(
        self, telemetry: TelemetryService, services: Services, store: Store, slots: KeySlots, security: LinkSecurity
    ) -> None:
        self._telemetry = telemetry
        self._services = services
        self._verification = services.verification
        self._store = store
        self._slots = slots
        self._security = security
        self._turns = Turns(services.keeper, services.verification, Table.COUNTERS)
        self._changes: frozenset[int] = frozenset()  # keys of the commit that is awaited while turns are busy
        self._erasing: dict[int, tuple[Request, int]] = {}
        security.changing = self._changing
        self.executions: Mapping[type[object], Execution] = self._turns.guard(
            {
                mdb.VerifyKey: self._verify,
                mdb.ActivateKey: self._activate,
                mdb.DeactivateKey: self._deactivate,
                mdb.EraseKey: self._erase,
            }
        )

    def _changing(self, key: int) -> bool:
        return self._turns.busy and key in self._changes

    # --- the requests -----------------------------------------------------------------------------------------------

    def _verify(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.VerifyKey)
        held = self._slots.keys.get(body.key)
        if held is None:
            self._verification.refused(request, FailureCode.UNKNOWN_ID, now)
            return
        self._verification.started(request, now)
        answer = key_proof.answer(held, body.key, body.challenge)
        octets = codec.encode(mdb.KeyVerified(key=body.key, state=self._slots.states[body.key], answer=answer))
        self._telemetry.emit(
            APID_SYSTEM, Service.FUNCTIONS, mdb.VERIFIED_SUBTYPE, octets, now, destination=request.source_id
        )
        self._verification.completed(request, now)

    def _activate(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ActivateKey)
        held = self._slots.keys.get(body.key)
        if self._services.keeper.held:
            self._verification.refused(request, FailureCode.WRONG_STATE, now)
        elif held is None:
            self._verification.refused(request, FailureCode.UNKNOWN_ID, now)
        elif not self._proven(held, key_proof.ACTIVATE, body.key, body.proof):
            self._unproven(request, body.key, now)
        elif (after := self._after(request, body.key, KeyEvent.ACTIVATE, now)) is not None:
            counters = self._security.reservation(body.key)
            if counters is None:
                self._verification.refused(request, FailureCode.WRONG_STATE, now)
            else:
                changes, begin = counters
                self._commit(request, {body.key: after}, now, changes, begin)

    def _deactivate(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DeactivateKey)
        by = body.by
        state = self._slots.states.get(by, KeyState.EMPTY)
        held = self._slots.keys.get(by)
        code = None
        if self._services.keeper.held:
            code = FailureCode.WRONG_STATE
        elif body.key not in KEY_IDS:
            code = FailureCode.UNKNOWN_ID
        elif spi_of(by) != spi_of(body.key) or slot_of(by) <= slot_of(body.key):
            code = FailureCode.OUT_OF_RANGE
        elif held is None:
            code = FailureCode.UNKNOWN_ID
        elif not self._proven(held, key_proof.DEACTIVATE, body.key, body.proof):
            self._unproven(request, by, now)
            return
        elif state not in (AT_WORK if spi_of(by) >= SPI_TM else (KeyState.ACTIVE,)):
            code = FailureCode.WRONG_STATE
        if code is not None:
            self._verification.refused(request, code, now)
            return
        after = self._after(request, body.key, KeyEvent.DEACTIVATE, now)
        if after is not None:
            # Of telemetry this proof is the new key's: who made it reads what leaves under it.
            proved = TABLE[KeyEvent.PROVED][state].after
            self._commit(request, {body.key: after, by: proved}, now)

    def _erase(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.EraseKey)
        if self._after(request, body.key, KeyEvent.ERASE, now) is None:
            return
        lower = (self._slots.states[key] for key in KEY_IDS if spi_of(key) == spi_of(body.key) and key < body.key)
        if any(state in AT_WORK for state in lower):
            self._verification.refused(request, FailureCode.WRONG_STATE, now)
            return
        asked = None
        if all(key != body.key for _, key in self._erasing.values()):
            asked = self._store.erase_key(body.key, now)
        if asked is None:
            self._verification.refused(request, FailureCode.BUSY, now)
            return
        self._verification.started(request, now)
        self._erasing[asked] = (request, body.key)

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is not about the file of a key."""
        if not isinstance(answer, Failed | KeyErased) or answer.request_id not in self._erasing:
            return False
        request, key = self._erasing.pop(answer.request_id)
        if isinstance(answer, Failed):
            code = FailureCode.TIMEOUT if answer.store_status is None else FailureCode.INTERNAL
            self._verification.failed(request, code, now)
            return True
        self._slots.become(key, KeyState.EMPTY, now)
        self._verification.completed(request, now)
        return True

    # --- what they share --------------------------------------------------------------------------------------------

    def _proven(self, held: Key, verb: bytes, subject: int, proof: bytes) -> bool:
        return key_proof.same(proof, key_proof.proof(held, verb, subject))

    def _unproven(self, request: Request, key: int, now: Micros) -> None:
        self._slots.no_proof(key, now)
        self._verification.refused(request, FailureCode.PROTECTED, now)

    def _after(self, request: Request, key: int, event: KeyEvent, now: Micros) -> KeyState | None:
        """Where the table puts the key; None when the request has been refused."""
        after, code = TABLE[event][self._slots.states.get(key, KeyState.EMPTY)]
        if code is None and (key in self._security.proving or not self._security.begun):
            code = FailureCode.BUSY
        if code is not None:
            self._verification.refused(request, code, now)
            return None
        return after

    def _commit(
        self,
        request: Request,
        states: _States,
        now: Micros,
        more: Iterable[Change] = (),
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep where the keys come to stand, with what goes with it; then it holds."""

        def apply(at: Micros) -> None:
            begin()
            for key, state in states.items():
                self._slots.become(key, state, at)

        self._verification.started(request, now)
        self._changes = frozenset(states)
        changes = [*self._rows(states), *more]
        self._turns.commit(request, changes, now, apply, lambda at: self._put_again(states, at))

    def _rows(self, states: _States) -> list[Change]:
        return [change for key, state in states.items() for change in self._slots.rows(key, state)]

    def _put_again(self, states: _States, now: Micros) -> None:
        """Nobody knows what is on the disk: what holds here is put there."""
        self._services.keeper.keep(self._rows({key: self._slots.states[key] for key in states}), now, lambda *_: None)
