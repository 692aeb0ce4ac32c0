"""Words that only the holder of a key can say, without saying the key: HMAC-SHA-256, its first 16 octets.

`answer` replies to a challenge, as the key verification of 355.1-B does; `proof` goes with a request about a key; a
check value tells keys apart in lists. Each begins with a label of its own, so that none can stand for another.
"""

import hmac
from typing import Final

from fsw.kernel.key import Key

CHALLENGE_OCTETS: Final = 16
PROOF_OCTETS: Final = 16
CHECK_OCTETS: Final = 8
ACTIVATE: Final = b"activate"
DEACTIVATE: Final = b"deactivate"


def _said(key: Key, label: bytes, subject: int, said: bytes = b"") -> bytes:
    return hmac.digest(key.octets, b"kratai key " + label + subject.to_bytes(2, "big") + said, "sha256")


def answer(key: Key, subject: int, challenge: bytes) -> bytes:
    """What the holder of key id `subject` answers to a challenge of 16 octets."""
    assert len(challenge) == CHALLENGE_OCTETS
    return _said(key, b"verify", subject, challenge)[:PROOF_OCTETS]


def proof(key: Key, verb: bytes, subject: int) -> bytes:
    """That the holder of `key` asks for `verb` (ACTIVATE, DEACTIVATE) on the key id `subject`."""
    assert verb in (ACTIVATE, DEACTIVATE)
    return _said(key, verb, subject)[:PROOF_OCTETS]


def check_value(key: Key) -> bytes:
    """Eight octets that tell one key from another, and nothing else of it."""
    return _said(key, b"check value", 0)[:CHECK_OCTETS]


def same(one: bytes, other: bytes) -> bool:
    """Whether two words are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)
