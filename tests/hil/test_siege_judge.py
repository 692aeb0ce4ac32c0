"""The judge of a siege has teeth: on a clear link, and with a receiver that is weak in one respect, he says so."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from fsw.ccsds.sdls import SdlsReject
from fsw.mdb.mission import load as load_mission
from hil.board.board import Board, flying
from hil.line.eye import simulated_keys
from hil.seed import Dice
from hil.siege.siege import besiege

MISSION = load_mission()
SEED = 5


class Weak:
    """The payload's end of the protection, which takes what it should refuse for one reason."""

    def __init__(self, protection: object, refusal: str, key: bytes) -> None:
        self._protection = protection
        self._refusal = refusal
        self._key = key

    def __getattr__(self, name: str) -> object:
        return getattr(self._protection, name)

    def check(self, vcid: int, field: bytes, *, bypass: bool = True) -> object:
        found = self._protection.check(vcid, field, bypass=bypass)  # type: ignore[attr-defined]
        if getattr(found, "value", "") != self._refusal:
            return found
        counter = field[2:14] + (2).to_bytes(4, "big")  # GCM: block 1 is the MAC's
        return Cipher(algorithms.AES(self._key), modes.CTR(counter)).decryptor().update(field[14:-16])


class Uncounted(dict[SdlsReject, int]):
    """Counters that stand still."""

    def __setitem__(self, key: SdlsReject, value: int) -> None:
        return


def weakened(board: Board, refusal: str) -> None:
    link = flying(board).link
    key = simulated_keys(Dice(SEED, "test"))[0x10]
    link.protection = Weak(link.protection, refusal, key.octets)  # type: ignore[assignment]


def breaches(kinds: tuple[str, ...], refusal: str) -> str:
    found = besiege(SEED, 12, MISSION, weaken=lambda board: weakened(board, refusal), only=kinds)
    return "\n".join(found.breaches)


def test_a_receiver_that_forgets_its_mark_is_found_out() -> None:
    assert " was executed 2 times" in breaches(("replay-bypassing", "replay-fitted"), "sdls_replayed")


def test_a_receiver_that_looks_at_no_mac_is_found_out() -> None:
    said = breaches(("flip-mended", "highest-counter"), "sdls_not_authentic")
    assert "and was not sent so" in said or "the ground never sent it" in said


def test_a_clear_link_is_found_out() -> None:
    found = "\n".join(besiege(SEED, 6, MISSION, protected=False, only=("clear-bd", "lander-reports")).breaches)
    assert "the ground never sent it" in found
    assert "the ground believes" in found


def test_refusals_that_are_not_counted_are_found_out() -> None:
    def silent(board: Board) -> None:
        protection = flying(board).link.protection
        assert protection is not None
        protection.refused = Uncounted(protection.refused)

    found = besiege(SEED, 2, MISSION, weaken=silent, only=("old-key",)).breaches
    assert any("sdls_not_authentic 0 instead of 1" in breach for breach in found)
