"""Who flies: there and back; what is no header is none, and names of a later format are passed over."""

import pytest

from fsw.capture.encoding import Value
from fsw.capture.header import Header, decode, encode
from fsw.config import LINES

HEADER = Header(
    "rabbit",
    LINES["fast"],
    "slip",
    bytes(range(32)),
    "kratai 0.1.0",
    "3.11.7",
    "crcmod",
    ("store", "camera"),
    "sim",
    3,
    7,
)


def changed(name: str, value: Value) -> Value:
    encoded = encode(HEADER)
    assert isinstance(encoded, tuple)
    return tuple((name, value) if isinstance(pair, tuple) and pair[0] == name else pair for pair in encoded)


def test_a_header_comes_back() -> None:
    encoded = encode(HEADER)
    assert isinstance(encoded, tuple)
    assert decode(encoded) == HEADER
    assert decode((*encoded, ("weather", "fine"))) == HEADER


@pytest.mark.parametrize(
    "value",
    [
        None,
        "rabbit",
        ("mission", "rabbit"),
        ((1, 2),),
        ((),),
        (),
        changed("mission", 7),
        changed("line", None),
        changed("line", ("fast", 921_600)),
        changed("line", ("fast", 921_600, 892, 50_000, 1_000_000, "often")),
        changed("line", (7, 921_600, 892, 50_000, 1_000_000, 1_000_000)),
        changed("line", ("fast", 10, 892, 50_000, 1_000_000, 1_000_000)),
        changed("line", ("fast", 921_600, 0, 50_000, 1_000_000, 1_000_000)),
        changed("database", "text"),
        changed("wires", "store"),
        changed("wires", ("store", 1)),
        changed("life", "first"),
    ],
)
def test_what_is_no_header_is_none(value: Value) -> None:
    assert decode(value) is None
