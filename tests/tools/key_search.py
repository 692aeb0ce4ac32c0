"""Looks for octets of keys, and parts of them, in whatever was said: raw, hex, base64, as Python writes them."""

import base64
import traceback
from collections.abc import Iterable

PART = 6
"""So many octets in a row are no chance."""


def forms(key: bytes, apart: int = 1) -> set[bytes]:
    found = {base64.b64encode(key)[:40], base64.urlsafe_b64encode(key)[:40], repr(key)[2:-1].encode()}
    for at in range(0, len(key) - PART + 1, apart):
        part = key[at : at + PART]
        found |= {part, part.hex().encode(), part.hex().upper().encode(), part.hex(":").encode()}
        found |= {", ".join(map(str, part)).encode(), base64.b64encode(key[at:])[:16]}
    return found


def shown(keys: Iterable[bytes], said: bytes, apart: int = 1) -> list[bytes]:
    """What of the keys stands in what was said; `apart`: parts begin so far apart, for what was said at length."""
    assert said
    return [form for key in keys for form in forms(key, apart) if form in said]


def told(error: BaseException) -> bytes:
    """All that Python can show of a fault, local variables of every frame but the test's own among it."""
    assert error.__traceback__ is not None
    behind = error.__traceback__.tb_next
    text = traceback.TracebackException(type(error), error, behind, capture_locals=True).format()
    return "".join(text).encode()
