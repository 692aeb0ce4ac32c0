"""Key slots as they are commanded: layouts by hand."""

from fsw.mdb import codec
from fsw.mdb.keys import ActivateKey, DeactivateKey, EraseKey, KeyState, KeyVerified, VerifyKey

PROOF = bytes(range(16))


def test_bodies_are_the_fields_in_their_order() -> None:
    assert codec.encode(VerifyKey(key=0x0110, challenge=PROOF)) == b"\x01\x10" + PROOF
    assert codec.encode(ActivateKey(key=0x0110, proof=PROOF)) == b"\x01\x10" + PROOF
    assert codec.encode(DeactivateKey(key=0x0010, by=0x0110, proof=PROOF)) == b"\x00\x10\x01\x10" + PROOF
    assert codec.encode(EraseKey(key=0x0010)) == b"\x00\x10"
    told = KeyVerified(key=0x0323, state=KeyState.SPENT, answer=PROOF)
    assert codec.encode(told) == b"\x03\x23\x04" + PROOF
