"""Words of a key's holder: HMAC-SHA-256 as RFC 2104 writes it, by hand."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds.key_proof import ACTIVATE, DEACTIVATE, answer, check_value, proof, same
from fsw.kernel.key import Key, key_id, slot_of, spi_of

SPIS = (0x10, 0x11, 0x20, 0x21, 0x23)
KEYS = st.binary(min_size=32, max_size=32)
CHALLENGES = st.binary(min_size=16, max_size=16)
IDS = st.builds(key_id, st.sampled_from(SPIS), st.integers(0, 3))


def rfc_2104(secret: bytes, text: bytes) -> bytes:
    """H(K xor opad, H(K xor ipad, text)) with blocks of 64 octets."""
    block = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block) + text).digest()
    return hashlib.sha256(bytes(octet ^ 0x5C for octet in block) + inner).digest()


@given(KEYS, IDS, CHALLENGES)
def test_each_word_is_the_code_of_its_label(secret: bytes, subject: int, challenge: bytes) -> None:
    number = bytes((subject >> 8, subject & 0xFF))
    key = Key(secret)
    assert answer(key, subject, challenge) == rfc_2104(secret, b"kratai key verify" + number + challenge)[:16]
    assert proof(key, ACTIVATE, subject) == rfc_2104(secret, b"kratai key activate" + number)[:16]
    assert proof(key, DEACTIVATE, subject) == rfc_2104(secret, b"kratai key deactivate" + number)[:16]
    assert check_value(key) == rfc_2104(secret, b"kratai key check value\0\0")[:8]


def test_a_word_says_one_thing_of_one_key_by_one_key() -> None:
    keys = [Key(bytes([n]) * 32) for n in range(3)]
    words = [proof(key, verb, subject) for key in keys for verb in (ACTIVATE, DEACTIVATE) for subject in (0x110, 0x210)]
    words += [answer(key, subject, bytes(16)) for key in keys for subject in (0x110, 0x210)]
    assert len(set(words)) == len(words)
    assert same(words[0], bytes(words[0]))
    assert not same(words[0], words[1])


def test_a_key_id_is_its_spi_and_its_slot() -> None:
    assert [key_id(0x10, slot) for slot in range(4)] == [0x0010, 0x0110, 0x0210, 0x0310]
    assert [(spi_of(number), slot_of(number)) for number in (0x0023, 0x0323)] == [(0x23, 0), (0x23, 3)]
